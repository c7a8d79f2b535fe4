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


def _finish(figure: Figure, phases: xr.Dataset, *extra: Line2D) -> None:
    layers_legend(figure, phases["layer"].to_numpy(), *extra)
    figure.suptitle(
        f"{phases.sizes['replica']} networks, mean batch {phases.attrs['batch_size']:.0f}; "
        f"ratios of averages at fixed weights; bands {phases.attrs['confidence']:.0%} "
        "over networks",
        fontsize=7,
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
    _finish(figure, phases)
    return figure


def ratio(sources: Sources) -> Figure:
    """Mean over noise at fixed weights, drift of an epoch over noise, and their transitions."""
    phases = sources["phases"]
    titles = {
        "gradient_ratio": "mean gradient at fixed weights / noise",
        "drift_ratio": "drift over the next epoch / noise",
    }
    panels = [name for name in titles if name in phases]
    figure, axes = subplots(1, len(panels), figsize=(PAGE, 3.0), sharey=True, squeeze=False)
    gradient_phases(phases, panels=panels, ax=axes)
    for ax, name in zip(axes[0], panels, strict=True):
        ax.set(title=titles[name], ylabel="")
    axes[0, 0].set_ylabel("ratio")
    mark = Line2D([], [], color="#444444", marker="v", linestyle="", ms=5,
                  label="first below 1\nfive records in a row,\nensemble average;\n"
                        "line: 95% interval")  # fmt: skip
    _finish(figure, phases, mark)
    return figure


def noise_scale(sources: Sources) -> Figure:
    """Noise scale of each layer where noise passes the mean gradient, against the batch size."""
    data = with_cases(sources["phases"])
    batch = data["swept_batch_size"].to_numpy().astype(float)
    layers = data["layer"].to_numpy()
    figure, ax = subplots(figsize=(PAGE * 0.72, 2.9))
    shift = np.linspace(0.92, 1.09, len(layers))
    for k, (layer, colour, _) in enumerate(layer_styles(layers)):
        scale = data["transition_noise_scale"].sel(layer=layer).transpose("case", "replica")
        own = scale.to_numpy() * batch[:, None]
        has_enough = np.isfinite(own).sum(axis=1) > 2
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
    figure.suptitle("median and middle 90% of networks", fontsize=7)
    return figure


def _seen(phases: xr.Dataset) -> str:
    if not bool(np.isfinite(phases["gradient_ratio"]).any()):
        return "There is one batch per epoch, and so no noise."
    words = []
    for name, what in (
        ("transition_epoch_ensemble", "the mean gradient at fixed weights"),
        ("drift_transition_epoch_ensemble", "the drift of an epoch"),
    ):
        if name in phases:
            at = phases[name].to_numpy()
            at = at[np.isfinite(at)]
            if len(at):
                words.append(f"noise passes {what} at epochs {at.min():.0f} to {at.max():.0f}")
    return f"By layer, {'; '.join(words)}." if words else "Noise does not pass the mean."


FIGURES = {
    "gradient_phases": Entry(
        mean_and_noise,
        "Norm of mean gradient and of its noise over the weight norm, log-log (figure 4).",
        needs=("phases",),
        by_case=True,
        seen=_seen,
    ),
    "gradient_ratio": Entry(
        ratio,
        "Mean over noise at fixed weights, drift of an epoch over noise, and their transitions.",
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
