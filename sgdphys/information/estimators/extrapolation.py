"""Plug-in information, extrapolated to infinitely many samples."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.estimators.binned import PER_CELL, binned_information
from sgdphys.information.samples import samples_of
from sgdphys.quantities import labelled
from sgdphys.status import OK, SATURATED, SPARSE, flagged

FEWEST = 64
"""Minimum number of samples, of which a quarter is still informative."""


@checked
def extrapolated_information(
    t: Any, y: Any, *, repeats: int = 20, rng: Seed = 0, **binning: Any
) -> xr.Dataset:
    """Bias-corrected mutual information: quadratic extrapolation to infinitely many samples.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Activations for sampled inputs; for an enumerated input the plug-in value is exact.
    y : array (sample,)
        Hard labels.
    repeats : int
        Random partitions of the sample into halves and quarters.
    rng : int, SeedSequence or Generator
        Seed of the partitions.
    **binning
        bins, low, high, edges of ``binned_information``; give low and high, otherwise the bins of
        each part follow its own extremes.

    Returns
    -------
    Dataset
        I_TY, the extrapolated value, which may be slightly negative; plug_in_I_TY, that of the
        whole sample; both in bits. status: "few samples per cell" with fewer than 20 per occupied
        cell, 5 in a quarter of the sample; or as of ``binned_information``.

    Raises
    ------
    InputError
        For what ``binned_information`` refuses, and repeats below 1.
    NotEnoughData
        For fewer than 64 samples.

    See Also
    --------
    binned_information : The plug-in estimate, also with the Miller-Madow correction.

    Notes
    -----
    The mean plug-in estimate of n samples is I + a/n + b/n**2 + ...; I, a and b follow
    from its values at n, n/2 and n/4, the latter averaged over disjoint parts (quadratic
    extrapolation, QE).

    References
    ----------
    Strong, Koberle, de Ruyter van Steveninck and Bialek (1998), Phys. Rev. Lett. 80, 197.

    Examples
    --------
    Independent activations and labels, whose mutual information is 0:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> rng = np.random.default_rng(0)
    >>> t, y = rng.uniform(size=1000), rng.integers(0, 2, 1000)
    >>> found = sp.information.extrapolated_information(t, y, bins=30, low=0, high=1)
    >>> round(found["plug_in_I_TY"].item(), 2), abs(round(found["I_TY"].item(), 2))
    (0.02, 0.0)
    """
    if not isinstance(repeats, int | np.integer) or isinstance(repeats, bool) or repeats < 1:
        raise InputError(f"repeats is {repeats!r}; it must be a whole number of at least 1")
    units, labels, _, _ = samples_of(t, y)
    n = len(units)
    if n < FEWEST:
        raise NotEnoughData(f"{n} samples are too few to extrapolate; at least {FEWEST} are needed")
    generator = stream(rng)
    whole = binned_information(units, labels, **binning)
    means, status = [float(whole["I_TY"])], int(whole["status"])
    if status in (OK, SATURATED) and n < 4 * PER_CELL * int(whole["occupied"]):
        status = SPARSE  # in a quarter of the sample
    for parts in (2, 4):
        values = [
            float(binned_information(units[p], labels[p], **binning)["I_TY"])
            for _ in range(repeats)
            for p in np.array_split(generator.permutation(n), parts)
        ]
        means.append(float(np.mean(values)))
    # at n, n/2 and n/4 samples, 1/n and 1/n**2 are 1, 2, 4 and 1, 4, 16 times those of n
    weights = np.linalg.inv([[1, 1, 1], [1, 2, 4], [1, 4, 16]])[0]
    data = xr.Dataset(
        {
            "I_TY": float(weights @ means),
            "plug_in_I_TY": means[0],
            "status": flagged(xr.DataArray(status)),
        },
        attrs={
            "estimator": "binned, extrapolated",
            "repeats": repeats,
            "reference": "Strong et al. (1998)",
            "interval_method": "none: subsample inputs without replacement",
        },
    )
    return labelled(data)
