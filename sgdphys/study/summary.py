"""What a run or a trajectory amounts to, in a few lines."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from sgdphys.claims.verdicts import Verdict
from sgdphys.study.analysing import RELATED
from sgdphys.study.runs import Run
from sgdphys.study.study_file import STUDY_FILE
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.segments import SEGMENTS, segment_paths

_MEDIANS = ("accuracy", "test_accuracy", "loss", "test_loss")


def table(run: Run, seconds: float) -> list[tuple[str, ...]]:
    """Rows of the closing table: loss and accuracy at the last epoch, time, size, places."""
    if run.parts:
        return _parts_table(run, seconds)
    if run.cases:
        return _cases_table(run, seconds)
    with open_trajectory(run.folder, ("training",)) as trajectory:
        rows = ensemble_table(trajectory["training"].to_dataset(), run.diverged_steps)
    rows.append((_place(run, seconds), "", "", ""))
    return rows


def ensemble_table(training: xr.Dataset, diverged: np.ndarray) -> list[tuple[str, ...]]:
    """Rows of loss and accuracy at the last epoch of an ensemble, and who diverged.

    Parameters
    ----------
    training : Dataset
        A trajectory's group of that name.
    diverged : int (replica,)
        Update at which each diverged, -1 where it did not.
    """
    last = training.isel(epoch=-1).load()
    rows: list[tuple[str, ...]] = [
        (f"at epoch {int(last['epoch'])}", "median", "lowest", "highest")
    ]
    for name in ("accuracy", "test_accuracy", "loss", "test_loss"):
        values = last[name].to_numpy()
        values = values[np.isfinite(values)]
        if len(values):
            cells = (f"{v:.4g}" for v in (np.median(values), values.min(), values.max()))
            rows.append((training[name].attrs["long_name"], *cells))
    if (diverged >= 0).any():
        which = ", ".join(f"{r} at update {s}" for r, s in enumerate(diverged) if s >= 0)
        rows.append((f"diverged: replica {which}", "", "", ""))
    return rows


def _place(run: Run, seconds: float) -> str:
    """How long a run took, how large it is, and where."""
    return f"{seconds:.1f} s, {run.bytes / 1e6:.0f} MB in {run.folder}"


def _cases_table(run: Run, seconds: float) -> list[tuple[str, ...]]:
    """Median loss and accuracy of every case of a sweep."""
    medians: dict[str, list[float]] = {}
    for name, case in run.cases.items():
        with open_trajectory(case.folder, ("training",)) as trajectory:
            last = trajectory["training"].to_dataset().isel(epoch=-1).load()
        medians[name] = [float(last[n].median()) for n in _MEDIANS]
    # without labels there is no accuracy, without a test set nothing of it
    shown = [k for k in range(len(_MEDIANS)) if not all(np.isnan(v[k]) for v in medians.values())]
    rows: list[tuple[str, ...]] = [
        ("medians at the last epoch", *(_MEDIANS[k] for k in shown)),
        *((name, *(f"{values[k]:.4g}" for k in shown)) for name, values in medians.items()),
    ]
    rows.append((_place(run, seconds), *[""] * len(shown)))
    return rows


def _parts_table(run: Run, seconds: float) -> list[tuple[str, ...]]:
    """How many claims of each part fell which way."""
    words = ("supported", "not supported", "inconclusive", "no data")
    rows: list[tuple[str, ...]] = [("claims of", *words)]
    verdicts = run.verdicts
    for name in run.parts:
        found = [v.word for v in verdicts if v.claim.startswith(f"{name}/")]
        if found:
            rows.append((name, *(str(found.count(word)) for word in words)))
    rows.append((_place(run, seconds), *[""] * len(words)))
    return rows


def verdict_table(run: Run) -> list[tuple[str, ...]]:
    """Rows on each claim: what was measured against which rule, and how it fell.

    Where parts are one study with other keys, such as another seed, the first one's claims have
    rows, and the others a column each. Empty without claims.
    """
    columns: dict[str, dict[str, Verdict]] = {"verdict": {v.claim: v for v in run.verdicts}}
    for name, of in run.repeats.items():
        others = {k: v for k, v in columns["verdict"].items() if k.startswith(f"{name}/")}
        settings = run.study.parts[name].settings
        said = ", ".join(f"{k}={v}" for k, v in settings.items()) or name
        columns.setdefault(said, {}).update({k.replace(name, of, 1): v for k, v in others.items()})
        columns["verdict"] = {k: v for k, v in columns["verdict"].items() if k not in others}
    verdicts, *repeated = columns.values()
    if not verdicts:
        return []
    rows = [("claim", "measured [95%]", "supported if", *columns)]
    for name, v in verdicts.items():
        again = (_again(column.get(name)) for column in repeated)
        rows.append((name, _measured(v), v.rule, v.word, *again))
    return rows


def _measured(v: Verdict) -> str:
    return v.reason if v.reason else f"{v.value:.3g} [{v.low:.3g}, {v.high:.3g}]"


def _again(v: Verdict | None) -> str:
    return "" if v is None else f"{_measured(v)} {v.word}"


def layer_table(run: Run) -> list[tuple[str, ...]]:
    """Rows on each layer: bits at start, peak and end, bits lost, and what came first.

    Empty where the study has not both kinds of analysis, or every network diverged.
    """
    if not run.is_analysed or run.cases or run.parts:
        return []
    with run.results as results:
        return layer_rows({str(n): node.to_dataset() for n, node in results.children.items()})


def layer_rows(groups: Mapping[str, xr.Dataset]) -> list[tuple[str, ...]]:
    """Rows of ``layer_table`` from the results of one ensemble, by the names of its analyses."""
    if RELATED not in groups or "case" in groups[RELATED].dims:
        return []
    related = groups[RELATED].load()
    phases = next(g.load() for g in groups.values() if g.attrs.get("of") == "phases")
    rows: list[tuple[str, ...]] = [
        (
            "layer",
            "I(X;T) start",
            "peak",
            "end",
            "bits lost [95%]",
            "peak epoch",
            "loss begins",
            "noise > drift",
            "which was first",
            "noise > mean",
            "which was first",
        )
    ]
    rows[0] = tuple(c.replace("95%", f"{related.attrs['confidence']:.0%}") for c in rows[0])
    for layer in related["layer"].to_numpy():
        here, events = related.sel(layer=layer), phases.sel(layer=layer)

        def value(name: str, source: xr.Dataset = here) -> float:
            return float(source[name])

        lost = (value(f"bits_lost_ensemble{s}") for s in ("", "_low", "_high"))
        rows.append(
            (
                str(layer),
                *(f"{value(f'bits_{n}_ensemble'):.2f}" for n in ("start", "peak", "end")),
                "{:.2f} [{:.2f}, {:.2f}]".format(*lost),
                _epoch(value("peak_epoch_ensemble")),
                _epoch(value("onset_epoch_ensemble")),
                _epoch(value("drift_transition_epoch_ensemble", events)),
                _which_first(here, "drift_"),
                _epoch(value("transition_epoch_ensemble", events)),
                _which_first(here, ""),
            )
        )
    return rows


def _state(name: str, run: Run) -> str:
    """How far a case or a part is."""
    if not (run.folder / STUDY_FILE).is_file():
        return f"{name}: not begun"
    inside = run.cases
    if inside:
        begun = sum((case.folder / STUDY_FILE).is_file() for case in inside.values())
        said = f"{begun} of {len(inside)} cases begun"
    else:
        said = f"{recorded_epochs(run.folder)} of {run.study.train.epochs} epochs recorded"
    return f"{name}: {said}" + (", analysed" if run.is_analysed else "")


def _epoch(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "none"


def _which_first(layer: xr.Dataset, prefix: str) -> str:
    """In words: noise or loss, by how many epochs, from how many pairs."""
    pairs = int(layer[f"{prefix}pairs"])
    delay, low, high = (float(layer[f"{prefix}onset_delay{s}"]) for s in ("", "_low", "_high"))
    if not np.isfinite(delay):
        return "no pairs"
    first = "undecided"
    if low > 0:
        first = "noise"
    elif high < 0:
        first = "loss"
    return f"{first}, {delay:+.0f} [{low:+.0f}, {high:+.0f}], n={pairs}"


def recorded_epochs(folder: Path) -> int:
    """Epochs that the finished segments of a run hold, by their names."""
    paths = segment_paths(folder / SEGMENTS)
    return int(paths[-1].stem.split("-")[1]) if paths else 0


def describe(path: Path) -> list[str]:
    """Lines on what a trajectory holds: origin, sizes, axes, replicas that diverged.

    Of a sweep, or a study of studies, how far each of its runs is.
    """
    if (path / STUDY_FILE).is_file():
        run = Run(path)
        inside = run.cases or run.parts
        if inside:
            return [f"{path}: {run.study.title}", *(_state(n, one) for n, one in inside.items())]
    with open_trajectory(path) as tree:
        attributes = tree.attrs
        lines = [
            f"{path}: {attributes.get('title', 'no title')}",
            f"written {attributes.get('created', 'at an unknown time')} by sgdphys "
            f"{attributes.get('sgdphys_version', 'of unknown version')}",
        ]
        segments = segment_paths(path) if path.is_dir() else [path]
        size = sum(p.stat().st_size for p in segments)
        lines.append(f"{len(segments)} file{'s' * (len(segments) > 1)}, {size / 1e6:.1f} MB")
        for name, node in tree.children.items():
            data = node.to_dataset()
            sizes = ", ".join(f"{n} {d}" for d, n in data.sizes.items())
            lines.append(f"{name}: {', '.join(map(str, data.data_vars))} ({sizes})")
            for axis in ("step", "epoch"):
                if axis in data.indexes:
                    index = data.indexes[axis]
                    lines.append(f"  {axis} {index[0]} to {index[-1]}, {len(index)} recorded")
        if "weights" in tree.children and "diverged_step" in tree["weights"]:
            steps = tree["weights"]["diverged_step"].to_numpy()
            lines += [
                f"  replica {r} diverged at update {s}" for r, s in enumerate(steps) if s >= 0
            ]
    return lines
