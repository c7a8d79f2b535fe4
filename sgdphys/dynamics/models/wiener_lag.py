"""The lag from which on a series is a Wiener process: coarse graining in time."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.arguments import require_share
from sgdphys.dynamics.diffusion.wiener_tests import FEWEST, wiener_tests
from sgdphys.dynamics.series import paths, result
from sgdphys.glossary import Quantity
from sgdphys.quantities import number_of
from sgdphys.status import OK, UNEVEN

_NAMED = {
    "wiener_lag": Quantity(
        "{t}",
        "least lag of a Wiener process",
        r"\tau_W",
        "from which on no longer lag is rejected; infinite where the longest one is",
    ),
    "lag": Quantity("{t}", "lag", r"\tau", "spacing of the points that are tested"),
    "p_value": Quantity(
        "1", "p-value of the tests of a Wiener process", "p", "of all tests at a lag, after Holm"
    ),
    "count": number_of("increments"),
}


def wiener_lag(x: Any, *, time: Any = None, level: float = 0.05) -> xr.Dataset:
    """Coarse graining in time: the lag from which on a series is a Wiener process.

    Parameters
    ----------
    x : DataArray or array
        Paths along time, evenly spaced and without gaps; an array without names has time first.
    time : str, float, array or pair, optional
        Time dimension or coordinate, spacing of the points, or their times, in units t: see
        ``dynamics.series.paths``.
    level : float
        Chance that a Wiener process has a lag above the spacing of its points.

    Returns
    -------
    Dataset
        Over the other dimensions of ``x``: wiener_lag (t), infinite where the longest lag is
        rejected; p_value and count (increments) by ``lag`` (t); status.

    Raises
    ------
    InputError
        For an unknown dimension, times that do not increase, or a level not between 0 and 1.

    See Also
    --------
    wiener_tests : The tests, and which of them a series fails.
    segments : On which stretches of time a Wiener process holds.
    diffusion_vs_lag : The diffusion coefficient against the lag.

    Notes
    -----
    Every k-th point, from the first one on, is a series of its own, which ``wiener_tests`` tests;
    k is 1, 2, 3, 4, 6, 8, 12, ... as long as 50 increments are left. A lag is rejected if the
    p-value of all tests, after Holm, is below the level divided by the number of lags. The result
    is the least lag from which on none is rejected, so that a Wiener process has a larger one than
    its spacing with at most the level.

    "Not rejected" is weaker the longer the lag, because fewer increments are left: ``count`` says
    how many. A stationary series is rejected at all lags, by the Dickey-Fuller test, and has an
    infinite one.

    Examples
    --------
    >>> import numpy as np, sgdphys as sp
    >>> rng = np.random.default_rng(0)
    >>> noisy = rng.standard_normal(4000).cumsum() + 2 * rng.standard_normal(4000)
    >>> found = sp.dynamics.wiener_lag(noisy)
    >>> found["wiener_lag"].item()
    8.0
    """
    require_share(level, "level")
    series = paths(x, time=time)
    n = len(series.times) - 1
    powers = 2 ** np.arange(40, dtype=np.int64)
    factors = np.unique(np.concatenate([powers, 3 * powers]))
    factors = factors[factors <= max(1, n // FEWEST)]
    p_values, counts = [], []
    status = np.zeros(series.theta.shape[:-1], np.int64)
    for k in factors.tolist():
        coarse = series._replace(
            given=series.given.isel({series.dim: slice(None, None, k)}), times=series.times[::k]
        )
        tested = wiener_tests(coarse, level=level)
        p_values.append(tested["p_value_holm"].to_numpy())
        counts.append(tested["count"].to_numpy())
        if k == 1:
            status = tested["status"].to_numpy().astype(np.int64)
            has_gaps = tested["count"].to_numpy() < n
            is_uneven = not np.isfinite(series.spacing)
            status = np.where((status == OK) & (has_gaps | is_uneven), UNEVEN, status)
    p_value = np.stack(p_values, axis=-1)
    p_value[status != OK] = np.nan
    is_rejected = ~(p_value >= level / len(factors))
    # rejected lags from the longest one down
    any_above = np.logical_or.accumulate(is_rejected[..., ::-1], axis=-1)[..., ::-1]
    lags = factors * series.spacing
    first = np.append(lags, np.inf)[any_above.sum(axis=-1)]
    return result(
        series,
        {
            "wiener_lag": np.where(status == OK, first, np.nan),
            "p_value": (("lag",), p_value),
            "count": (("lag",), np.stack(counts, axis=-1)),
            "status": status,
        },
        coords={"lag": lags},
        named=_NAMED,
        method="tests of a Wiener process on every k-th point, after Holm, at the level divided by "
        "the number of lags",
        reference="see wiener_tests",
        level=level,
    )
