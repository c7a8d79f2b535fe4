"""The second stage: the analyses of a study, written to ``results.nc``."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import sgdphys
from sgdphys import relate
from sgdphys.dynamics.bursts import burst_diffusion
from sgdphys.dynamics.intervals import METHOD, mean_with_interval
from sgdphys.dynamics.phases import epoch_drift, gradient_phases
from sgdphys.errors import InputError
from sgdphys.information.bottleneck import bottleneck_curve
from sgdphys.information.cells import layer_cells
from sgdphys.information.critical import critical_betas
from sgdphys.information.distance import bottleneck_distance
from sgdphys.information.plane import layer_information
from sgdphys.sampling import batch_sizes
from sgdphys.study.files import study_hash
from sgdphys.study.keys import (
    BottleneckAnalysis,
    DiffusionAnalysis,
    InformationAnalysis,
    PhasesAnalysis,
    Study,
)
from sgdphys.study.recording import task_of
from sgdphys.trajectory.reader import open_trajectory
from sgdphys.trajectory.writer import write_tree

RESULTS = "results.nc"
_CLUSTERS, _LARGEST_BETA, _CURVE_POINTS = 7, 3000.0, 200
RELATED = "compression"
"""Group of what information and phases say about each other."""


def analyses_key(study: Study) -> str:
    """Return what results depend on: the recording and the analyses."""
    analyses = study.model_dump(mode="json", include={"analyses"})["analyses"]
    return json.dumps([study_hash(study), sgdphys.__version__, analyses], sort_keys=True)


def are_whole(folder: Path, study: Study) -> bool:
    """Whether a run's results are there and are those of this study."""
    path = folder / RESULTS
    if not path.is_file():
        return False
    with open_trajectory(path) as results:
        return bool(results.attrs.get("analyses_key") == analyses_key(study))


def analyse(folder: Path, study: Study, threads: int | None, tell: Callable[[str], None]) -> None:
    """Carry out the analyses of a study on its recording, and relate them to each other.

    Raises
    ------
    InputError
        When an analysis needs what was not recorded.
    """
    groups: dict[str, xr.Dataset] = {}
    with open_trajectory(folder) as trajectory:
        for name, analysis in study.analyses.items():
            tell(f"analysing {name}")
            if isinstance(analysis, InformationAnalysis):
                groups[name] = _information(trajectory, study, analysis, threads)
            elif isinstance(analysis, BottleneckAnalysis):
                groups[name] = _bottleneck(trajectory, study, analysis)
            elif isinstance(analysis, DiffusionAnalysis):
                groups[name] = _diffusion(trajectory, study, analysis, name)
            else:
                groups[name] = _phases(trajectory, study, analysis, name)
            groups[name].attrs["of"] = analysis.of
    first: dict[str, xr.Dataset] = {}
    for group in groups.values():
        first.setdefault(group.attrs["of"], group)
    if {"information", "phases"} <= first.keys() and RELATED not in groups:
        groups[RELATED] = relate.compression_after_transition(
            first["information"], first["phases"], rng=study.train.seed
        ).assign_attrs(of=RELATED)
    _write(groups, folder, study)


def combine(folder: Path, study: Study, cases: Mapping[str, tuple[Path, Study]]) -> None:
    """Join the results of all cases of a sweep along ``case``, with the swept keys beside it."""
    names = list(study.sweep.keys)
    swept = {
        name.rpartition(".")[2]: [_value_at(case, name) for _, case in cases.values()]
        for name in names
    }
    groups: dict[str, xr.Dataset] = {}
    trees = [open_trajectory(path / RESULTS) for path, _ in cases.values()]
    for name in trees[0].children:
        parts = [tree[name].to_dataset().load() for tree in trees]
        joined = xr.concat(
            parts, dim="case", join="outer", combine_attrs="drop_conflicts", data_vars="all",
            coords="different", compat="equals",
        )  # fmt: skip
        beside = {f"swept_{k}": ("case", np.array(v)) for k, v in swept.items()}
        joined = joined.assign_coords({"case": list(cases), **beside})
        groups[str(name)] = joined.drop_encoding().assign_attrs(
            of=parts[0].attrs["of"], cases=json.dumps(list(cases))
        )
    for tree in trees:
        tree.close()
    _write(groups, folder, study)


def _value_at(study: Study, name: str) -> Any:
    value: Any = study
    for part in name.split("."):
        value = getattr(value, part)
    return str(value) if not isinstance(value, int | float | str) else value


def _write(groups: dict[str, xr.Dataset], folder: Path, study: Study) -> None:
    tree = xr.DataTree.from_dict(groups)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    tree.attrs = {
        "title": study.title,
        "analyses_key": analyses_key(study),
        "sgdphys_version": sgdphys.__version__,
        "created": now,
        "history": f"{now} analysed by sgdphys {sgdphys.__version__}",
    }
    write_tree(tree, folder / RESULTS)


def _information(
    trajectory: xr.DataTree, study: Study, analysis: InformationAnalysis, threads: int | None
) -> xr.Dataset:
    return layer_information(
        trajectory,
        task_of(study),
        bins=analysis.bins,
        edges=analysis.edges,
        bin_range=analysis.range,
        labels=analysis.labels,
        patterns=analysis.patterns,
        rng=study.train.seed,
        threads=threads,
    )


def _bottleneck(trajectory: xr.DataTree, study: Study, analysis: BottleneckAnalysis) -> xr.Dataset:
    """The certified curve of the soft rule, its births, and the distance of every layer from it."""
    task = task_of(study)
    p_xy = (task["p_x"] * task["p_y_given_x"]).transpose("sample", "label").to_numpy()
    births = critical_betas(p_xy, most=_CLUSTERS)
    onset = float(births["beta"][0])
    curve = bottleneck_curve(p_xy, np.geomspace(0.98 * onset, _LARGEST_BETA, _CURVE_POINTS))
    recorded = trajectory["weights"]["epoch"].to_numpy()
    wanted = [int(recorded[np.abs(recorded - e).argmin()]) for e in analysis.epochs]
    cells = layer_cells(
        trajectory, task, epochs=sorted({*wanted, int(recorded[-1])}), bins=analysis.bins
    )
    distance = bottleneck_distance(p_xy, cells, rng=study.train.seed)
    for name in ("gap", "beta_fit", "residual"):
        mean = mean_with_interval(distance[name], rng=study.train.seed)
        distance = distance.merge(
            mean.rename({n: str(n).replace(name, f"{name}_ensemble", 1) for n in mean.data_vars})
        )
    along = {name: f"curve_{name}" for name in ("I_XT", "I_TY", "clusters", "certificate")}
    found = distance.assign(
        {new: ("point", curve[old].to_numpy(), curve[old].attrs) for old, new in along.items()}
    ).assign_coords(
        curve_beta=("point", curve["beta"].to_numpy()),
        transition=np.arange(births.sizes["transition"]),
    )
    found.attrs |= {"confidence": 0.95, "interval_method": METHOD}
    return found.assign(
        {
            f"transition_{name}": ("transition", births[name].to_numpy(), births[name].attrs)
            for name in ("beta", "clusters", "place")
        }
        | {"beta_local": births["beta_local"]}
    ).assign_attrs(bins=analysis.bins, classes=curve.attrs["classes"])


def _diffusion(
    trajectory: xr.DataTree, study: Study, analysis: DiffusionAnalysis, name: str
) -> xr.Dataset:
    if study.train.twins < 2:
        raise InputError(f"analyses.{name} compares twins; set train.twins to 2 or more")
    gradients = None
    if "gradients" in trajectory.children:
        gradients = trajectory["gradients"].to_dataset()[["noise_norm"]].load()
    sizes = _batch_sizes(trajectory, study)
    try:
        return burst_diffusion(
            trajectory["weights"].to_dataset(),
            gradients,
            updates_per_epoch=len(sizes),
            sample=analysis.sample,
            confidence=analysis.confidence,
            rng=study.train.seed,
        )
    except InputError as error:
        raise InputError(f"analyses.{name}: {error}") from None


def _batch_sizes(trajectory: xr.DataTree, study: Study) -> np.ndarray:
    """Samples in each batch of an epoch."""
    split = trajectory["split"]["train"].to_numpy()
    return batch_sizes(int(split[0].sum()), study.train.batch_size, study.train.sampling)


def _phases(
    trajectory: xr.DataTree, study: Study, analysis: PhasesAnalysis, name: str
) -> xr.Dataset:
    if "gradients" not in trajectory.children:
        raise InputError(
            f"analyses.{name} needs gradient statistics, and record.gradients is 'none'"
        )
    gradients = trajectory["gradients"].to_dataset()
    norms = gradients.drop_dims("parameter").load()
    sizes = _batch_sizes(trajectory, study)
    return gradient_phases(
        norms,
        drift=epoch_drift(trajectory["weights"].to_dataset(), norms["epoch"].to_numpy()),
        batch_size=float(np.mean(sizes)),
        batches=len(sizes),
        replacement=study.train.sampling == "replacement",
        confidence=analysis.confidence,
        resamples=analysis.resamples,
        rng=study.train.seed,
    )
