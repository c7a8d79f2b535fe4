"""Confusion matrix of ``sgdphys.fit``: what simulated processes, on its list and off it, are named.

``python tests/coverage/confusion.py`` counts it and writes docs/confusion.md, in half an hour
on one core. The processes, their coefficients and the limits were fixed before counting.
"""

import argparse
import datetime
import functools
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simulators_fit as simulate
import simulators_inertia as inertia
import simulators_wells as wells
import true_likelihoods as true

import sgdphys as sp
from sgdphys.dynamics.models.catalogue import MODELS

PAGE = Path(__file__).parents[2] / "docs" / "confusion.md"
LENGTHS = (100, 1000, 4000)
"""Increments."""
SERIES = 400
"""Series of a cell; a quarter as many with gaps."""
LOST_SERIES = 1000
"""Series of the first five models from 1000 increments on: what they lose is few in a hundred."""
CANNOT_BE_WRONG = ("none", "not compared")
MOST_WRONG = {1000: 0.20, 4000: 0.05}
FIRST = ("wiener", "drifted_wiener", "ou", "fbm", "levy")
"""The models without which the others must not be compared: see ``Cell.alone``."""
MOST_LOST = 0.02
LEAST_NAMED = {"Student t4 steps": 0.8}
"""Share of long series that is named by its own model, 90% by default."""
FROM = 4000
"""Length at which that is asked."""
MOST_FALSE_NONE = 0.015
TELLS = np.log(100)
"""Log Bayes factor at which the true model can be told from the named one."""


class Process(NamedTuple):
    """A process, and the names that are right for it."""

    simulate: Any
    right: tuple[str, ...] = ()
    likelihood: Any = None
    coefficients: int = 0


def _of(function, **options):
    return functools.partial(function, **options)


LISTED = {
    "Wiener": Process(simulate.wiener, ("wiener",)),
    "Wiener, drift of 4 s.e.": Process(
        _of(simulate.wiener, drift_in_errors=4), ("drifted_wiener",)
    ),
    **{
        f"OU, kappa dt = {kappa}": Process(_of(simulate.ornstein_uhlenbeck, kappa=kappa), ("ou",))
        for kappa in (0.05, 0.3, 2)
    },
    "OU, kappa dt = 0.02, start at 10 s.d.": Process(
        _of(simulate.ornstein_uhlenbeck, kappa=0.02, start=10.0), ("ou",)
    ),
    "white noise": Process(simulate.white_noise, ("ou",)),
    **{
        f"fBm, H = {hurst}": Process(_of(simulate.fractional_brownian, hurst=hurst), ("fbm",))
        for hurst in (0.1, 0.3, 0.7, 0.9)
    },
    **{
        f"Levy, index {index}": Process(_of(simulate.levy_flight, index=index), ("levy",))
        for index in (1.0, 1.2, 1.6, 1.9)
    },
}
FURTHER = {
    "Wiener + noise of 1 step": Process(simulate.noisy_wiener, ("noisy_wiener",)),
    "OU, kappa dt = 0.05, + noise": Process(simulate.noisy_ornstein_uhlenbeck, ("noisy_ou",)),
    **{
        f"Student t{freedom} steps": Process(
            _of(simulate.student_walk, freedom=freedom), ("student",)
        )
        for freedom in (3, 4, 5)
    },
    "D switches by a factor of 4": Process(simulate.switching_diffusion, ("switching",)),
    "scaled, exponent 0.5": Process(
        _of(simulate.scaled_brownian, exponent=0.5), ("scaled_brownian",)
    ),
    "double well, dt = 0.1": Process(
        _of(wells.double_well, dt=0.1, diffusion=0.25), ("double_well",)
    ),
    **{
        f"underdamped, {where}": Process(
            _of(inertia.underdamped, friction=0.1, stiffness=stiffness), ("underdamped",)
        )
        for where, stiffness in (("free", 0.0), ("in a well", 0.01))
    },
    **{
        f"heavy ball, {where}": Process(
            _of(inertia.heavy_ball, momentum=0.9, rate=rate), ("heavy_ball",)
        )
        for where, rate in (("free", 0.0), ("in a well", 0.01))
    },
    "reshuffled SGD, 8 batches": Process(
        _of(wells.reshuffled, batches=8, rate=0.1), ("reshuffled",)
    ),
    "AR(2), 1.5, -0.7": Process(
        _of(simulate.second_order, first=1.5, second=-0.7), ("heavy_ball",)
    ),
}
OFF_LIST = {
    "Wiener + jumps": Process(simulate.jump_diffusion, (), true.jump_diffusion, 4),
    "AR(2), 0.5, 0.3": Process(
        _of(simulate.second_order, first=0.5, second=0.3),
        (),
        _of(true.second_order, first=0.5, second=0.3),
        4,
    ),
    "GARCH, 0.1, 0.85": Process(simulate.garch, (), true.garch, 3),
    "double well, dt = 1": Process(_of(simulate.double_well, dt=1.0)),
    "CTRW, exponent 0.7": Process(simulate.waiting_walk),
    "reshuffled SGD, the same 8 kicks": Process(simulate.reshuffled_descent, ("reshuffled",)),
}


class Cell(NamedTuple):
    """Counts of one process at one length, as shares of its series."""

    series: int
    names: dict[str, float]
    false_none: float
    """Named none though the true model was compared."""
    wrong: float
    """Named as a model that is not the true one."""
    told: float
    """The true model is 100 times as likely as the best of the list, by BIC; NaN: not computed."""
    wrong_though_told: float
    right: float
    """Named by its own model."""
    alone: float
    """Named by its own model where only the first five are compared; NaN: not one of them."""


def count(name: str, n: int, gaps: bool, series: int) -> Cell:
    """Simulate and fit one cell; the seed depends on all that defines it."""
    process = (LISTED | FURTHER | OFF_LIST)[name]
    place = [*LISTED, *FURTHER, *OFF_LIST].index(name)
    rng = np.random.default_rng([22, place, n, gaps])
    x = process.simulate(rng, series, n + 1)
    seen = simulate.with_gaps(rng, x) if gaps else x
    found = sp.fit(seen.T)
    best = found["best"].to_numpy()
    is_wrong = ~np.isin(best, (*process.right, *CANNOT_BE_WRONG))
    compared = found["compared"].to_numpy()[:, [m in process.right for m in MODELS]].any(axis=1)
    told = np.full(series, np.nan)
    if process.likelihood is not None and not gaps:
        k = process.coefficients
        # of the maximum: k/2 above that at the true coefficients, on average
        evidence = process.likelihood(x) + 0.5 * k * (1 - np.log(n))
        told = evidence + 0.5 * found["bic"].min("model").to_numpy() > TELLS
    alone = np.nan
    if name in LISTED:
        alone = np.isin(sp.fit(seen.T, models=FIRST)["best"], process.right).mean()
    return Cell(
        series,
        {m: c / series for m, c in Counter(best.tolist()).most_common()},
        float(((best == "none") & compared).mean()),
        float(is_wrong.mean()),
        float(np.mean(told)),
        float((is_wrong & (told == 1)).mean()) if np.isfinite(told).all() else np.nan,
        float(np.isin(best, process.right).mean()),
        float(alone),
    )


def broken_limits(cells: dict[tuple[str, int, bool], Cell]) -> list[str]:
    """Sentences on the cells outside the limits; those of a false none are pooled over listed ones.

    A cell is exempt where the wrong names are those of series whose true model cannot be told.
    """
    found = []
    for (name, n, gaps), cell in cells.items():
        where = f"{name}, n = {n}, {'1% missing' if gaps else 'even'}"
        if name in LISTED and cell.false_none > MOST_FALSE_NONE + 3 * _error(cell.series):
            found.append(f"{where}: none in {cell.false_none:.1%}")
        if n >= 1000 and cell.right < cell.alone - MOST_LOST:
            found.append(f"{where}: {cell.right:.1%} named, {cell.alone:.1%} with five models")
        if name in FURTHER and n == FROM and not gaps and cell.right < LEAST_NAMED.get(name, 0.9):
            found.append(f"{where}: named in {cell.right:.1%}")
        most = MOST_WRONG.get(n, 1.0)
        if name in OFF_LIST and cell.wrong > most and not cell.wrong_though_told <= most:
            found.append(f"{where}: wrong in {cell.wrong:.1%}")
    for n in {n for _, n, _ in cells}:
        shares = [c.false_none for (name, m, _), c in cells.items() if name in LISTED and m == n]
        if shares and np.mean(shares) > MOST_FALSE_NONE:
            found.append(f"n = {n}: none in {np.mean(shares):.1%} of the listed processes")
    return found


def _error(series: int) -> float:
    return float(np.sqrt(MOST_FALSE_NONE / series))


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.3g}"


def _table(cells, names, gaps) -> list[str]:
    lengths = sorted({n for _, n, _ in cells})
    lines = ["| process | " + " | ".join(f"n = {n}" for n in lengths) + " |"]
    lines.append("|---" * (len(lengths) + 1) + "|")
    for name in names:
        row = [
            ", ".join(f"{m} {_percent(share)}" for m, share in cells[name, n, gaps].names.items())
            for n in lengths
        ]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return lines


def page(cells: dict[tuple[str, int, bool], Cell], day: str) -> str:
    """The page of docs."""
    lengths = sorted({n for _, n, _ in cells})
    of_listed = {
        n: np.mean([c.false_none for (k, m, _), c in cells.items() if k in LISTED and m == n])
        for n in lengths
    }
    lines = [_TOP.format(day=day, series=_said(cells, lengths))]
    titles = {"The first five models": LISTED, "Further models": FURTHER, "Off the list": OFF_LIST}
    for title, names in titles.items():
        for gaps, said in ((False, "evenly spaced"), (True, "1% of the points missing")):
            lines += [f"\n## {title}, {said}\n", *_table(cells, names, gaps)]
    lines += ["\n## What the further models cost the first five\n", _COST]
    lines.append("| process | " + " | ".join(f"n = {n}" for n in lengths) + " |")
    lines.append("|---" * (len(lengths) + 1) + "|")
    for name in LISTED:
        of_name = [cells[name, n, False] for n in lengths]
        row = [f"{_percent(c.alone)} / {_percent(c.right)}" for c in of_name]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    lines += ["\n## Can the true process be told?\n", _TOLD]
    lines.append("| process | " + " | ".join(f"n = {n}" for n in lengths) + " |")
    lines.append("|---" * (len(lengths) + 1) + "|")
    for name, process in OFF_LIST.items():
        if process.likelihood is not None:
            of_name = [cells[name, n, False] for n in lengths]
            row = [
                f"{_percent(c.wrong)} / {_percent(c.told)} / {_percent(c.wrong_though_told)}"
                for c in of_name
            ]
            lines.append(f"| {name} | " + " | ".join(row) + " |")
    shares = ", ".join(f"{_percent(share)}% at n = {n}" for n, share in of_listed.items())
    lines += [f"\n## Limits\n\n{_LIMITS} Mean over the listed processes of a false none: {shares}."]
    broken = broken_limits(cells)
    lines.append(
        "\nOutside the limits:\n\n" + "\n".join(f"* {s}" for s in broken)
        if broken
        else "\nNo cell is outside the limits."
    )
    return "\n".join(lines) + "\n"


_TOP = """# What `sgdphys.fit` names: its confusion matrix

Counted on {day} by `python tests/coverage/confusion.py`, which writes this page: so many series of
every process (of the first five models, and of others): {series}, and a quarter as many with gaps.
The simulators are in `tests/coverage/simulators_*.py`; their docstrings give the coefficients,
which were fixed before counting. n is the number of increments; the other numbers are percentages
of the series, so that 5% of 400 series is 5 +- 1.1.

"none" means that all models of the list were compared and the best was rejected. "not compared"
means that the best of the compared ones was rejected, or is beaten on the longest stretch without
gaps, and that models which need evenly spaced points without gaps were not compared.
White noise is an Ornstein-Uhlenbeck process that relaxes within one step; it is named ou."""
_COST = """Named by its own model, evenly spaced: where only the first five are compared / with all.
"""
_TOLD = """Named as a wrong model / the true model is at least 100 times as likely (BIC, at its true
coefficients) as the best model of the list / both. Where the second number is small, no method
that knows the true process could have told the series from one of the list.
"""
_LIMITS = """A process off the list is named as a model in at most 20% of the series at
n = 1000, and in at most 5% at n = 4000, apart from series in which the true model is not 100
times as likely. One of the first five whose model was compared is "none" in at most 1.5%, and from
n = 1000 on it is named at most 2 points less often than if only these five are compared. At
n = 4000 a process of the further models is named in at least 90% (t4: 80%)."""


def _of_cell(cell: Cell) -> str:
    names = ", ".join(f"{m} {_percent(share)}" for m, share in cell.names.items())
    return (
        f"{names}; false none {_percent(cell.false_none)}, wrong {_percent(cell.wrong)}, "
        f"told {_percent(cell.told)}, both {_percent(cell.wrong_though_told)}"
    )


def _kept(path: Path | None) -> dict[str, Cell]:
    """Cells of a file."""
    if path is None or not path.exists():
        return {}
    return {key: Cell(*values) for key, values in json.loads(path.read_text()).items()}


def _keep(path: Path | None, cells: dict[str, Cell]) -> None:
    if path is not None:
        path.write_text(json.dumps(cells))


def _said(cells: Mapping[tuple[str, int, bool], Cell], lengths: Iterable[int]) -> str:
    """How many series were counted, of the first five models and of other processes."""
    said = []
    for n in lengths:
        first, other = (
            {c.series for (name, m, gaps), c in cells.items()
             if m == n and not gaps and (name in LISTED) == is_first}
            for is_first in (True, False)
        )  # fmt: skip
        numbers = [" to ".join(map(str, sorted({min(s), max(s)}))) for s in (first, other) if s]
        said.append(f"{' and '.join(dict.fromkeys(numbers))} at n = {n}")
    return ", ".join(said)


def _series(name: str, n: int) -> int:
    return LOST_SERIES if name in LISTED and n >= 1000 else SERIES


def main() -> None:
    """Count all cells and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, help="series of every cell")
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--only", nargs="*", help="processes whose name starts with this")
    parser.add_argument("--even", action="store_true", help="without the cells with gaps")
    parser.add_argument("--keep", type=Path, help="file of cells that are counted once")
    given = parser.parse_args()
    cells = {}
    kept = _kept(given.keep)
    for name in (*LISTED, *FURTHER, *OFF_LIST):
        if given.only and not any(name.startswith(start) for start in given.only):
            continue
        for n in given.lengths:
            for gaps in (False,) if given.even else (False, True):
                many = given.series or _series(name, n)
                key = f"{name}, {n}, {gaps}, {many}"
                if key not in kept:
                    kept[key] = count(name, n, gaps, many // 4 if gaps else many)
                    _keep(given.keep, kept)
                cell = cells[name, n, gaps] = kept[key]
                print(f"{name}, n = {n}, gaps {gaps}: {_of_cell(cell)}", flush=True)
    is_whole = not (given.only or given.even) and tuple(given.lengths) == LENGTHS
    if is_whole:
        PAGE.write_text(page(cells, datetime.date.today().isoformat()), encoding="utf-8")
    print("\n".join(broken_limits(cells)) or "no cell is outside the limits")


if __name__ == "__main__":
    main()
