"""Spearman's rank correlation along one dimension, for every member of the others."""

import xarray as xr


def spearman(first: xr.DataArray, second: xr.DataArray, over: str) -> xr.DataArray:
    """Spearman's rank correlation along a dimension, tied values at their mean rank.

    Parameters
    ----------
    first, second : DataArray
        Pairs with a value that is not a number are left out.
    over : str
        Dimension of the pairs.

    Returns
    -------
    DataArray
        NaN where one of the two does not vary.
    """
    from scipy.stats import rankdata

    first, second = xr.broadcast(first, second)
    is_there = first.notnull() & second.notnull()
    ranks = [
        xr.apply_ufunc(
            lambda v: rankdata(v, axis=-1, nan_policy="omit"), v.where(is_there),
            input_core_dims=[[over]], output_core_dims=[[over]],
        )
        for v in (first, second)
    ]  # fmt: skip
    return xr.corr(ranks[0], ranks[1], dim=over)
