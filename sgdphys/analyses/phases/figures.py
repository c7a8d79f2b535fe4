"""From drift to diffusion: gradient mean and noise of each layer against epochs."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.layers import layer_marker, layer_styles, layers_legend
from sgdphys.figures.plots.gradient_phases import gradient_phases
from sgdphys.figures.style import EXACT, PAGE, subplots, with_cases
from sgdphys.quantities import axis_label


def _finish(figure: Figure, phases: xr.Dataset, said: str, *extra: Line2D) -> None:
    layers_legend(figure, phases["layer"].to_numpy(), *extra)
    figure.suptitle(
        f"{phases.sizes['replica']} networks, mean batch {phases.attrs['batch_size']:.0f}; "
        f"{said}; bars {phases.attrs['confidence']:.0%} over networks",
        fontsize="small",
    )


def mean_and_noise(sources: Sources) -> Figure:
    """Norm of mean gradient and of its noise over the weight norm, log-log (figure 4)."""
    phases = sources["phases"]
    panels = ("mean_over_weight", "noise_over_weight")
    figure, axes = subplots(1, 2, figsize=(PAGE, 2.9), sharey=True)
    gradient_phases(phases, panels=panels, ax=axes)
    for ax, name in zip(axes, panels, strict=True):
        ax.set(title=axis_label(phases[name]).partition(" (")[0], ylabel="")
    axes[0].set_ylabel("per weight norm (loss/weight$^2$)")
    _finish(figure, phases, "ratios of averages at fixed weights")
    return figure


_TITLES = {
    "followed_ratio": "mean over spread of the gradients\nthat an epoch's updates followed",
    "gradient_ratio": "mean gradient over noise,\nat fixed weights",
    "drift_ratio": "drift over two epochs / noise\nat fixed weights",
    "displacement_cosine": "cosine of consecutive displacements\n(1 drift, 0 walk, -1 swing)",
}
"""Panels of the readings of drift against noise, the paper's own first."""


def ratio(sources: Sources) -> Figure:
    """Drift against noise by three readings, their transitions, and whether epochs go on."""
    phases = sources["phases"]
    panels = [name for name in _TITLES if name in phases]
    rows = -(-len(panels) // 2)
    figure, axes = subplots(rows, 2, figsize=(PAGE, 2.5 * rows), sharex=True, squeeze=False)
    for ax in axes.ravel()[len(panels) :]:
        ax.set_axis_off()
    drawn = axes.ravel()[: len(panels)]
    gradient_phases(phases, panels=panels, ax=drawn)
    for ax, name in zip(drawn, panels, strict=True):
        ax.set_title(_TITLES[name], fontsize="small")
        ax.set_ylabel("cosine" if name == "displacement_cosine" else "ratio")
    mark = Line2D([], [], color="#444444", marker="v", linestyle="", ms=5,
                  label="first of five records\nin a row below 1, mean\n"
                        "over networks; line:\n95% interval of it")  # fmt: skip
    _finish(figure, phases, "geometric means", mark)
    return figure


_FEWEST = 3
"""Networks with a transition from which a median of theirs is drawn."""


def noise_scale(sources: Sources) -> Figure:
    """Noise scale of each layer where noise passes the mean gradient, against the batch size."""
    data = with_cases(sources["phases"])
    batch = data["swept_batch_size"].to_numpy().astype(float)
    sizes = data["mean_batch_size"].to_numpy()  # the last batch of an epoch may be shorter
    layers = data["layer"].to_numpy()
    figure, ax = subplots(figsize=(PAGE * 0.72, 2.9))
    shift = np.linspace(0.92, 1.09, len(layers))
    drawn = 0
    for k, (layer, colour, _) in enumerate(layer_styles(layers)):
        scale = data["transition_noise_scale"].sel(layer=layer).transpose("case", "replica")
        own = scale.to_numpy() * sizes[:, None]
        has_enough = np.isfinite(own).sum(axis=1) >= _FEWEST
        drawn += int(has_enough.sum())
        if not has_enough.any():
            continue
        low, middle, high = np.nanquantile(own[has_enough], [0.05, 0.5, 0.95], axis=1)
        at = batch[has_enough] * shift[k]
        ax.errorbar(at, middle, [middle - low, high - middle], fmt=layer_marker(layer),
                    color=colour, elinewidth=0.7)  # fmt: skip
    ends = np.array([batch.min() * 0.8, batch.max() * 1.2])
    ax.plot(ends, ends, color=EXACT, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(np.unique(batch), [f"{b:.0f}" for b in np.unique(batch)])
    ax.xaxis.minorticks_off()
    ax.set_xlabel("batch size (logarithmic)")
    ax.set_ylabel("noise scale tr $S/|G|^2$ at the\ntransition (samples, logarithmic)")
    law = Line2D([], [], color=EXACT, linewidth=0.8, label="equal")
    layers_legend(figure, layers, law, linestyle="")
    said = "median and middle 90% of networks"
    absent = len(layers) * len(batch) - drawn
    if absent:
        said += (
            f"; {absent} of {len(layers) * len(batch)} points absent: noise exceeds the mean\n"
            f"gradient at fixed weights in fewer than {_FEWEST} networks"
        )
    figure.suptitle(said, fontsize="small")
    return figure


_SAID = {
    "followed_": "the spread of the gradients that updates followed exceeds their mean",
    "drift_": "noise exceeds the drift over two epochs",
    "": "noise exceeds the mean gradient at fixed weights",
}


def _seen(phases: xr.Dataset) -> str:
    if not bool(np.isfinite(phases["gradient_ratio"]).any()):
        return "There is one batch per epoch, and so no noise."
    words = []
    for prefix, what in _SAID.items():
        name = f"{prefix}transition_epoch"
        if name in phases and bool(phases[name].notnull().any()):
            at = phases[name].median("replica").to_numpy()
            at = at[np.isfinite(at)]
            count = int(phases[name].notnull().any("layer").sum())
            words.append(
                f"{what} from epoch {at.min():.0f} to {at.max():.0f} on (medians of the {count} of "
                f"{phases.sizes['replica']} networks where it does)"
            )
    return f"By layer, {'; '.join(words)}." if words else "Noise does not exceed the mean."


FIGURES = {
    "gradient_phases": Entry(
        mean_and_noise,
        "Norm of mean gradient and of its noise over the weight norm, log-log; figure 4 of "
        "Shwartz-Ziv and Tishby (2017).",
        needs=("phases",),
        by_case=True,
        seen=_seen,
    ),
    "gradient_ratio": Entry(
        ratio,
        "Drift against noise by three readings, their transitions, and whether epochs go on.",
        needs=("phases",),
        by_case=True,
        seen=_seen,
    ),
    "noise_scale": Entry(
        noise_scale,
        "Noise scale of each layer where noise passes the mean gradient, against the batch size.",
        needs=("phases",),
        applies=lambda d: "swept_batch_size" in d.coords,
    ),
}
