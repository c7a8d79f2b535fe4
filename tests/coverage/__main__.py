"""Count the coverage of intervals and the false alarms of tests, and write docs/coverage.md.

``python tests/coverage`` counts all cells; ``python tests/coverage fit_ou`` those whose estimator
begins with a name, and prints them; ``--update`` puts these into the page, whose other rows stay;
``--scale 0.1`` counts a tenth of the series.
"""

import os

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # before numpy: many small fits

import argparse
import datetime
import sys
import time
from pathlib import Path

import inertia
import noisy
import nulls
import paths
import replicas
import scans
import systems
import walks
import wells
from cells import Cell, Row, counted

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
GROUPS = {
    "Estimators of single paths": paths.groups,
    "Models with inertia: friction and stiffness, or momentum and curvature": inertia.groups,
    "Estimators over replicas": replicas.groups,
    "Estimators of several coordinates, of noise and of critical points": systems.groups,
    "Critical points and exponents of scans": scans.groups,
    "Models of diffusion under measurement noise": noisy.groups,
    "Models of walks": walks.groups,
    "Models of reshuffled descent and of a double well": wells.groups,
    "Tests, rejection of a true null at 5%": nulls.groups,
}
HEAD = """# Coverage and false alarms, counted

Counted by `python tests/coverage`, each row on its day, with simulators that share no code with the
package (`tests/coverage/simulators.py`). 95% intervals should hold the truth in 92 to 98% of series
(exact discrete ones in at least 95%), and tests at 5% should reject a true null in 3 to 7%. All
series that have an interval count, whatever their status; the last columns give the shares without
an interval, and with a status other than "ok". "outside" marks a count that is not compatible with
the bounds at 99%; what is said about it stands beside it. {outside} of {cells} cells are outside.
"""


def said(row: Row) -> str:
    """Where it is said that a cell is outside; empty where it is not."""
    return row.cell.said or ("by the status" if row.not_ok >= 0.95 else "")


def line(row: Row) -> str:
    """One line of the table."""
    percent = [f"{100 * v:.1f}" if v == v else "" for v in (row.right, row.below, row.above)]
    width = f"{row.width:.2g}" if row.width == row.width else ""
    mark = "" if row.is_right else f"outside: {said(row) or 'not said'}"
    if not row.used:
        mark = row.cell.said or "no interval"
    cells = [row.cell.estimator, row.cell.condition, str(row.used), *percent, width]
    today = str(datetime.datetime.now(datetime.UTC).date())
    rest = [f"{100 * row.without:.0f}", f"{100 * row.not_ok:.0f}", today, mark]
    return "| " + " | ".join([*cells, *rest]) + " |"


def start_of(cell: Cell) -> str:
    """How the line of a cell begins."""
    return f"| {cell.estimator} | {cell.condition} | "


def page(lines: list[str]) -> str:
    """The page of all tables, from the lines of cells in any order; others are left out."""
    parts, found = [], []
    for title, cells in GROUPS.items():
        every = list(cells())
        share = "rejected %" if every[0].kind == "test" else "covered %"
        head = ["estimator", "condition", "series", share, "below %", "above %", "width"]
        head += ["none %", "not ok %", "counted", ""]
        parts += [f"\n## {title}\n", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
        rows = [text for cell in every for text in lines if text.startswith(start_of(cell))]
        parts += rows
        found += rows
    outside = sum("| outside: " in text for text in found)
    return "\n".join([HEAD.format(outside=outside, cells=len(found)), *parts]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings of estimators' names")
    parser.add_argument("--update", action="store_true", help="put those named into the page")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the series")
    chosen = parser.parse_args()
    rows, lines = [], []
    for cell in [cell for cells in GROUPS.values() for cell in cells()]:
        if chosen.names and not cell.estimator.startswith(tuple(chosen.names)):
            continue
        start = time.perf_counter()
        rows.append(counted(cell, chosen.scale))
        lines.append(line(rows[-1]))
        print(f"{lines[-1]} {time.perf_counter() - start:.1f} s", flush=True)
    if chosen.update:
        again = tuple(start_of(row.cell) for row in rows)
        kept = PAGE.read_text(encoding="utf-8").splitlines()
        lines += [text for text in kept if not text.startswith(again)]
    if chosen.update or not chosen.names:
        PAGE.write_text(page(lines), encoding="utf-8")
    return int(any(not row.is_right and not said(row) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
