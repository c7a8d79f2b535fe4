"""From drift to diffusion: gradient mean and noise of each layer against epochs."""

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.style import (
    EXACT,
    NULL,
    PAGE,
    epoch_axis,
    in_place_of_data,
    layer_styles,
    layers_legend,
    with_cases,
)
from sgdphys.quantities import axis_label


def _curve(ax: Axes, phases: xr.Dataset, name: str, layer: int, colour: object) -> None:
    """A curve with its interval; what cannot stand on a logarithmic axis is left out."""
    here = phases.sel(layer=layer)
    epoch = here["epoch"].to_numpy()
    middle, low, high = (
        np.where(np.isfinite(v) & (v > 0), v, np.nan)
        for v in (here[f"{name}{suffix}"].to_numpy() for suffix in ("", "_low", "_high"))
    )
    alone = np.isfinite(middle).sum() == 1
    ax.plot(epoch, middle, color=colour, linewidth=1.1, marker="o" if alone else None)
    ax.fill_between(epoch, low, high, color=colour, alpha=0.2, linewidth=0)


def _log_if_possible(ax: Axes, phases: xr.Dataset, *names: str) -> None:
    """A logarithmic axis where there is anything above 0, else a word."""
    if any(bool(((phases[n] > 0) & np.isfinite(phases[n])).any()) for n in names):
        ax.set_yscale("log")
        return
    in_place_of_data(ax, "no noise: one batch an epoch")


def _transition(ax: Axes, phases: xr.Dataset, name: str, layer: int, colour: object) -> None:
    """Mark a layer's transition on the axis of epochs, with its interval."""
    here = phases.sel(layer=layer)
    value, low, high = (float(here[f"{name}{s}"]) for s in ("", "_low", "_high"))
    if not np.isfinite(value):
        return
    place = 0.02 + 0.025 * (layer - 1)
    frame = ax.get_xaxis_transform()
    ax.plot([value], [place], marker="^", color=colour, ms=4, transform=frame, clip_on=False)
    if np.isfinite(low) and np.isfinite(high):
        ax.plot([low, high], [place, place], color=colour, linewidth=1, transform=frame)


def _finish(figure: Figure, phases: xr.Dataset, *extra: Line2D) -> None:
    layers_legend(figure, phases["layer"].to_numpy(), *extra)
    figure.suptitle(
        f"{phases.sizes['replica']} networks, mean batch {phases.attrs['batch_size']:.0f}; "
        f"ratios of averages at fixed weights; bands {phases.attrs['confidence']:.0%} (bootstrap "
        "over networks)",
        fontsize=7,
    )


def mean_and_noise(sources: Sources) -> Figure:
    """Norm of mean gradient and of its noise over the weight norm, log-log (figure 4)."""
    phases = sources["phases"].load()
    last = int(phases["epoch"].max())
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 2.9), sharey=True)
    for ax, name in zip(axes, ("mean_over_weight", "noise_over_weight"), strict=True):
        for layer, colour, _ in layer_styles(phases["layer"].to_numpy()):
            _curve(ax, phases, name, layer, colour)
        epoch_axis(ax, last)
        _log_if_possible(ax, phases, name)
        ax.set_title(axis_label(phases[name]).partition(" (")[0])
    axes[0].set_ylabel("per weight norm (loss/weight$^2$)")
    _finish(figure, phases)
    return figure


def ratio(sources: Sources) -> Figure:
    """Mean over noise at fixed weights, drift of an epoch over noise, and their transitions."""
    phases = sources["phases"].load()
    last = int(phases["epoch"].max())
    panels = {"gradient_ratio": "transition_epoch_ensemble"}
    if "drift_ratio" in phases:
        panels["drift_ratio"] = "drift_transition_epoch_ensemble"
    figure, axes = plt.subplots(1, len(panels), figsize=(PAGE, 3.0), sharey=True, squeeze=False)
    titles = {
        "gradient_ratio": "mean gradient at fixed weights / noise",
        "drift_ratio": "drift over the next epoch / noise",
    }
    for ax, (name, event) in zip(axes[0], panels.items(), strict=True):
        for layer, colour, _ in layer_styles(phases["layer"].to_numpy()):
            _curve(ax, phases, name, layer, colour)
            _transition(ax, phases, event, layer, colour)
        ax.axhline(1.0, color=NULL, linewidth=0.8)
        epoch_axis(ax, last)
        _log_if_possible(ax, phases, name)
        ax.set_title(titles[name])
    axes[0, 0].set_ylabel("ratio")
    mark = Line2D(
        [], [], color="#444444", marker="^", ms=4, label="first below 1\nfive records in a row"
    )
    _finish(figure, phases, mark)
    return figure


def noise_scale(sources: Sources) -> Figure:
    """Noise scale of each layer where noise passes the mean gradient, against the batch size."""
    data = with_cases(sources["phases"])
    batch = data["swept_batch_size"].to_numpy().astype(float)
    layers = data["layer"].to_numpy()
    figure, ax = plt.subplots(figsize=(PAGE * 0.72, 2.9))
    shift = np.linspace(0.92, 1.09, len(layers))
    for k, (layer, colour, _) in enumerate(layer_styles(layers)):
        scale = data["transition_noise_scale"].sel(layer=layer).transpose("case", "replica")
        own = scale.to_numpy() * batch[:, None]
        with np.errstate(invalid="ignore"):
            there = np.isfinite(own).sum(axis=1) > 2
        if not there.any():
            continue
        low, middle, high = np.nanquantile(own[there], [0.05, 0.5, 0.95], axis=1)
        at = batch[there] * shift[k]
        ax.errorbar(at, middle, [middle - low, high - middle], fmt="o", ms=2.5, color=colour,
                    elinewidth=0.7)  # fmt: skip
    ends = np.array([batch.min() * 0.8, batch.max() * 1.2])
    ax.plot(ends, ends, color=EXACT, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(np.unique(batch), [f"{b:.0f}" for b in np.unique(batch)])
    ax.xaxis.minorticks_off()
    ax.set_xlabel("batch size (logarithmic)")
    ax.set_ylabel("noise scale tr $S/|G|^2$ at the\ntransition (samples, logarithmic)")
    law = Line2D([], [], color=EXACT, linewidth=0.8, label="equal")
    layers_legend(figure, layers, law, marker="o", linestyle="", markersize=3)
    figure.suptitle("median and middle 90% of networks", fontsize=7)
    return figure


def _seen(phases: xr.Dataset) -> str:
    if not bool(np.isfinite(phases["gradient_ratio"]).any()):
        return "There is one batch an epoch, and so no noise."
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
