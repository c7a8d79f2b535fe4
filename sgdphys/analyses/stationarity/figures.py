"""Fluctuation relations, entropy production and the edge of stability through training."""

from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.analyses.stationarity.statistics import usable_directions
from sgdphys.figures.colours import ordered
from sgdphys.figures.curves import about_values
from sgdphys.figures.style import EXACT, NULL, PAGE, epoch_axis, field_values, subplots, with_cases

_MARKERS = "osD^v"


def _values(data: xr.Dataset, key: str) -> np.ndarray:
    """A setting of every case: swept, or the run's own."""
    if f"swept_{key}" in data.coords:
        return np.asarray(data[f"swept_{key}"].to_numpy())
    return np.full(data.sizes["case"], data.attrs.get({"sampling": "sampler"}.get(key, key), ""))


def _panels(data: xr.Dataset) -> tuple[list[str], dict[Any, Any], dict[Any, str]]:
    """Samplers, a colour for every learning rate, a marker for every momentum."""
    rates = np.unique(_values(data, "learning_rate"))
    colours = ordered(len(rates))
    momenta = np.unique(_values(data, "momentum"))
    samplers = list(dict.fromkeys(map(str, _values(data, "sampling"))))
    markers = {m: _MARKERS[k % len(_MARKERS)] for k, m in enumerate(momenta)}
    return samplers, dict(zip(rates, colours, strict=True)), markers


def _legend(
    figure: Figure, colours: dict[Any, Any], markers: dict[Any, str], *extra: Line2D
) -> None:
    handles = [Line2D([], [], color=c, label=f"$\\eta$ = {r:g}") for r, c in colours.items()]
    handles += [
        Line2D([], [], color="#444444", marker=m, ms=3, linestyle="-" if mu == 0 else "--",
               label=f"momentum {mu:g}")
        for mu, m in markers.items()
    ]  # fmt: skip
    figure.legend(handles=[*handles, *extra], loc="outside right center")


def _curves(
    ax: Axes, data: xr.Dataset, sampler: str, name: str, colours: Any, markers: Any
) -> None:
    """One quantity against the epoch of each burst, one curve per case of one sampler."""
    chosen = np.flatnonzero(_values(data, "sampling").astype(str) == sampler)
    for k in chosen:
        here = data.isel(case=k)
        rate, mu = _values(data, "learning_rate")[k], _values(data, "momentum")[k]
        y = here[name].to_numpy()
        bars = None
        if f"{name}_low" in here:
            low, high = (here[f"{name}_{end}"].to_numpy() for end in ("low", "high"))
            bars = np.abs([y - low, high - y])
        ax.errorbar(
            here["burst_epoch"], y, bars, color=colours[rate], marker=markers[mu], ms=3,
            linewidth=1, elinewidth=0.6, linestyle="-" if mu == 0 else "--",
        )  # fmt: skip


def _grid(
    rows: int, columns: int, height: float, share: Literal["all", "row"] = "all"
) -> tuple[Figure, np.ndarray]:
    figure, axes = subplots(
        rows, columns, figsize=(PAGE, 0.8 + height * rows), sharex=share, sharey="row",
        squeeze=False,
    )  # fmt: skip
    return figure, axes


_RATIOS = {
    "minibatch_ratio": "minibatch ratio",
    "full_ratio": "full-gradient ratio",
    "second_ratio": "second ratio",
}


def ratios(sources: Sources) -> Figure:
    """The three fluctuation-dissipation ratios of every burst: 1 where their premises hold."""
    data = with_cases(sources["stationarity"])
    samplers, colours, markers = _panels(data)
    figure, axes = _grid(len(_RATIOS), len(samplers), 1.8)
    for column, sampler in enumerate(samplers):
        for row, (name, label) in enumerate(_RATIOS.items()):
            ax = axes[row, column]
            ax.axhline(1, color=EXACT, linewidth=0.8)
            _curves(ax, data, sampler, name, colours, markers)
            ax.set_yscale("symlog", linthresh=2, linscale=3)
            if column == 0:
                ax.set_ylabel(label)
        axes[0, column].set_title(f"sampler: {sampler}")
        _epochs(axes[-1, column], data)
    _legend(figure, colours, markers,
            Line2D([], [], color=EXACT, linewidth=0.8, label="relation holds"))  # fmt: skip
    figure.suptitle(_caption(data) + "; linear up to 2, logarithmic beyond", fontsize="small")
    return figure


def _epochs(ax: Axes, data: xr.Dataset) -> None:
    epoch_axis(ax, int(np.nanmax(data["burst_epoch"])), "epoch at a burst's start")


def _caption(data: xr.Dataset) -> str:
    return f"bursts of consecutive updates; bars {data.attrs['confidence']:.0%} (over replicas)"


def edge(sources: Sources) -> Figure:
    """Sharpness against the edge of stability, and memory along the sharpest direction."""
    data = with_cases(sources["stationarity"])
    samplers, colours, markers = _panels(data)
    figure, axes = _grid(3, len(samplers), 1.9, "row")
    # "stability" has a value for every direction: the first is the sharpest
    sharpest = data.isel(mode=0)
    mu = xr.DataArray(_values(data, "momentum").astype(float), dims="case")
    eta = xr.DataArray(_values(data, "learning_rate").astype(float), dims="case")
    for end in ("", "_low", "_high"):
        sharpest[f"stability{end}"] = eta * sharpest[f"sharpness{end}"] / (2 * (1 + mu))
    for column, sampler in enumerate(samplers):
        _curves(axes[0, column], sharpest, sampler, "stability", colours, markers)
        _curves(axes[1, column], sharpest, sampler, "autocorrelation", colours, markers)
        for name, level in ((0, 1), (1, -1)):
            axes[name, column].axhline(level, color=EXACT, linewidth=0.8)
        _against_law(axes[2, column], data, sampler, colours, markers)
        axes[0, column].set_title(f"sampler: {sampler}")
        for row in (0, 1):
            _epochs(axes[row, column], data)
    about_values(axes[0, 0], sharpest["stability"], 1.0)
    for row, label in enumerate((
        "$\\eta\\,$sharpness$/2(1+\\mu)$", "lag-1 autocorrelation,\nsharpest direction",
    )):  # fmt: skip
        axes[row, 0].set_ylabel(label)
    axes[2, 0].set_ylabel("lag-1 autocorrelation,\nsharp directions")
    law = Line2D([], [], color=EXACT, linewidth=0.8, label="edge of stability;\nlaw")
    _legend(figure, colours, markers, law)
    figure.suptitle(_caption(data), fontsize="small")
    return figure


def _against_law(ax: Axes, data: xr.Dataset, sampler: str, colours: Any, markers: Any) -> None:
    """Measured memory of all directions and bursts against that of a quadratic with white noise."""
    chosen = np.flatnonzero(_values(data, "sampling").astype(str) == sampler)
    for k in chosen:
        here = data.isel(case=k)
        rate, mu = _values(data, "learning_rate")[k], _values(data, "momentum")[k]
        ax.plot(here["predicted_autocorrelation"].to_numpy().ravel(),
                here["autocorrelation"].to_numpy().ravel(), markers[mu], ms=2.5,
                color=colours[rate], markeredgewidth=0)  # fmt: skip
    ax.plot([-1, 1], [-1, 1], color=EXACT, linewidth=0.8)
    ax.set_xlabel(r"$1 - \eta h/(1+\mu)$")


def production(sources: Sources) -> Figure:
    """Entropy production along the three sharpest directions, and the flatness exponent."""
    data = with_cases(sources["stationarity"])
    samplers, colours, markers = _panels(data)
    names = {"entropy_production": "entropy production\n(nats per update)"}
    if "flatness_exponent" in data:
        names["flatness_exponent"] = "slope of ln variance\non ln curvature"
    figure, axes = _grid(len(names), len(samplers), 2.1)
    for column, sampler in enumerate(samplers):
        for row, (name, label) in enumerate(names.items()):
            ax = axes[row, column]
            ax.axhline(0, color=NULL, linewidth=0.8, linestyle="--")
            _curves(ax, data, sampler, name, colours, markers)
            if name == "entropy_production":
                ax.set_yscale("symlog", linthresh=1e-2, linscale=0.6)
            if column == 0:
                ax.set_ylabel(label)
        axes[0, column].set_title(f"sampler: {sampler}")
        _epochs(axes[-1, column], data)
    if "flatness_exponent" in data:
        about_values(axes[-1, 0], data["flatness_exponent"], 0.0)
    _legend(figure, colours, markers,
            Line2D([], [], color=NULL, linewidth=0.8, linestyle="--", label="0"))  # fmt: skip
    figure.suptitle(
        _caption(data) + "; production: median, linear up to 0.01, logarithmic beyond",
        fontsize="small",
    )
    return figure


def flatness(sources: Sources) -> Figure:
    """Variance along directions against their curvature in the last burst, and two laws."""
    data = with_cases(sources["stationarity"]).isel(burst=-1)
    samplers, colours, markers = _panels(data)
    figure, axes = _grid(1, len(samplers), 2.6)
    for column, sampler in enumerate(samplers):
        ax = axes[0, column]
        for k in np.flatnonzero(_values(data, "sampling").astype(str) == sampler):
            here = data.isel(case=k)
            rate, mu = (float(_values(data, key)[k]) for key in ("learning_rate", "momentum"))
            share = here["direction_curvature"] * rate / (2 * (1 + mu))
            variance = here["direction_variance"]
            usable = usable_directions(share, variance, here["burst_steps"])
            for kept, filled in ((usable, True), (~usable & (share > 0) & (variance > 0), False)):
                x = here["direction_curvature"].where(kept).to_numpy().ravel()
                y = (variance * (1 - share).clip(0.1)).where(kept).to_numpy().ravel()
                ax.plot(x, y, markers[mu], ms=2.5, color=colours[rate], linestyle="",
                        markerfacecolor=colours[rate] if filled else "none",
                        markeredgewidth=0.4)  # fmt: skip
            _laws_of_flatness(ax, here, share, usable)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("curvature $h$")
        ax.set_title(f"sampler: {sampler}")
    axes[0, 0].set_ylabel("variance for small steps\n(weight$^2$)")
    _legend(figure, colours, markers,
            Line2D([], [], color=EXACT, linewidth=0.8, label=r"$\psi$ = 4"),
            Line2D([], [], color=NULL, linewidth=0.8, linestyle="--",
                   label="equilibrium,\n" + r"$\psi$ = -2"))  # fmt: skip
    figure.suptitle(
        r"variance ~ flatness$^{-\psi}$, flatness $h^{-1/2}$; networks and directions of the last "
        "burst; open: left out",
        fontsize="small",
    )
    return figure


def _laws_of_flatness(
    ax: Axes, here: xr.Dataset, share: xr.DataArray, usable: xr.DataArray
) -> None:
    """Lines of slope psi/2 through the middle of the directions of one case."""
    x = here["direction_curvature"].where(usable).to_numpy().ravel()
    y = (here["direction_variance"] * (1 - share)).where(usable).to_numpy().ravel()
    kept = np.isfinite(x) & np.isfinite(y)
    if kept.sum() < 2:
        return
    middle = np.exp(np.log(x[kept]).mean()), np.exp(np.log(y[kept]).mean())
    ends = np.array([x[kept].min(), x[kept].max()])
    for slope, colour, style in ((2, EXACT, "-"), (-1, NULL, "--")):
        ax.plot(ends, middle[1] * (ends / middle[0]) ** slope, style, color=colour, linewidth=0.8)


def one_of_each(data: xr.Dataset) -> list[int]:
    """Indices of the first cases of each sampler, learning rate and momentum.

    Parameters
    ----------
    data : Dataset
        Of all cases of a sweep, which may be over other keys as well.
    """
    first: dict[tuple[str, ...], int] = {}
    settings = (_values(data, key).astype(str) for key in ("sampling", "learning_rate", "momentum"))
    for place, setting in enumerate(zip(*settings, strict=True)):
        first.setdefault(setting, place)
    return list(first.values())


def _has_grid(data: xr.Dataset) -> bool:
    """Whether there are two learning rates and two momenta at least."""
    data = with_cases(data)
    return all(len(np.unique(_values(data, k))) > 1 for k in ("learning_rate", "momentum"))


def phase_diagram(sources: Sources) -> Figure:
    """Last burst's stability, full-gradient ratio and production over the two swept settings."""
    data = with_cases(sources["stationarity"]).isel(burst=-1)
    rates, momenta = (np.unique(_values(data, k)) for k in ("learning_rate", "momentum"))
    samplers, _, _ = _panels(data)
    shown = {
        "sharpness": (r"$\eta\,$sharpness$/2(1+\mu)$", "viridis"),
        "full_ratio": ("full-gradient ratio", "cividis"),
        "entropy_production": ("entropy production (nats per update)", "magma"),
    }
    figure, axes = subplots(
        len(samplers), len(shown), figsize=(PAGE, 0.8 + 1.7 * len(samplers)), squeeze=False,
        sharex=True, sharey=True,
    )  # fmt: skip
    for column, (name, (label, colours)) in enumerate(shown.items()):
        tables = [_table(data, s, name, rates, momenta) for s in samplers]
        ends = float(np.nanmin(tables)), float(np.nanmax(tables))
        for row, (sampler, table) in enumerate(zip(samplers, tables, strict=True)):
            ax = axes[row, column]
            mesh = ax.imshow(table, origin="lower", aspect="auto", cmap=colours, vmin=ends[0],
                             vmax=ends[1])  # fmt: skip
            field_values(ax, table, table > (ends[0] + ends[1]) / 2)
            ax.grid(visible=False)
            ax.set_xticks(range(len(rates)), [f"{r:g}" for r in rates])
            ax.set_yticks(range(len(momenta)), [f"{m:g}" for m in momenta])
            if column == 0:
                ax.set_ylabel(f"{sampler}\nmomentum")
        axes[-1, column].set_xlabel("learning rate")
        axes[0, column].set_title(label, fontsize="small")
        bar = figure.colorbar(mesh, ax=axes[:, column], location="bottom", aspect=30)
        bar.locator = MaxNLocator(3)
        bar.update_ticks()
    epoch = float(np.nanmax(data["burst_epoch"]))
    figure.suptitle(f"last burst, from epoch {epoch:.0f}", fontsize="small")
    return figure


def _table(
    data: xr.Dataset, sampler: str, name: str, rates: np.ndarray, momenta: np.ndarray
) -> np.ndarray:
    """A quantity by (momentum, learning rate)."""
    out = np.full((len(momenta), len(rates)), np.nan)
    settings = (_values(data, k) for k in ("sampling", "learning_rate", "momentum"))
    for k, (s, rate, mu) in enumerate(zip(*settings, strict=True)):
        if str(s) == sampler:
            value = float(data[name].isel(case=k))
            scale = float(rate) / (2 * (1 + float(mu))) if name == "sharpness" else 1.0
            out[np.searchsorted(momenta, mu), np.searchsorted(rates, rate)] = value * scale
    return out


FIGURES = {
    "fluctuation_ratios": Entry(
        ratios,
        "The three fluctuation-dissipation ratios of every burst: 1 where their premises hold.",
        needs=("stationarity",),
    ),
    "edge_of_stability": Entry(
        edge,
        "Sharpness against the edge of stability, and memory along the sharpest direction.",
        needs=("stationarity",),
    ),
    "entropy_production": Entry(
        production,
        "Entropy production along the three sharpest directions, and the flatness exponent.",
        needs=("stationarity",),
    ),
    "variance_flatness": Entry(
        flatness,
        "Variance along directions against their curvature in the last burst, and two laws.",
        needs=("stationarity",),
        applies=lambda d: bool((d["direction_variance"] > 0).any()),
    ),
    "phase_diagram": Entry(
        phase_diagram,
        "Last burst's stability, full-gradient ratio and production over the two swept settings.",
        needs=("stationarity",),
        applies=_has_grid,
        chosen=one_of_each,
    ),
}
