"""Plug-in information of a sample, extrapolated to infinitely many."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.estimators.binned import binned_information
from sgdphys.information.samples import samples_of
from sgdphys.quantities import labelled

FEWEST = 64
"""Samples of which a quarter still says something."""


@checked
def extrapolated_information(
    t: Any, y: Any, *, repeats: int = 20, rng: Seed = 0, **binning: Any
) -> xr.Dataset:
    """I(T;Y) of binned activations from parts of a sample, carried on to infinitely many.

    Parameters
    ----------
    t : array (sample, unit) or (sample,)
        Of sampled inputs; for an enumerated input the plug-in value is exact as it is.
    y : array (sample,)
        Hard labels.
    repeats : int
        Partitions of the sample into halves and quarters.
    rng : int, SeedSequence or Generator
        Seed of the partitions.
    **binning
        bins, low, high, edges of ``binned_information``; give low and high, or the bins of the
        parts follow their own extremes.

    Returns
    -------
    Dataset
        I_TY, the extrapolated value, which may be a little below 0; plug_in_I_TY, that of the whole
        sample, in bits.

    Raises
    ------
    InputError
        For what ``binned_information`` refuses, and repeats below 1.
    NotEnoughData
        For fewer than 64 samples.

    Notes
    -----
    The plug-in of n samples is I + a/n + b/n**2 + ...; from means over halves and quarters without
    replacement the three unknowns follow exactly.

    References
    ----------
    Strong, Koberle, de Ruyter van Steveninck and Bialek (1998), Phys. Rev. Lett. 80, 197.
    """
    if not isinstance(repeats, int | np.integer) or isinstance(repeats, bool) or repeats < 1:
        raise InputError(f"repeats is {repeats!r}; it must be a whole number of at least 1")
    units, labels, _, _ = samples_of(t, y)
    n = len(units)
    if n < FEWEST:
        raise NotEnoughData(f"{n} samples are too few to extrapolate; at least {FEWEST}")
    generator = stream(rng)
    means = [float(binned_information(units, labels, **binning)["I_TY"])]
    for parts in (2, 4):
        values = [
            float(binned_information(units[p], labels[p], **binning)["I_TY"])
            for _ in range(repeats)
            for p in np.array_split(generator.permutation(n), parts)
        ]
        means.append(float(np.mean(values)))
    # at n, n/2 and n/4 the powers of 1/n are 1, 2, 4 and 1, 4, 16 times those of the whole
    weights = np.linalg.inv([[1, 1, 1], [1, 2, 4], [1, 4, 16]])[0]
    data = xr.Dataset(
        {"I_TY": float(weights @ means), "plug_in_I_TY": means[0]},
        attrs={
            "estimator": "binned, extrapolated",
            "repeats": repeats,
            "reference": "Strong et al. (1998)",
            "interval_method": "none: subsample inputs without replacement",
        },
    )
    return labelled(data)
