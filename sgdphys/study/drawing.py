"""The last stage: figures, drawn again where what they show has changed or one is damaged."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

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
    earlier = _drawn(run.folder / DRAWN)
    damaged = _damaged(folder, earlier, key)
    if damaged == []:
        tell(f"the figures in {folder} are complete; nothing to draw")
        return
    if damaged:
        tell(f"{', '.join(damaged)} in {folder} changed or are missing; all are drawn again")
    paths = run.write_figures()
    _remove_others(folder, earlier.get("figures", {}), {path.name for path in paths})
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


def _drawn(kept: Path) -> dict[str, Any]:
    """What was drawn before: a key, and a digest of every figure; nothing if that is damaged."""
    try:
        drawn = json.loads(kept.read_text(encoding="utf-8"))
        return {"of": str(drawn["of"]), "figures": dict(drawn["figures"])}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _damaged(folder: Path, drawn: Mapping[str, Any], key: str) -> list[str] | None:
    """Figures that are not as they were drawn; None where what they show is not what a key says."""
    if drawn.get("of") != key:
        return None
    return [n for n, digest in drawn["figures"].items() if _digest(folder / n) != digest]


def _remove_others(folder: Path, before: Mapping[str, str], now: Collection[str]) -> None:
    """Remove figures that were drawn before and are not any more, unless they were changed."""
    stems = {Path(name).stem for name in now}
    for name, digest in before.items():
        path = folder / name
        if name in now or _digest(path) != digest:
            continue
        path.unlink()
        if path.stem not in stems:
            for data in (path.with_suffix(".csv"), path.with_suffix(".nc")):
                data.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
