"""What several situations share: axes of a study, cases of a sweep, curves that fall and wander."""

import numpy as np
import xarray as xr

from sgdphys.claims.claim import Claim
from sgdphys.study.settings import Study
from sgdphys.trajectory.schedules import log_epochs

WANDERING = 0.02
"""Standard deviation of the step of a curve's random walk from record to record, bits."""


def axes(study: Study) -> dict[str, np.ndarray]:
    """Recorded epochs, networks and layers of a study."""
    return {
        "epoch": log_epochs(study.train.epochs),
        "replica": np.arange(study.train.replicas),
        "layer": np.arange(1, len(study.network.layers) + 2),
    }


def wandering(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random walks along the first axis, which is that of records."""
    return WANDERING * np.cumsum(rng.standard_normal(shape), axis=0)


def falling(epoch: np.ndarray, onset: np.ndarray) -> np.ndarray:
    """Share of a loss that is done, (epoch, ...): 0 until an epoch, then like a logarithm to 1."""
    time = np.log(np.maximum(epoch, 1))[:, None, None]
    start = np.log(onset)
    return np.clip((time - start) / (time[-1] - start), 0, 1)


def cases_of(claim: Claim, study: Study) -> list[dict[str, object]]:
    """Values of the swept keys in the two cases that a claim compares, or in its only one."""
    sides = [claim.where, {**claim.where, **claim.against}] if claim.against else [claim.where]
    swept = {name.rpartition(".")[2] for name in study.sweep.keys}
    return [{k: v for k, v in side.items() if k in swept} for side in sides]


def joined(parts: list[xr.Dataset], keys: list[dict[str, object]]) -> xr.Dataset:
    """Results of one or two cases as those of a sweep."""
    if len(parts) == 1 and not keys[0]:
        return parts[0]
    whole = xr.concat(parts, dim="case", join="outer", combine_attrs="override")
    named = {f"swept_{k}": ("case", [one[k] for one in keys]) for k in keys[0]}
    return whole.assign_coords(case=[str(k) for k in range(len(parts))], **named)
