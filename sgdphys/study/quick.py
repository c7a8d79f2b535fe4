"""A study made small: every stage and every figure, of a few networks and epochs."""

from typing import Any

import numpy as np

from sgdphys.analyses.settings import AnalysisSettings
from sgdphys.study.settings import Bursts, Study, Sweep

QUICK_EPOCHS, QUICK_CASE_EPOCHS = 500, 200
"""Epochs of a study, and of each case of a sweep unless bursts need more."""
QUICK_REPLICAS, QUICK_CASE_REPLICAS = 16, 8
"""Networks of a study, and of each case of a sweep."""
QUICK_TIMES = 3
"""Number of epochs at which slow estimators are computed."""
_EPOCHS = "train.epochs"
QUICK_FAMILIES = 6
"""Least number of families of twins."""


def quicken(study: Study) -> Study:
    """Return the study with as few epochs and replicas as still show every figure, in one format.

    It is marked as quick, so that its claims are not judged and every output says so.

    Vector graphics where the study has them: they take half as long to draw as pixels.
    """
    train = study.train
    is_sweep, in_bursts = bool(study.sweep.keys), isinstance(study.record.weights, Bursts)
    networks = QUICK_CASE_REPLICAS if is_sweep else QUICK_REPLICAS
    families = max(networks // train.twins, QUICK_FAMILIES if train.twins > 1 else 1)
    replicas = min(train.replicas, families * train.twins)
    longest = QUICK_CASE_EPOCHS if is_sweep and not in_bursts else QUICK_EPOCHS
    epochs = min(longest, max(train.epochs // 4, 1))
    shorter = {"epochs": epochs, "replicas": replicas}
    analyses = {name: _quickened(a, epochs) for name, a in study.analyses.items()}
    formats = study.figures.formats
    drawn = study.figures.model_copy(
        update={"formats": ("svg",) if "svg" in formats else formats[:1]}
    )
    return study.model_copy(
        update={
            "sweep": _with_fewer_epochs(study.sweep, epochs),
            "train": train.model_copy(update=shorter), "analyses": analyses, "figures": drawn,
            "quick": True,
        }
    )  # fmt: skip


def _with_fewer_epochs(sweep: Sweep, longest: int) -> Sweep:
    """A sweep over epochs with all of them shorter by one factor."""
    swept = sweep.keys.get(_EPOCHS, ())
    if max(swept, default=0) <= longest:
        return sweep
    fewer = tuple(max(round(n * longest / max(swept)), 1) for n in swept)
    if len(set(fewer)) < len(set(swept)):  # cases that differ must remain different
        return sweep
    return sweep.model_copy(update={"keys": {**sweep.keys, _EPOCHS: fewer}})


def _quickened(analysis: AnalysisSettings, last: int) -> AnalysisSettings:
    """An analysis of fewer networks, series, gradients or epochs, where it is slow."""
    fewer: dict[str, Any] = {
        name: min(getattr(analysis, name), most) for name, most in analysis.quick.items()
    }
    epochs = getattr(analysis, "epochs", ())
    if isinstance(epochs, tuple) and len(epochs) > QUICK_TIMES:
        there = [epoch for epoch in epochs if epoch <= last] or [last]
        places = np.linspace(0, len(there) - 1, QUICK_TIMES).round().astype(int)
        fewer["epochs"] = tuple(there[k] for k in np.unique(places))
    return analysis.model_copy(update=fewer)
