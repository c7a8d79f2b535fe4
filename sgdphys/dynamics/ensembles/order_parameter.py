"""Order parameter of an ensemble: its size, its susceptibility, and Binder's cumulant."""

import numpy as np
import xarray as xr

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array
from sgdphys.draws import Seed, bootstrap_draws
from sgdphys.dynamics.intervals import METHOD, finite_mean, percentile_interval, resampled_means
from sgdphys.dynamics.slowing.ensemble_indicators import require_members
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled


@checked
def order_parameter(
    m: xr.DataArray, *, over: str = "replica", confidence: float = 0.95, rng: Seed = 0
) -> xr.Dataset:
    """Order, susceptibility and Binder cumulant of an order parameter across members.

    Parameters
    ----------
    m : DataArray (member, ...)
        One signed number a member, at each of any further coordinates; what is not finite is left
        out.
    over : str
        The members.
    confidence : float
    rng : int, SeedSequence or Generator
        Seed of the bootstrap.

    Returns
    -------
    Dataset
        order, susceptibility, binder with ``_low`` and ``_high``, over the other dimensions.

    Raises
    ------
    InputError
        For fewer than 5 members, or a dimension that is not there.

    Notes
    -----
    order = <|m|>, susceptibility = <m**2> - <|m|>**2, binder = 1 - <m**4>/(3 <m**2>**2): 0 for a
    Gaussian about 0, 2/3 when every member has |m| alike. Moments of n members bias the cumulant
    by about 2/n.

    References
    ----------
    Binder (1981), Z. Phys. B 43, 119.
    """
    m = labelled_array(m, over)
    require_members(m, over)
    values = numbers_of(m.transpose(over, ...))
    moments = np.stack([np.abs(values), values**2, values**4], axis=-1)
    members = np.isfinite(values).sum(axis=0)
    samples = resampled_means(moments, bootstrap_draws(len(values), rng))
    with np.errstate(invalid="ignore"):
        found = _measures(finite_mean(moments)) if len(values) else {}
    template = m.isel({over: 0}, drop=True).astype(np.float64)
    data: dict[str, xr.DataArray] = {}
    for name, value in found.items():
        low, high = percentile_interval(_measures(samples)[name], members, confidence)
        data |= {
            name: template.copy(data=value),
            f"{name}_low": template.copy(data=low),
            f"{name}_high": template.copy(data=high),
        }
    return labelled(xr.Dataset(data), x=str(m.attrs.get("units", "1"))).assign_attrs(
        method=f"moments across {over}",
        reference="Binder (1981)",
        confidence=confidence,
        interval_method=METHOD,
    )


def _measures(moments: np.ndarray) -> dict[str, np.ndarray]:
    """From means of |m|, m**2, m**4 (..., 3)."""
    size, second, fourth = np.moveaxis(moments, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "order": size,
            "susceptibility": second - size**2,
            "binder": 1 - fourth / (3 * second**2),
        }
