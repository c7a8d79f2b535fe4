"""How twins diffuse: over lags, over training, and against what their gradient noise predicts."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels
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

_SILENT = "twins never part:\nno noise"
_MOST_PANELS, _MOST_COLUMNS = 4, 2
_MARKERS = "osD^v<>pPX"


def _has_noise(data: xr.Dataset) -> bool:
    return bool((data["diffusion"] > 0).any())


def panel_cases(data: xr.Dataset) -> list[int]:
    """Places of the cases worth a panel, those with noise first; one a sampler where it is swept.

    Parameters
    ----------
    data : Dataset
        Diffusion of all cases of a sweep.
    """
    places = list(range(data.sizes["case"]))
    if "swept_sampling" in data.coords:
        first: dict[str, int] = {}
        for place, sampler in enumerate(data["swept_sampling"].to_numpy()):
            first.setdefault(str(sampler), place)
        places = list(first.values())
    places.sort(key=lambda k: not _has_noise(data.isel(case=k)))
    return places[:_MOST_PANELS]


def noisy_cases(data: xr.Dataset) -> list[int]:
    """Places of the cases worth a column: those of ``panel_cases`` with noise, if there are any."""
    places = panel_cases(data)
    noisy = [k for k in places if _has_noise(data.isel(case=k))]
    return noisy[:_MOST_COLUMNS] or places


def _titles(data: xr.Dataset) -> dict[str, str]:
    """Title of every case's panel, by its name."""
    names = [str(name) for name in data["case"].to_numpy()]
    labels = case_labels(data)
    if "swept_sampling" in data.coords:
        samplers = [str(sampler) for sampler in data["swept_sampling"].to_numpy()]
        labels = [f"sampler: {said}" if said == sampler else said
                  for said, sampler in zip(labels, samplers, strict=True)]  # fmt: skip
    return dict(zip(names, labels, strict=True))


def _band(ax: Axes, x: np.ndarray, here: xr.Dataset, name: str, colour: Any) -> None:
    """A curve and its interval, what is not positive left out of logarithmic axes."""
    y, low, high = (here[f"{name}{e}"].to_numpy() for e in ("", "_low", "_high"))
    there = np.isfinite(x) & np.isfinite(y) & (y > 0)  # a lag that another case has alone
    x, y, low, high = (v[there] for v in (x, y, low, high))
    ax.plot(x, y, color=colour, marker="o", ms=2.5, linewidth=1)
    ax.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)


def ladder(sources: Sources) -> Figure:
    """Diffusion coefficient over that of white noise against the lag, early, midway and late."""
    data = with_cases(sources["diffusion"])
    titles = _titles(data)
    noisy = [n for n in titles if _has_noise(data.sel(case=n))]
    silent = [said for n, said in titles.items() if n not in noisy]
    last = data.sizes["burst"] - 1
    bursts = list(dict.fromkeys([0, (last + 1) // 2, last]))
    name = "diffusion_ratio" if "diffusion_ratio" in data else "diffusion"
    figure, axes = plt.subplots(
        max(len(noisy), 1), len(bursts), figsize=(PAGE, 0.8 + 2.0 * max(len(noisy), 1)),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for row, case in zip(axes, noisy, strict=False):
        for ax, burst in zip(row, bursts, strict=True):
            here = data.sel(case=case).isel(burst=burst)
            over = f"{titles[case]}, epoch {float(here['burst_epoch']):.0f}"
            ax.set_title(over.replace(", ", "\n"), fontsize=7)
            _ladder_panel(ax, here, name)
    for ax in axes[-1]:
        ax.set_xlabel("lag (epochs)")
    for ax in axes[:, 0]:
        ax.set_ylabel(
            "$D$ (weight$^2$/update)" if name == "diffusion" else "$D$ / $D$ of the noise"
        )
    if name == "diffusion_ratio" and noisy:
        drawn = data[name].sel(case=noisy)
        drawn = drawn.where(drawn > 0)
        axes[0, 0].set_ylim(min(3e-3, drawn.min() / 2), max(3e2, drawn.max() * 2))
    if not noisy:
        in_place_of_data(axes[0, 0], _SILENT)
    extra = [Line2D([], [], color=EXACT, linewidth=0.8, label="white noise"),
             Line2D([], [], color=EXACT, linewidth=0.8, linestyle="--",
                    label="reshuffled epochs,\nflat landscape")]  # fmt: skip
    layers_legend(
        figure,
        data["layer"].to_numpy(),
        *(extra if name == "diffusion_ratio" else []),
        marker="o",
        ms=2.5,
    )
    said = f"\ntwins never part: {'; '.join(silent)}" if silent and noisy else ""
    figure.suptitle(_caption(data) + said, fontsize=7)
    return figure


def _ladder_panel(ax: Axes, here: xr.Dataset, name: str) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    lag = here["lag_epochs"].to_numpy()
    for layer, colour, _ in layer_styles(here["layer"].to_numpy()):
        _band(ax, lag, here.sel(layer=layer), name, colour)
    if name == "diffusion_ratio":
        there = np.isfinite(lag)
        ax.axhline(1, color=EXACT, linewidth=0.8)
        theory = here["theory_ratio"].to_numpy()[there]
        ax.plot(lag[there], theory, color=EXACT, linewidth=0.8, linestyle="--")


def _caption(data: xr.Dataset) -> str:
    families = data.attrs.get("families", "?")
    return (
        f"twins about their mean, {families} families; bands {data.attrs['confidence']:.0%} "
        "(bootstrap over families); both axes logarithmic"
    )


_ROWS = {
    "diffusion": "$D$ over one step\n(weight$^2$/update)",
    "alpha_long": "MSD exponent\n1 to 16 epochs",
    "passes": "share that passes\nas Wiener",
    "tail_index": "tail index\n(median)",
}


def against_epochs(sources: Sources) -> Figure:
    """Diffusion, exponent, fairness of the Wiener model and tail index against training time."""
    data = with_cases(sources["diffusion"])
    titles = _titles(data)
    names = [n for n in titles if _has_noise(data.sel(case=n))]
    if not names:
        figure, ax = plt.subplots(figsize=(PAGE / 2, 2))
        in_place_of_data(ax, _SILENT)
        return figure
    figure, axes = plt.subplots(
        len(_ROWS), len(names), figsize=(PAGE, 7.2), sharex=True, sharey="row", squeeze=False
    )
    for column, case in enumerate(names):
        here = data.sel(case=case)
        epoch = here["burst_epoch"].to_numpy()
        for row, (name, label) in enumerate(_ROWS.items()):
            ax = axes[row, column]
            for layer, colour, _ in layer_styles(data["layer"].to_numpy()):
                _measure(ax, epoch, here.sel(layer=layer), name, colour)
            if name == "diffusion":
                ax.set_yscale("log")
            if name == "alpha_long":
                ax.axhline(1, color=EXACT, linewidth=0.8)
            if column == 0:
                ax.set_ylabel(label)
        axes[0, column].set_title(titles[case].replace(", ", "\n"))
        epoch_axis(axes[-1, column], int(np.nanmax(epoch)))
    nulls = Line2D([], [], color=NULL, linestyle="--", label="null: simulated\nWiener / Gaussian")
    white = Line2D([], [], color=EXACT, linewidth=0.8, label="Wiener, exponent 1")
    layers_legend(figure, data["layer"].to_numpy(), nulls, white, marker="o", ms=2.5)
    figure.suptitle(_caption(data).replace("both axes logarithmic", "epoch at a burst's start"),
                    fontsize=7)  # fmt: skip
    return figure


def _measure(ax: Axes, epoch: np.ndarray, here: xr.Dataset, name: str, colour: Any) -> None:
    if name == "diffusion":
        _band(ax, epoch, here.isel(lag=0), name, colour)
    elif name == "alpha_long":
        _band(ax, epoch, here, name, colour)
    else:
        ax.plot(epoch, here[name], color=colour, marker="o", ms=2.5, linewidth=1)
        ax.plot(epoch, here[f"null_{name}"], color=NULL, linestyle="--", linewidth=0.8)


def spreads(sources: Sources) -> Figure:
    """Variance within families (noise) and between them (initial weights) against epochs."""
    data = with_cases(sources["diffusion"])
    titles = _titles(data)
    figure, axes = plt.subplots(1, len(titles), figsize=(PAGE, 2.6), sharey=True, squeeze=False)
    for ax, (case, title) in zip(axes[0], titles.items(), strict=True):
        here = data.sel(case=case)
        epoch = here["mark_epoch"].to_numpy()
        for layer, colour, _ in layer_styles(data["layer"].to_numpy()):
            for name, style in (("spread_within", "-"), ("spread_between", "--")):
                value = here[name].sel(layer=layer).to_numpy()
                value = np.where(value > 0, value, np.nan)
                ax.plot(epoch, value, color=colour, linestyle=style, linewidth=1)
        epoch_axis(ax, int(np.nanmax(epoch)), "epochs")
        ax.set_yscale("log")
        ax.set_title(title.replace(", ", "\n"), fontsize=7)
        if not _has_noise(here):
            in_place_of_data(ax, "within: 0")
    axes[0, 0].set_ylabel("variance a weight (weight$^2$)")
    figure.suptitle("both axes logarithmic, epochs from 1", fontsize=7)
    extra = [Line2D([], [], color="#444444", label="within families"),
             Line2D([], [], color="#444444", linestyle="--", label="between families")]  # fmt: skip
    layers_legend(figure, data["layer"].to_numpy(), *extra, marker="o", ms=2.5)
    return figure


def against_noise(sources: Sources) -> Figure:
    """D over one step and over 4 epochs against that of the gradient noise, in all cases."""
    data = with_cases(sources["diffusion"])
    figure, axes = plt.subplots(1, 2, figsize=(PAGE, 3.2), sharex=True, sharey=True)
    if "predicted_diffusion" not in data:
        in_place_of_data(axes[0], "no gradient statistics recorded")
        return figure
    titles = _titles(data)
    names = [name for name in titles if _has_noise(data.sel(case=name))]
    for ax, epochs, label in zip(axes, (None, 4.0), ("one step", "four epochs"), strict=True):
        for k, case in enumerate(names):
            here = data.sel(case=case)
            lag = 0 if epochs is None else int(np.nanargmin(np.abs(here["lag_epochs"] - epochs)))
            for layer, colour, _ in layer_styles(data["layer"].to_numpy()):
                one = here.sel(layer=layer)
                ax.plot(one["predicted_diffusion"], one["diffusion"].isel(lag=lag),
                        _MARKERS[k % len(_MARKERS)], ms=3, color=colour, alpha=0.7,
                        markeredgewidth=0)  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_title(f"over {label}")
        ax.set_xlabel(r"$\eta^2\,\mathrm{tr}\,V/2P$ (weight$^2$/update)")
    for ax in axes:
        ends = ax.get_xlim()
        ax.plot(ends, ends, color=EXACT, linewidth=0.8)
        ax.set_xlim(ends)
    axes[0].set_ylabel("$D$ of twins (weight$^2$/update)")
    grey: dict[str, Any] = {"color": "#444444", "linestyle": "", "ms": 3}
    extra = [
        Line2D([], [], marker=_MARKERS[k % len(_MARKERS)], label=titles[name], **grey)
        for k, name in enumerate(names)
    ]
    extra.append(Line2D([], [], color=EXACT, linewidth=0.8, label="equal"))
    layers_legend(figure, data["layer"].to_numpy(), *extra, marker="o", ms=2.5)
    silent = [said for name, said in titles.items() if name not in names]
    said = f"\ntwins never part: {'; '.join(silent)}" if silent else ""
    figure.suptitle(
        f"every burst of every case; both axes logarithmic{said}" if names else "no noise",
        fontsize=7,
    )
    return figure


FIGURES = {
    "diffusion_vs_lag": Entry(
        ladder,
        "Diffusion coefficient over that of white noise against the lag, early, midway and late.",
        needs=("diffusion",),
        chosen=panel_cases,
    ),
    "diffusion_epochs": Entry(
        against_epochs,
        "Diffusion, exponent, fairness of the Wiener model and tail index against training time.",
        needs=("diffusion",),
        chosen=noisy_cases,
    ),
    "diffusion_spread": Entry(
        spreads,
        "Variance within families (noise) and between them (initial weights) against epochs.",
        needs=("diffusion",),
        chosen=panel_cases,
    ),
    "diffusion_noise": Entry(
        against_noise,
        "D over one step and over 4 epochs against that of the gradient noise, in all cases.",
        needs=("diffusion",),
    ),
}
