"""All estimators side by side for one layer: they answer different questions."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.information.estimators.binned import binned_information
from sgdphys.information.estimators.kde import kde_information
from sgdphys.information.estimators.neighbours import has_neighbours, neighbour_information
from sgdphys.information.samples import samples_of
from sgdphys.quantities import labelled
from sgdphys.status import FEW_SAMPLES, OK, flagged


@checked
def compare(
    t: Any,
    y: Any,
    *,
    bins: int = 30,
    low: float | None = None,
    high: float | None = None,
    noise_variance: float = 1e-3,
    neighbours: int = 3,
    rng: Seed = 0,
) -> xr.Dataset:
    """Information of one layer's activations by every estimator.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
    y : array (sample,) or (sample, 1)
        Hard labels.
    bins, low, high
        Of the histograms: see ``binned_information``.
    noise_variance : float
        Of the kernel bounds: see ``kde_information``.
    neighbours : int
        See ``neighbour_information``.
    rng : int, SeedSequence or Generator
        Seed of the shuffled labels.

    Returns
    -------
    Dataset
        I_XT, I_TY and null_I_TY (shuffled labels) in bits, by ``estimator``; ``setting``, the
        parameter of each; ``status``, why there is no value.

    Notes
    -----
    Binned values are of the histogram of a deterministic layer; kernel bounds are of a layer with
    added noise; neighbours say nothing of I(X;T), which is infinite for a continuous deterministic
    layer. One tanh layer of 10 units can read anything from 0.1 to 1 bit of I(T;Y).
    """
    t, labels, _, _ = samples_of(t, y)
    shuffled = stream(rng).permutation(labels)
    rows: dict[str, tuple[float, float, float, str, int]] = {}
    for name, edges in (("equal width", "full"), ("equal mass", "equal_mass")):
        found, null = (
            binned_information(t, of, bins=bins, low=low, high=high, edges=edges)
            for of in (labels, shuffled)
        )
        rows[name] = (*_values(found), float(null["I_TY"]), f"{bins} bins", OK)
    found, null = (
        kde_information(t, of, noise_variance=noise_variance) for of in (labels, shuffled)
    )
    for bound in ("lower", "upper"):
        at = found.sel(bound=bound)
        rows[f"kernel, {bound}"] = (
            *_values(at), float(null["I_TY"].sel(bound=bound)), f"noise {noise_variance:g}", OK,
        )  # fmt: skip
    of_y, of_null, status = np.nan, np.nan, FEW_SAMPLES
    if has_neighbours(labels, neighbours):
        near = neighbour_information(t, labels, neighbours=neighbours, rng=rng)
        of_y, of_null, status = float(near["raw_I_TY"]), float(near["null_I_TY"]), OK
    rows["neighbours"] = (np.nan, of_y, of_null, f"k = {neighbours}", status)
    columns = [np.array(c) for c in zip(*rows.values(), strict=True)]
    names = ("I_XT", "I_TY", "null_I_TY", "setting", "status")
    data = xr.Dataset(
        {name: ("estimator", column) for name, column in zip(names, columns, strict=True)},
        coords={"estimator": list(rows)},
        attrs={"interval_method": "none: over replicas only", "method": "all estimators"},
    )
    data["status"] = flagged(data["status"])
    return labelled(data)


def _values(found: xr.Dataset) -> tuple[float, float]:
    return float(found["I_XT"]), float(found["I_TY"])
