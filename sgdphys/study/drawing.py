"""The last stage: figures, drawn again where what they show has changed or one is damaged."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from sgdphys.study.analysing import analyses_key
from sgdphys.study.runs import DRAWN, FIGURES, Run
from sgdphys.trajectory.writer import write_text


def draw(run: Run, tell: Callable[[str], None]) -> None:
    """Draw a run, unless what its figures show is what they showed when they were drawn.

    ``.drawn`` says what that was, and has a digest of every figure.
    """
    if not run.study.figures.formats:
        return
    shown = [
        run.study.model_dump(mode="json"), analyses_key(run.study), run.is_analysed, run.verdicts
    ]  # fmt: skip
    key = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
    folder = run.folder / FIGURES
    damaged = _damaged(folder, run.folder / DRAWN, key)
    if damaged == []:
        tell(f"the figures in {folder} are complete; nothing to draw")
        return
    if damaged:
        tell(f"{', '.join(damaged)} in {folder} changed or are missing; all are drawn again")
    paths = run.write_figures()
    drawn = {"of": key, "figures": {path.name: _digest(path) for path in paths}}
    write_text(json.dumps(drawn), run.folder / DRAWN)
    count = len({path.stem for path in paths})
    if count:
        tell(f"drew {count} figure{'s' * (count > 1)} in {folder}")
    else:
        tell(f"drew no figure: {_why_none(run)}")


def _why_none(run: Run) -> str:
    """Why a run has no figures, and what to do."""
    names = ", ".join(run.study.analyses)
    if not names:
        return (
            "the study has no [analyses], and the figures of a sweep are those of its analyses; "
            "add one, such as [analyses.learning], and give the same command again"
        )
    if not run.is_analysed:
        return "nothing was analysed, since every network diverged; lower train.learning_rate"
    return f"no figure can be drawn of what {names} found here; add another analysis"


def _damaged(folder: Path, kept: Path, key: str) -> list[str] | None:
    """Figures that are not as they were drawn; None where what they show is not what a key says."""
    try:
        drawn = json.loads(kept.read_text(encoding="utf-8"))
        if drawn["of"] != key:
            return None
        return [n for n, digest in drawn["figures"].items() if _digest(folder / n) != digest]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # missing, or damaged


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
