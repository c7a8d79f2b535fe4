"""One unit with a Gaussian input, binned: its information in closed form."""

from collections.abc import Iterable

import numpy as np
import xarray as xr
from scipy.special import entr, ndtr

from sgdphys.errors import InputError
from sgdphys.networks.activations import ACTIVATIONS
from sgdphys.quantities import labelled

_CUTOFF = 9.0
"""Standard deviations of the input beyond which its probability is negligible."""


def one_unit_information(
    activation: str, weights: Iterable[float], *, bins: int = 30
) -> xr.DataArray:
    """I(X;T) in bits of T = bin(f(w X)), X standard normal, by the Gaussian distribution function.

    Parameters
    ----------
    activation : str
        A monotone activation: all except "swish".
    weights : iterable of float
        w, above 0.
    bins : int
        Equal bins in the range of a bounded activation; of an unbounded one the bins have the
        width 2/bins, from its lowest value on or with an edge at 0, however large it grows.

    Returns
    -------
    DataArray (weight)

    Raises
    ------
    InputError
        For an activation without inverse, or weights that are not above 0.

    Notes
    -----
    T is a function of X, so I(X;T) = H(T), with p(t) = Phi(z_{t+1}/w) - Phi(z_t/w) and z the edges
    of the bins in net input.

    References
    ----------
    Saxe et al. (2018), "On the information bottleneck theory of deep learning", section 2.
    """
    inverses = {name: a.inverse for name, a in ACTIVATIONS.items() if a.inverse is not None}
    if activation not in inverses:
        raise InputError(
            f"{activation!r} has no closed form, since it is not monotone; it can be "
            f"{', '.join(inverses)}"
        )
    w = np.array(list(weights), dtype=np.float64)
    if not (w > 0).all():
        raise InputError("weights must be above 0")
    inverse, (lowest, _) = inverses[activation], ACTIVATIONS[activation].range
    found = []
    for weight in w:
        inner: np.ndarray
        if ACTIVATIONS[activation].is_bounded:
            inner = lowest + (1.0 - lowest) * np.arange(1, bins) / bins
        else:
            width, top = 2.0 / bins, weight * _CUTOFF
            first = lowest if np.isfinite(lowest) else -np.ceil(top / width) * width
            inner = first + width * np.arange(1, int(np.ceil((top + 1 - first) / width)) + 1)
        with np.errstate(divide="ignore"):
            below = ndtr(np.concatenate([[-np.inf], inverse(inner), [np.inf]]) / weight)
        found.append(entr(np.maximum(np.diff(below), 0.0)).sum() / np.log(2))
    data = xr.Dataset({"unit_I_XT": ("weight", np.array(found))}, coords={"weight": w})
    return labelled(data)["unit_I_XT"].assign_attrs(
        method="closed form",
        reference="Saxe et al. (2018), section 2",
        interval_method="none: exact",
    )
