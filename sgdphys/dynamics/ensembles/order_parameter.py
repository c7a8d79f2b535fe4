"""Order parameter of an ensemble: mean, susceptibility and Binder cumulant."""

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
@np.errstate(all="ignore")  # odd series have no value, and harm no other
def order_parameter(
    m: xr.DataArray, *, over: str = "replica", confidence: float = 0.95, rng: Seed = 0
) -> xr.Dataset:
    """Order parameter of an ensemble: mean, susceptibility and Binder cumulant.

    Parameters
    ----------
    m : DataArray (over, ...)
        One signed number per member, such as a magnetisation, at each point of any further
        dimensions; values that are not finite are left out.
    over : str
        Ensemble dimension.
    confidence : float
        Level of the intervals.
    rng : int, SeedSequence or Generator
        Seed of the bootstrap over members.

    Returns
    -------
    Dataset
        order, susceptibility and binder with ``_low`` and ``_high``, over the other dimensions; in
        the unit of m, its square, and dimensionless.

    Raises
    ------
    InputError
        For fewer than 5 members, or an unknown dimension.

    See Also
    --------
    critical_point : Critical point from relaxation times.
    replica_overlap : Overlap of replicas, an order parameter without a sign.

    Notes
    -----
    order = <|m|>, susceptibility = <m**2> - <|m|>**2, binder = 1 - <m**4>/(3
    <m**2>**2): 0 for a Gaussian about 0 (disordered), 2/3 where |m| is the same for all members
    (ordered). With n members the cumulant has a bias of about 2/n.

    References
    ----------
    Binder (1981), Z. Phys. B 43, 119.

    Examples
    --------
    An ordered ensemble, m = +-1, and a disordered one, Gaussian m:

    >>> import numpy as np
    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> noise = np.random.default_rng(0).standard_normal(2000)
    >>> m = xr.DataArray([np.sign(noise), noise], dims=("phase", "replica"))
    >>> abs(sp.dynamics.order_parameter(m)["binder"].values.round(2))
    array([0.67, 0.02])
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
    """Measures from the moments <|m|>, <m**2>, <m**4> (..., 3)."""
    size, second, fourth = np.moveaxis(moments, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "order": size,
            "susceptibility": second - size**2,
            "binder": 1 - fourth / (3 * second**2),
        }
