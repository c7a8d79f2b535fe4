"""A table with a row for each series of a result."""

import pandas as pd
import xarray as xr


def by_series(found: xr.Dataset) -> pd.DataFrame:
    """Variables of every series as columns, with an index that says which series a row is of.

    Other labels of the series are left out.
    """
    if not found.dims:
        return pd.DataFrame({str(n): [v.item()] for n, v in found.data_vars.items()})
    kept = {c for name in found.xindexes for c in found.xindexes.get_all_coords(name)}
    return found.drop_vars([c for c in found.coords if c not in kept]).to_dataframe()
