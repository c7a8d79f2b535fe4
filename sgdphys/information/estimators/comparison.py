"""All estimators for one layer, for comparison: they estimate different quantities."""

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
from sgdphys.status import FEW_SAMPLES, flagged


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
    """Comparison of mutual-information estimators (binned, kernel density, nearest neighbours).

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Activations of one layer.
    y : array (sample,) or (sample, 1)
        Hard labels.
    bins, low, high
        Of the histograms: see ``binned_information``.
    noise_variance : float
        Of the kernel bounds: see ``kde_information``.
    neighbours : int
        See ``neighbour_information``.
    rng : int, SeedSequence or Generator
        Seed of the permuted labels.

    Returns
    -------
    Dataset
        Along ``estimator``: I_XT, I_TY and null_I_TY (randomly permuted labels) in bits; setting,
        the parameter of each; status, which says why a value is missing, or why it cannot be
        trusted: see the estimators.

    Raises
    ------
    InputError
        For activations or labels that one of the estimators refuses.

    See Also
    --------
    binned_information : Histogram estimates.
    kde_information : Kernel bounds.
    neighbour_information : Nearest-neighbour estimate.

    Notes
    -----
    They are estimates of different quantities: binned values of the histogram of a
    deterministic layer, kernel bounds of a layer with added noise; nearest neighbours give no
    I(X;T), which is infinite for a continuous deterministic layer. For one tanh layer of 10 units
    I(T;Y) can range from 0.1 to 1 bit.

    Examples
    --------
    Two well separated clusters, one for each label: 1 bit by every estimator:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> y = np.arange(400) % 2
    >>> t = y + 0.01 * np.random.default_rng(0).standard_normal(400)
    >>> found = sp.information.compare(t, y)
    >>> found["I_TY"].values.round(2)
    array([1., 1., 1., 1., 1.])
    """
    t, labels, _, _ = samples_of(t, y)
    shuffled = stream(rng).permutation(labels)
    rows: dict[str, tuple[float, float, float, str, int]] = {}
    for name, edges in (("equal width", "full"), ("equal mass", "equal_mass")):
        found, null = (
            binned_information(t, of, bins=bins, low=low, high=high, edges=edges)
            for of in (labels, shuffled)
        )
        rows[name] = (
            *_values(found), float(null["I_TY"]), f"{bins} bins", int(found["status"]),
        )  # fmt: skip
    found, null = (
        kde_information(t, of, noise_variance=noise_variance) for of in (labels, shuffled)
    )
    for bound in ("lower", "upper"):
        at = found.sel(bound=bound)
        rows[f"kernel, {bound}"] = (
            *_values(at), float(null["I_TY"].sel(bound=bound)), f"noise {noise_variance:g}",
            int(found["status"]),
        )  # fmt: skip
    of_y, of_null, status = np.nan, np.nan, FEW_SAMPLES
    if has_neighbours(labels, neighbours):
        near = neighbour_information(t, labels, neighbours=neighbours, rng=rng)
        of_y, of_null = float(near["raw_I_TY"]), float(near["null_I_TY"])
        status = int(near["status"])
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
