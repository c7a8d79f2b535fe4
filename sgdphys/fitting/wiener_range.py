"""Where a series is a Wiener process although it is none as a whole: in lag, and in time."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.dynamics.models.reasons import said_lag, said_stretches
from sgdphys.dynamics.models.segments import segments
from sgdphys.dynamics.models.wiener_lag import wiener_lag
from sgdphys.dynamics.series import paths
from sgdphys.fitting.by_series import by_series

_IN_NO_STRETCH = "in no stretch"


def wiener_range(found: xr.Dataset, x: Any, time: Any) -> pd.DataFrame:
    """One row per series: see ``Fit.wiener_range``."""
    series = paths(x, time=time)
    lags = wiener_lag(series)["wiener_lag"]
    parts = segments(series, model="drifted_wiener")
    over = parts["segments"].dims
    models = parts["model"].transpose(*over, "segment").to_numpy().reshape(lags.size, -1)
    ends = parts["end"].transpose(*over, "segment").to_numpy().reshape(lags.size, -1)
    spacing = series.spacing
    unit = "" if series.time_unit in ("1", "step") else series.time_unit
    at_lags = [said_lag(lag, spacing, unit) for lag in lags.to_numpy().ravel()]
    # one stretch of a series that is no Wiener process at any lag is none of one
    is_none = np.isinf(lags.to_numpy().ravel()) & (parts["segments"].to_numpy().ravel() == 1)
    in_time = [
        _IN_NO_STRETCH if none else said_stretches(of_row.tolist(), until.tolist(), unit)
        for of_row, until, none in zip(models, ends, is_none, strict=True)
    ]
    table = xr.Dataset({"best": found["best"], "lag": lags})
    for name, said in (("at_lags", at_lags), ("in_time", in_time)):
        table[name] = lags.copy(data=np.array(said, str).reshape(lags.shape))
    table["segments"] = parts["segments"]
    return by_series(table)
