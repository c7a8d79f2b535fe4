"""One unit of a network's activation, in closed form."""

import numpy as np
import xarray as xr

from sgdphys.analyses.one_unit.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.errors import InputError
from sgdphys.information.estimators.one_unit import one_unit_information

_POINTS = 120
_SMALLEST = 0.01


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Exact I(X;T) of one binned unit against its weight; NaN where it has no closed form."""
    weights = np.geomspace(_SMALLEST, analysis.largest_weight, _POINTS)
    activation = source.study.network.activation
    try:
        curve = one_unit_information(activation, weights, bins=analysis.bins)
    except InputError:
        curve = one_unit_information("identity", weights) * np.nan
    return curve.to_dataset(name="unit_I_XT").assign_attrs(activation=activation)
