"""Figures: functions of results that draw; this file only lists them and writes them to disk."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sgdphys.errors import InputError, nearest
from sgdphys.figures import (
    bottleneck,
    cases,
    components,
    critics,
    diffusion,
    entropy,
    phases,
    plane,
    relaxation,
    slowing,
    stationarity,
    sweeps,
    training,
    transitions,
    verdicts,
)
from sgdphys.figures.style import say_logarithmic, share_axes, sheet

Sources = Mapping[str, xr.Dataset]
MOST_CURVES = 12
"""In one panel, each with a name of its own."""
MOST_CASES = 2
"""Of a sweep that has figures of each case drawn unasked."""


class Entry(NamedTuple):
    """A figure and the kinds of data it needs.

    A kind is a group of a trajectory, or what an analysis is ``of``.
    """

    draw: Callable[[Sources], Figure]
    needs: tuple[str, ...]
    by_case: bool = False
    """Whether each case of a sweep has a figure of its own: of few cases, or when asked for."""
    applies: Callable[[xr.Dataset], bool] = lambda data: True
    """Whether data of the first kind hold what the figure shows."""


def _is_sweep(data: xr.Dataset) -> bool:
    return data.sizes.get("case", 1) > 1


CATALOGUE: dict[str, Entry] = {
    "training": Entry(training.loss_and_accuracy, ("training",)),
    "weight_norms": Entry(training.weight_norms, ("gradients",)),
    "plane_snapshots": Entry(plane.snapshots, ("information",), by_case=True),
    "plane_paths": Entry(plane.paths, ("information",), by_case=True),
    "information": Entry(plane.against_epochs, ("information",), by_case=True),
    "gradient_phases": Entry(phases.mean_and_noise, ("phases",), by_case=True),
    "gradient_ratio": Entry(phases.ratio, ("phases",), by_case=True),
    "bottleneck_curve": Entry(bottleneck.curve, ("bottleneck",)),
    "bottleneck_beta": Entry(bottleneck.betas, ("bottleneck",)),
    "diffusion_ladder": Entry(diffusion.ladder, ("diffusion",)),
    "diffusion_epochs": Entry(diffusion.against_epochs, ("diffusion",)),
    "diffusion_spread": Entry(diffusion.spreads, ("diffusion",)),
    "diffusion_noise": Entry(diffusion.against_noise, ("diffusion",)),
    "critical_slowing": Entry(slowing.critical_slowing, ("pitchfork",)),
    "early_warning": Entry(slowing.early_warning, ("pitchfork",)),
    "entropy_growth": Entry(entropy.growth, ("entropy",)),
    "components": Entry(
        components.beside_walks,
        ("components",),
        applies=lambda d: bool(np.isfinite(d["component_share"]).any()),
    ),
    "fluctuation_ratios": Entry(stationarity.ratios, ("stationarity",)),
    "edge_of_stability": Entry(stationarity.edge, ("stationarity",)),
    "entropy_production": Entry(stationarity.production, ("stationarity",)),
    "phase_diagram": Entry(stationarity.phase_diagram, ("stationarity",)),
    "verdicts": Entry(verdicts.forest, ("verdicts",)),
    "plane_of_cases": Entry(sweeps.plane_of_cases, ("information",), applies=_is_sweep),
    "information_of_cases": Entry(sweeps.information_of_cases, ("information",), applies=_is_sweep),
    "compression": Entry(sweeps.compression_of_cases, ("information",)),
    "converged_layers": Entry(
        sweeps.converged_layers, ("information",), applies=lambda d: cases.control(d) is not None
    ),
    "relaxation": Entry(
        relaxation.against_bits,
        ("information",),
        applies=lambda d: d.attrs.get("estimator") == "binned",
    ),
    "test_error": Entry(
        sweeps.test_error,
        ("learning",),
        applies=lambda d: (
            d.sizes.get("case", 1) <= MOST_CURVES and bool(np.isfinite(d["test_error"]).any())
        ),
    ),
    "order_parameter": Entry(
        transitions.order_over_control, ("learning",), applies=transitions.has_control
    ),
    "noise_scale": Entry(
        critics.noise_scale, ("phases",), applies=lambda d: "swept_batch_size" in d.coords
    ),
    "diversity": Entry(critics.diversity, ("diversity",)),
    "clustering": Entry(critics.clustering, ("clustering",)),
    "one_unit": Entry(critics.one_unit, ("one_unit",)),
    "linear": Entry(critics.linear, ("linear",)),
}


def draw(
    groups: Sources,
    folder: Path,
    *,
    names: Iterable[str] | None = None,
    formats: Iterable[str] = ("png", "svg"),
) -> list[Path]:
    """Draw figures of a run into a folder.

    Parameters
    ----------
    groups : mapping of str to Dataset
        Groups of the trajectory and of the results. A second analysis of a kind is drawn too, its
        name added to that of the figure.
    folder : Path
        Made if it is not there.
    names : iterable of str, optional
        All that there are data for by default.
    formats : iterable of str
        png, svg or pdf.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        For a name that is not in the catalogue, or one whose data are not there.
    """
    plans = list(_plans(groups, names))
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    with _off_screen():
        for stem, entry, sources in plans:
            with sheet():
                paths += _save(entry.draw(sources), [folder / f"{stem}.{k}" for k in formats])
    return paths


def draw_alike(several: Sequence[Sources], folders: Sequence[Path]) -> list[str]:
    """Draw the figures that several runs have in common, panel by panel on the same axes.

    Parameters
    ----------
    several : sequence of mappings of str to Dataset
        Of each run, as for ``draw``.
    folders : sequence of Path
        Where each run's are written, as SVG.

    Returns
    -------
    list of str
        Their names.
    """
    plans = [{stem: (e, s) for stem, e, s in _plans(groups, None)} for groups in several]
    common = [stem for stem in plans[0] if all(stem in others for others in plans)]
    with _off_screen():
        for stem in common:
            with sheet():
                drawn = [entry.draw(sources) for entry, sources in (p[stem] for p in plans)]
                share_axes(drawn)
                for figure, folder in zip(drawn, folders, strict=True):
                    _save(figure, [folder / f"{stem}.svg"])
    return common


def draw_one(panels: Callable[[xr.Dataset], Figure], data: xr.Dataset, path: Path) -> Path:
    """Draw one figure of one dataset to a path, whose suffix says the format."""
    with _off_screen(), sheet():
        _save(panels(data), [path])
    return path


@contextmanager
def _off_screen() -> Iterator[None]:
    """Draw to files, whatever the user draws to."""
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    try:
        yield
    finally:
        plt.switch_backend(backend)


def _plans(
    groups: Sources, names: Iterable[str] | None
) -> Iterator[tuple[str, Entry, dict[str, xr.Dataset]]]:
    """Name of each figure, how it is drawn, and from what."""
    wanted = list(names) if names is not None else list(CATALOGUE)
    for name in wanted:
        if name not in CATALOGUE:
            raise InputError(f"there is no figure {name!r}; {nearest(name, CATALOGUE)}")
    for name in wanted:
        entry = CATALOGUE[name]
        found = {
            suffix: sources
            for suffix, sources in _sources(groups, entry.needs).items()
            if entry.applies(sources[entry.needs[0]])
        }
        if entry.by_case:
            if names is None and _most_cases(found, entry.needs[0]) > MOST_CASES:
                continue
            found = _each_case(found, entry.needs[0])
        if names is not None and not found:
            raise InputError(
                f"figure {name!r} needs {' and '.join(entry.needs)}, which this run has not"
            )
        for suffix, sources in found.items():
            yield (f"{name}-{suffix}" if suffix else name), entry, sources


def _sources(groups: Sources, needs: tuple[str, ...]) -> dict[str, dict[str, xr.Dataset]]:
    """Data of a figure for each analysis of its first kind, by the analysis' further name."""
    of_kind: dict[str, dict[str, xr.Dataset]] = {}
    for name, group in groups.items():
        empty = json.loads(group.attrs.get("empty_cases", "[]"))
        if empty:  # every network diverged: nothing to draw
            group = group.isel(case=~np.isin(group["case"].to_numpy(), empty))
        of_kind.setdefault(str(group.attrs.get("of", name)), {})[name] = group
    if any(kind not in of_kind for kind in needs):
        return {}
    shared = {kind: next(iter(of_kind[kind].values())) for kind in of_kind}
    return {
        "" if name == needs[0] else name: {**shared, needs[0]: group}
        for name, group in of_kind[needs[0]].items()
    }


def _most_cases(found: Mapping[str, dict[str, xr.Dataset]], kind: str) -> int:
    return max((sources[kind].sizes.get("case", 1) for sources in found.values()), default=0)


def _each_case(
    found: Mapping[str, dict[str, xr.Dataset]], kind: str
) -> dict[str, dict[str, xr.Dataset]]:
    """Sources of each case of a sweep apart, its name joined to that of the figure."""
    apart: dict[str, dict[str, xr.Dataset]] = {}
    for suffix, sources in found.items():
        data = sources[kind]
        if "case" not in data.dims:
            apart[suffix] = sources
            continue
        for k, case in enumerate(data["case"].to_numpy()):
            name = "".join(c if c.isalnum() or c in "=.-" else "_" for c in str(case))
            one = data.isel(case=k, drop=True)
            one.attrs |= json.loads(data.attrs.get("by_case", "{}")).get(str(case), {})
            if "epoch" in one.dims:  # those that other cases have alone are empty
                one = one.dropna("epoch", how="all")
            apart["-".join(filter(None, (suffix, name)))] = {**sources, kind: one}
    return apart


def _save(figure: Figure, paths: Sequence[Path]) -> Sequence[Path]:
    """Write a figure in the formats that the suffixes say, whole or not at all, and close it."""
    options: dict[str, dict[str, Any]] = {
        "svg": {"metadata": {"Date": None}},
        "pdf": {"metadata": {"CreationDate": None}},
        "png": {"pil_kwargs": {"compress_level": 1}},  # further levels take as long as the drawing
    }
    say_logarithmic(figure)
    for path in paths:
        kind = path.suffix[1:]
        partial = path.with_name(f".partial-{path.name}")
        try:
            figure.savefig(partial, format=kind, **options[kind])
            os.replace(partial, path)
        except BaseException as error:
            partial.unlink(missing_ok=True)
            if isinstance(error, OSError):
                error.filename = str(path)
            raise
        figure.set_layout_engine("none")  # laid out once, for all formats
    plt.close(figure)
    return paths
