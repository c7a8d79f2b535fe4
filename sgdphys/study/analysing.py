"""The second stage: the analyses of a study, written to ``results.nc``."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

import sgdphys
from sgdphys.analyses import catalogue
from sgdphys.analyses.source import Source, narrowed
from sgdphys.claims.delays import compression_after_transition
from sgdphys.claims.results import LACKS, LEARNED
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.glossary import GLOSSARY
from sgdphys.quantities import attributes
from sgdphys.study.cases import short_names, value_at
from sgdphys.study.contents import source_digest
from sgdphys.study.experiment import ensemble_of, plan_of, task_of
from sgdphys.study.files import study_hash
from sgdphys.study.settings import Study
from sgdphys.trajectory.provenance import provenance
from sgdphys.trajectory.reader import attributes_of, open_trajectory
from sgdphys.trajectory.writer import write_tree

RESULTS = "results.nc"
QUICK = "made small by --quick: numbers, no verdicts"
"""Attribute ``quick`` of results and recordings, and mark on figures, of a quick run."""
RELATED = "compression"
"""Group of the relations between information and gradient phases."""


def analyses_key(study: Study) -> str:
    """Return what results depend on: the recording and the analyses."""
    analyses = study.model_dump(mode="json", include={"analyses"})["analyses"]
    parts = [study_hash(study), sgdphys.__version__, analyses]
    sources = catalogue.sources({analysis.of for analysis in study.analyses.values()})
    for analysis in study.analyses.values():
        sources |= {name: str(source_digest(name, study.folder)) for name in analysis.functions}
    return json.dumps([*parts, sources] if sources else parts, sort_keys=True)


def are_whole(folder: Path, study: Study) -> bool:
    """Whether a run has results of this study."""
    path = folder / RESULTS
    return path.is_file() and attributes_of(path).get("analyses_key") == analyses_key(study)


def analyse(folder: Path, study: Study, tell: Callable[[str], None]) -> None:
    """Carry out the analyses of a study on its recording, and relate them to each other.

    Raises
    ------
    InputError
        When an analysis needs what was not recorded.
    """
    groups: dict[str, xr.Dataset] = {}
    with open_trajectory(folder) as recorded:
        source = _source(_as_planned(recorded, study), study)  # task and networks are made once
        for name, analysis in study.analyses.items():
            tell(f"analysing {name} in {folder}")
            _require(name, study)
            compute = catalogue.analysis(analysis.of).analyse
            try:
                found = source.with_clocks(compute(source, analysis))
                groups[name] = found.assign_attrs(sampler=study.train.sampling)
            except (NotEnoughData, np.linalg.LinAlgError) as error:
                why = str(error)
                if not isinstance(error, NotEnoughData):
                    why = f"its linear algebra fails ({why}): weights are too large, or do not move"
                tell(f"analyses.{name} has no data: {why}")
                groups[name] = xr.Dataset(attrs={LACKS: why})
            except InputError as error:
                raise InputError(f"analyses.{name}: {error}") from None
            groups[name].attrs["of"] = analysis.of
    first: dict[str, xr.Dataset] = {}
    for group in groups.values():
        if group.variables:
            first.setdefault(group.attrs["of"], group)
    if {"information", "phases"} <= first.keys() and RELATED not in groups:
        groups[RELATED] = compression_after_transition(
            first["information"], first["phases"], rng=study.train.seed
        ).assign_attrs(of=RELATED)
    _write(groups, folder, study)


def _source(trajectory: xr.DataTree, study: Study) -> Source:
    """Source of an analysis."""
    return Source(trajectory, study, partial(task_of, study), partial(ensemble_of, study))


def _require(name: str, study: Study) -> None:
    """Refuse an analysis without the data it needs; loading a study checks this as well."""
    missing = study.analyses[name].requires(study)
    if missing:
        raise InputError("\n".join(f"analyses.{name} {what}" for what in missing))


def _as_planned(recorded: xr.DataTree, study: Study) -> xr.DataTree:
    """A recording that is shared may hold more weights than this study asks for."""
    per_epoch = len(_source(recorded, study).batch_sizes)
    return narrowed(recorded, steps=plan_of(study, per_epoch).weight_steps)


def combine(folder: Path, study: Study, cases: Mapping[str, tuple[Path, Study]]) -> None:
    """Join the results of all cases of a sweep along ``case``, with the swept keys."""
    swept = {
        short.replace(".", "_"): [value_at(case, key) for _, case in cases.values()]
        for key, short in short_names(study.sweep.keys).items()
    }
    groups: dict[str, xr.Dataset] = {}
    # a case whose networks all diverged has no results
    trees = {
        name: open_trajectory(path / RESULTS)
        for name, (path, _) in cases.items()
        if (path / RESULTS).is_file()
    }
    # an analysis that had too few data in a case has an empty group, and none where it follows
    for name in dict.fromkeys(name for tree in trees.values() for name in tree.children):
        found = {c: tree[name].to_dataset().load() for c, tree in trees.items() if name in tree}
        there = {case: data for case, data in found.items() if data.variables}
        if not there:
            groups[str(name)] = next(iter(found.values()))
            continue
        parts = [there.get(case, _empty_like(next(iter(there.values())))) for case in cases]
        joined = xr.concat(
            parts, dim="case", join="outer", combine_attrs="drop_conflicts", data_vars="all",
            coords="different", compat="equals",
        )  # fmt: skip
        beside = {f"swept_{k}": ("case", np.array(v), _said_of(k)) for k, v in swept.items()}
        of_cases = ("case", list(cases), attributes("case"))
        joined = joined.assign_coords({"case": of_cases, **beside})
        of = parts[0].attrs["of"]
        across = getattr(catalogue.analysis(of), "across_cases", None) if of != RELATED else None
        if across is not None:
            joined = across(joined, study, study.analyses[str(name)])
        groups[str(name)] = joined.drop_encoding().assign_attrs(
            of=of,
            cases=json.dumps(list(cases)),
            empty_cases=json.dumps([case for case in cases if case not in there]),
            by_case=_differing(there, joined),
        )
    for tree in trees.values():
        tree.close()
    _write(groups, folder, study)


def _said_of(key: str) -> dict[str, str]:
    """Unit and long name of a swept key."""
    unit = attributes(key)["units"] if key in GLOSSARY else "1"
    return {"units": unit, "long_name": f"{key.replace('_', ' ')}, swept"}


def _differing(there: Mapping[str, xr.Dataset], joined: xr.Dataset) -> str:
    """Attributes that differ between cases, by case, as JSON."""
    return json.dumps(
        {
            case: {k: v for k, v in data.attrs.items() if k not in joined.attrs and k != "of"}
            for case, data in there.items()
        },
        default=lambda v: v.item() if isinstance(v, np.generic) else str(v),
    )


def _empty_like(data: xr.Dataset) -> xr.Dataset:
    """The same variables, and clocks beside them, without a number in them."""

    def empty(v: xr.DataArray) -> xr.DataArray:
        return xr.full_like(v, np.nan, dtype=float) if v.dtype.kind in "fiub" else v

    beside = {name: empty(data[name]) for name in (LEARNED, "updates", "flow_time") if name in data}
    return data.map(empty).assign_coords(beside).assign_attrs(data.attrs)


def _write(groups: dict[str, xr.Dataset], folder: Path, study: Study) -> None:
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {
        "title": study.title,
        "analyses_key": analyses_key(study),
        **({"quick": QUICK} if study.quick else {}),
        **provenance("analysed"),
    }
    write_tree(tree, folder / RESULTS)
