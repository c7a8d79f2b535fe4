"""How twins diffuse: over lags, over training, and against what their gradient noise predicts."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_labels
from sgdphys.figures.curves import about_values, curve
from sgdphys.figures.layers import layer_styles, layers_legend, layers_of
from sgdphys.figures.plots.diffusion_vs_lag import diffusion_vs_lag
from sgdphys.figures.style import (
    EXACT,
    NULL,
    PAGE,
    epoch_axis,
    few_decades,
    in_place_of_data,
    subplots,
    with_cases,
)

_SILENT = "twins never separate:\nno noise"
_MOST_PANELS, _MOST_COLUMNS = 4, 2
_MARKERS = "osD^v<>pPX"
_RESHUFFLED = "shuffle"
"""The sampler to which the theory of reshuffled epochs applies."""


def _has_noise(data: xr.Dataset) -> bool:
    return bool((data["diffusion"] > 0).any())


def panel_cases(data: xr.Dataset) -> list[int]:
    """Indices of the cases worth a panel, noisy ones first; one per sampler where it is swept.

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
    """Indices of the cases worth a column: the noisy ones of ``panel_cases``, if there are any."""
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


def against_lag(sources: Sources) -> Figure:
    """Diffusion coefficient over that of white noise against the lag, early, midway and late."""
    data = with_cases(sources["diffusion"])
    titles = _titles(data)
    noisy = [n for n in titles if _has_noise(data.sel(case=n))]
    silent = [said for n, said in titles.items() if n not in noisy]
    last = data.sizes["burst"] - 1
    bursts = list(dict.fromkeys([0, (last + 1) // 2, last]))
    name = "diffusion_ratio" if "diffusion_ratio" in data else "diffusion"
    figure, axes = subplots(
        max(len(noisy), 1), len(bursts), figsize=(PAGE, 0.8 + 2.0 * max(len(noisy), 1)),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for row, case in zip(axes, noisy, strict=False):
        for ax, burst in zip(row, bursts, strict=True):
            here = data.sel(case=case).isel(burst=burst)
            over = f"{titles[case]}, epoch {float(here['burst_epoch']):.0f}"
            ax.set_title(over.replace(", ", "\n"), fontsize="small")
            _lag_panel(ax, here, name)
    for ax in axes[-1]:
        ax.set_xlabel("lag (epochs)")
    for ax in axes[:, 0]:
        ax.set_ylabel(
            "$D$ (weight$^2$/update)" if name == "diffusion" else "$D$ / $D$ of gradient noise"
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
    )
    said = f"\ntwins never separate: {'; '.join(silent)}" if silent and noisy else ""
    figure.suptitle(_caption(data) + said, fontsize="small")
    return figure


def _lag_panel(ax: Axes, here: xr.Dataset, name: str) -> None:
    diffusion_vs_lag(here, variable=name, lag="lag_epochs", ax=ax)
    ax.set(xlabel="", ylabel="")
    if name == "diffusion_ratio":
        ax.axhline(1, color=EXACT, linewidth=0.8)
        if _sampler(here) == _RESHUFFLED:
            lag = here["lag_epochs"].to_numpy()
            finite = np.isfinite(lag)
            theory = here["theory_ratio"].to_numpy()[finite]
            ax.plot(lag[finite], theory, color=EXACT, linewidth=0.8, linestyle="--")


def _sampler(here: xr.Dataset) -> str:
    """How the batches of one case are drawn."""
    if "swept_sampling" in here.coords:
        return str(here["swept_sampling"].item())
    return str(here.attrs.get("sampler", _RESHUFFLED))


def _caption(data: xr.Dataset) -> str:
    families = data.attrs.get("families", "?")
    return (
        f"twins about their mean, {families} families; bands {data.attrs['confidence']:.0%} "
        "over families; both axes logarithmic"
    )


_ROWS = {
    "diffusion": "$D$ over one step\n(weight$^2$/update)",
    "alpha_long": "MSD exponent\n1 to 16 epochs",
    "passes": "fraction that passes\nas Wiener",
    "tail_index": "tail index\n(median)",
}


def against_epochs(sources: Sources) -> Figure:
    """Diffusion, exponent, pass rate of the Wiener tests and tail index against training time."""
    data = with_cases(sources["diffusion"])
    titles = _titles(data)
    names = [n for n in titles if _has_noise(data.sel(case=n))]
    if not names:
        figure, ax = subplots(figsize=(PAGE / 2, 2))
        in_place_of_data(ax, _SILENT)
        return figure
    figure, axes = subplots(
        len(_ROWS), len(names), figsize=(PAGE, 7.2), sharex=True, sharey="row", squeeze=False
    )
    for column, case in enumerate(names):
        here = data.sel(case=case)
        epoch = here["burst_epoch"].to_numpy()
        for row, (name, label) in enumerate(_ROWS.items()):
            ax = axes[row, column]
            for layer, style in layers_of(here, name):
                _measure(ax, layer, name, style)
            if name == "diffusion":
                ax.set_yscale("log")
            if name == "alpha_long":
                ax.axhline(1, color=EXACT, linewidth=0.8)
            if column == 0:
                ax.set_ylabel(label)
        axes[0, column].set_title(titles[case].replace(", ", "\n"))
        epoch_axis(axes[-1, column], int(np.nanmax(epoch)))
    about_values(axes[0, 0], data["diffusion"].sel(case=names).isel(lag=0))
    nulls = Line2D([], [], color=NULL, linestyle="--", label="null: simulated\nWiener / Gaussian")
    white = Line2D([], [], color=EXACT, linewidth=0.8, label="Wiener: exponent 1")
    layers_legend(figure, data["layer"].to_numpy(), nulls, white)
    figure.suptitle(
        _caption(data).replace(
            "both axes logarithmic", "none for the tail index\nepoch: start of a burst"
        ),
        fontsize="small",
    )
    return figure


def _measure(ax: Axes, layer: xr.Dataset, name: str, style: dict[str, Any]) -> None:
    style.pop("markevery")  # bursts are few
    if name == "diffusion":
        curve(ax, layer.isel(lag=0), name, "burst_epoch", is_positive=True, **style)
        return
    curve(ax, layer, name, "burst_epoch", is_positive=name == "alpha_long", **style)
    if f"null_{name}" in layer:
        ax.plot(layer["burst_epoch"], layer[f"null_{name}"], color=NULL, linestyle="--",
                linewidth=0.8)  # fmt: skip


def spreads(sources: Sources) -> Figure:
    """Variance within families (noise) and between them (initial weights) against epochs."""
    data = with_cases(sources["diffusion"])
    titles = _titles(data)
    figure, axes = subplots(1, len(titles), figsize=(PAGE, 2.6), sharey=True, squeeze=False)
    for ax, (case, title) in zip(axes[0], titles.items(), strict=True):
        here = data.sel(case=case)
        epoch = here["mark_epoch"].to_numpy()
        for layer, colour, _ in layer_styles(data["layer"].to_numpy()):
            for name, style in (("spread_within", "-"), ("spread_between", "--")):
                value = here[name].sel(layer=layer).to_numpy()
                value = np.where(value > 0, value, np.nan)
                ax.plot(epoch, value, color=colour, linestyle=style, linewidth=1)
        epoch_axis(ax, int(np.nanmax(epoch)))
        ax.set_yscale("log")
        ax.set_title(title.replace(", ", "\n"), fontsize="small")
        if not _has_noise(here):
            in_place_of_data(ax, "within: 0")
    axes[0, 0].set_ylabel("variance per weight (weight$^2$)")
    figure.suptitle("both axes logarithmic, epochs from 1", fontsize="small")
    extra = [Line2D([], [], color="#444444", label="within families"),
             Line2D([], [], color="#444444", linestyle="--", label="between families")]  # fmt: skip
    layers_legend(figure, data["layer"].to_numpy(), *extra, marker="")
    return figure


def against_noise(sources: Sources) -> Figure:
    """D over one step and over 4 epochs against that of the gradient noise, in all cases."""
    data = with_cases(sources["diffusion"])
    figure, axes = subplots(1, 2, figsize=(PAGE, 3.2), sharex=True, sharey=True)
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
                        _MARKERS[k % len(_MARKERS)], ms=3, color=colour,
                        markeredgewidth=0)  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_title(f"over {label}")
        ax.set_xlabel(r"$\eta^2\,\mathrm{tr}\,V/2P$ (weight$^2$/update)")
    for ax in axes:
        ends = ax.get_xlim()
        ax.plot(ends, ends, color=EXACT, linewidth=0.8)
        ax.set_xlim(ends)
        if ends[1] < 100 * ends[0]:
            few_decades(ax.xaxis)
    axes[0].set_ylabel("$D$ of twins (weight$^2$/update)")
    grey: dict[str, Any] = {"color": "#444444", "linestyle": "", "ms": 3}
    extra = [
        Line2D([], [], marker=_MARKERS[k % len(_MARKERS)], label=titles[name], **grey)
        for k, name in enumerate(names)
        if titles[name]
    ]
    extra.append(Line2D([], [], color=EXACT, linewidth=0.8, label="equal"))
    layers_legend(figure, data["layer"].to_numpy(), *extra, marker="o", linestyle="")
    silent = [said for name, said in titles.items() if name not in names]
    said = f"\ntwins never separate: {'; '.join(silent)}" if silent else ""
    figure.suptitle(
        f"every burst of every case; both axes logarithmic{said}" if names else "no noise",
        fontsize="small",
    )
    return figure


FIGURES = {
    "diffusion_vs_lag": Entry(
        against_lag,
        "Diffusion coefficient over that of white noise against the lag, early, midway and late.",
        needs=("diffusion",),
        chosen=panel_cases,
    ),
    "diffusion_epochs": Entry(
        against_epochs,
        "Diffusion, exponent, pass rate of the Wiener tests and tail index against training time.",
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
