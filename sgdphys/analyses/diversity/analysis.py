"""Overlaps of the units of a layer, and of the networks of an ensemble."""

import numpy as np
import xarray as xr

from sgdphys.analyses.diversity.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.dynamics.ensembles.overlaps import replica_overlap, unit_overlap
from sgdphys.errors import NotEnoughData
from sgdphys.networks import from_description
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.quantities import labelled, with_prefix


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Overlaps of in-weights at the start and the end, and the growth of every layer's norm."""
    weights = source.weights
    sound = np.flatnonzero(weights["diverged_step"].to_numpy() < 0)
    if len(sound) < 2:
        raise NotEnoughData("it compares networks, and fewer than 2 did not diverge")
    ends = weights["theta"].isel(step=[0, -1], replica=sound).load()
    seed, study = source.study.train.seed, source.study
    ends.attrs["sizes"] = list(from_description(source.trajectory.attrs["network"]).sizes)
    rows = []
    for k in range(2):
        theta = ends.isel(step=k)
        units = unit_overlap(theta, confidence=analysis.confidence)
        networks = replica_overlap(
            theta, odd=ACTIVATIONS[study.network.activation].is_odd,
            confidence=analysis.confidence, rng=seed,
        )  # fmt: skip
        rows.append(units.drop_attrs(deep=False).merge(networks.drop_attrs(deep=False)))
    found = rows[1].merge(with_prefix(rows[0], "first_"))
    layer = weights["layer"].to_numpy()
    values = ends.transpose("step", "replica", "parameter").to_numpy()
    norms = np.stack(
        [np.linalg.norm(values[..., layer == n], axis=-1) for n in np.unique(layer)], axis=-1
    )
    growth = xr.Dataset(
        {"norm_ratio": (("replica", "layer"), norms[1] / norms[0])}, {"replica": sound}
    )
    return found.merge(labelled(growth)).assign_attrs(
        rows[1].attrs | {"confidence": analysis.confidence}
    )
