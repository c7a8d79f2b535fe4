"""The page of a fit in the house style."""

import xarray as xr
from matplotlib.figure import Figure

from sgdphys.figures.plots.fit import draw_portrait
from sgdphys.figures.style import PAGE, subplots


def panels(portrayed: xr.Dataset) -> Figure:
    """Four panels of a fit.

    Parameters
    ----------
    portrayed : Dataset
        Of ``portraits.portrait``.
    """
    figure, axes = subplots(2, 2, figsize=(PAGE, 5.2))
    draw_portrait(axes.ravel(), portrayed)
    said = f"{portrayed.attrs['series']} series of {portrayed.attrs['points']} points"
    if portrayed.attrs["x"] == "s.d.":
        said += ", each about its mean in units of its standard deviation (s.d.)"
    if portrayed.attrs["chosen"]:
        said += "\nall panels but the first pool all series, of which the best models are: "
        said += portrayed.attrs["chosen"]
    figure.suptitle(said, fontsize="medium")
    return figure
