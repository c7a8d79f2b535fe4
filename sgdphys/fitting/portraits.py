"""What the figure of a fit shows, computed from the sampled series."""

import xarray as xr

from sgdphys.figures.portraits import portrait as portrait_of
from sgdphys.fitting.fits import Fitted


def portrait(fitted: Fitted) -> xr.Dataset:
    """What the figure of a fit shows, from the sampled series: see ``figures.portraits``."""
    return portrait_of(fitted.results, fitted.sample, time=fitted.time)
