"""Closing tables of a run, and what ``sgdphys info`` prints of a run or a trajectory."""

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.claims.results import LEARNED
from sgdphys.claims.verdicts import WORDS, Verdict
from sgdphys.errors import InputError, WorkError
from sgdphys.quantities import attributes
from sgdphys.study.layer_tables import Table, layer_tables
from sgdphys.study.main_result import main_result
from sgdphys.study.runs import Run
from sgdphys.study.study_file import STUDY_FILE
from sgdphys.trajectory.locations import bytes_of, is_one, is_zarr, location
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.segments import SEGMENTS, recorded_at, segment_paths

_MEDIANS = ("accuracy", "test_accuracy", "loss", "test_loss")


def tables(run: Run) -> list[Table]:
    """Titles and rows of the closing tables of a run: layers, claims, and training.

    Of a sweep the training of every case, of a study of studies the verdicts of every part.
    """
    found: list[Table] = []
    if run.is_analysed and not run.cases and not run.parts:
        with run.results as results:
            groups = {str(n): node.to_dataset() for n, node in results.children.items()}
            found += layer_tables(groups)
    if run.verdicts:
        found.append(("Claims", verdict_rows(run)))
    return [*found, training_table(run)]


def as_html(run: Run) -> str:
    """Title and closing tables of a run as HTML; of one that is not complete, how far it is."""
    title = f"<p><b>{escape(run.study.title)}</b>: {escape(str(run.folder))}</p>"
    try:
        found = tables(run)
    except (InputError, WorkError):
        return f"{title}<p>{escape(_state('not complete', run))}</p>"
    parts = [title]
    with pd.option_context("display.max_colwidth", None):
        for name, rows in found:
            table = pd.DataFrame(rows[1:], columns=rows[0])
            parts.append(f"<p>{escape(name)}</p>{table.to_html(index=False)}")
    return "".join(parts)


def training_table(run: Run) -> Table:
    """Loss and accuracy at the last epoch of an ensemble or of every case, or verdicts by part."""
    if run.parts:
        return "Verdicts by part", _part_rows(run)
    if run.cases:
        return "Medians over networks at the last epoch", _case_rows(run)
    with open_trajectory(run.folder, ("training",)) as trajectory:
        return ensemble_table(trajectory["training"].to_dataset())


def ensemble_table(training: xr.Dataset) -> Table:
    """Loss and accuracy of an ensemble at the last epoch.

    Parameters
    ----------
    training : Dataset
        A trajectory's group of that name.
    """
    last = training.isel(epoch=-1).load()
    rows: list[tuple[str, ...]] = [("quantity", "median", "lowest", "highest")]
    for name in _MEDIANS:
        every = last[name].to_numpy()
        values = every[np.isfinite(every)]
        if len(values):
            cells = (f"{v:.4g}" for v in (np.median(values), values.min(), values.max()))
            of = f" ({len(values)} networks)" if len(values) < len(every) else ""
            rows.append((f"{training[name].attrs['long_name']}{of}", *cells))
    return f"All networks at epoch {int(last['epoch'])}", rows


def closing_lines(run: Run, seconds: float) -> list[str]:
    """Sentences after the tables: networks that diverged, the main result, duration and size."""
    lines = []
    if not run.cases and not run.parts:
        steps = [f"{r} at update {s}" for r, s in enumerate(run.diverged_steps) if s >= 0]
        if steps:
            lines.append(f"Diverged networks: {', '.join(steps)}")
    lines += _left_out(run)
    result = main_result(run)
    if result:
        lines.append(f"Main result: {result}")
    if run.mark:
        lines.append(f"This is a {run.mark}")
    return [*lines, f"{seconds:.1f} s, {run.bytes / 1e6:.0f} MB in {run.folder}"]


def _left_out(run: Run) -> list[str]:
    """How many networks have learnt nothing, and are left out of claims about curves."""
    if run.parts or not run.is_analysed:
        return []
    with run.results as results:
        found = [node.to_dataset() for node in results.children.values()]
        learned = [g[LEARNED].load() for g in found if LEARNED in g.coords]
    if not learned:
        return []
    most = max(learned, key=lambda values: values.size)
    none = most == 0
    if not none.any():
        return []
    of = ""
    if "case" in most.dims:
        of = f" in {int(none.any('replica').sum())} of {most.sizes['case']} cases"
    return [
        f"{int(none.sum())} of {int(most.notnull().sum())} networks{of} have learnt nothing, and "
        "are left out of claims about the information of layers"
    ]


def _case_rows(run: Run) -> list[tuple[str, ...]]:
    medians: dict[str, list[float]] = {}
    names = [attributes(name)["long_name"] for name in _MEDIANS]
    for name, case in run.cases.items():
        with open_trajectory(case.folder, ("training",)) as trajectory:
            last = trajectory["training"].to_dataset().isel(epoch=-1).load()
        medians[name] = [float(last[n].median()) for n in _MEDIANS]
    # without labels there is no accuracy, without a test set no test values
    shown = [k for k in range(len(_MEDIANS)) if not all(np.isnan(v[k]) for v in medians.values())]
    return [
        ("case", *(names[k] for k in shown)),
        *((name, *(f"{values[k]:.4g}" for k in shown)) for name, values in medians.items()),
    ]


def _part_rows(run: Run) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("part", *WORDS)]
    verdicts = run.verdicts
    for name in run.parts:
        found = [v.word for v in verdicts if v.claim.startswith(f"{name}/")]
        if found:
            rows.append((name, *(str(found.count(word)) for word in WORDS)))
    return rows


def verdict_rows(run: Run) -> list[tuple[str, ...]]:
    """Rows on each claim: its sentence and statistic, the estimate, the rule, and the verdict.

    Where parts are one study with other keys, such as another seed, the first one's claims have
    rows, and the others a column each. Empty without claims.
    """
    columns: dict[str, dict[str, Verdict]] = {"verdict": {v.claim: v for v in run.verdicts}}
    for name, of in run.repeats.items():
        others = {k: v for k, v in columns["verdict"].items() if k.startswith(f"{name}/")}
        settings = run.study.parts[name].settings
        title = ", ".join(f"{k}={v}" for k, v in settings.items()) or name
        columns.setdefault(title, {}).update({k.replace(name, of, 1): v for k, v in others.items()})
        columns["verdict"] = {k: v for k, v in columns["verdict"].items() if k not in others}
    verdicts, *repeated = columns.values()
    if not verdicts:
        return []
    rows = [("claim (statistic)", "kind", "estimate [95%]", "supported if", *columns)]
    for name, v in verdicts.items():
        part, slash, _ = name.rpartition("/")
        says = f"{part}: {v.says}" if slash else v.says
        again = (_repeated(column.get(name)) for column in repeated)
        kind = v.kind if v.written == "before" else f"{v.kind}, after"
        says = f"{says} ({v.statistic})"
        word = f"{v.word}, does not survive" if v.survives == "no" else v.word
        rows.append((says, kind, v.estimate, v.rule, word, *again))
    return rows


def _repeated(v: Verdict | None) -> str:
    if v is None:
        return ""
    return f"{v.estimate} {v.word}" + (", does not survive" if v.survives == "no" else "")


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
    return f"{name}: {said}" + (", analysed" if is_analysed_now(run) else "")


def is_analysed_now(run: Run) -> bool:
    """Whether a run has whole results, of the analyses that its study has now."""
    try:
        return run.is_analysed and run.is_analysed_as_asked
    except WorkError:
        return False


def recorded_epochs(folder: Path) -> int:
    """Epochs that the finished segments of a run hold, by their names."""
    done = 0
    for path in segment_paths(folder / SEGMENTS):
        first, last = map(int, path.stem.split("-"))
        if first > done:  # one before it is missing
            break
        done = last
    return done


def describe(path: str | Path) -> list[str]:
    """Lines on what a trajectory holds: origin, sizes, axes, replicas that diverged.

    Of a run how far it is; of a sweep, or a study of studies, how far each of its runs is.
    """
    path = location(path)
    run = None
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
        segments = [path] if is_one(path) else segment_paths(recorded_at(path))
        size = sum(map(bytes_of, segments))
        kind = "store" if is_zarr(segments[0]) else "file"
        lines.append(f"{len(segments)} {kind}{'s' * (len(segments) > 1)}, {size / 1e6:.1f} MB")
        if recorded_at(path) != path:
            lines.append("the recording goes on, or was cut off; resume=True joins its segments")
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
    return lines if run is None else [*lines, _state("the run", run)]
