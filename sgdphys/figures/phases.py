"""From drift to diffusion: gradient mean and noise of each layer against epochs."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.figures.style import (
    NULL,
    PAGE,
    epoch_axis,
    in_place_of_data,
    layer_styles,
    layers_legend,
)
from sgdphys.quantities import axis_label

Sources = Mapping[str, xr.Dataset]


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
        ax.set_title(axis_label(name).partition(" (")[0])
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
