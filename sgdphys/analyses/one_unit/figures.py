"""Information of one binned unit against its weight."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_colours, case_labels
from sgdphys.figures.style import PAGE, subplots, with_cases
from sgdphys.quantities import axis_label


def one_unit(sources: Sources) -> Figure:
    """Information of one binned unit with a Gaussian input against its weight, in closed form."""
    data = with_cases(sources["one_unit"])
    figure, ax = subplots(figsize=(PAGE * 0.72, 2.8))
    names = _names(data)
    labels = names if len(set(names)) == len(names) else case_labels(data)
    for k, (colour, label) in enumerate(zip(case_colours(data), labels, strict=True)):
        ax.plot(data["weight"], data["unit_I_XT"].isel(case=k), color=colour, label=label)
    ax.set_xscale("log")
    ax.set_xlabel("weight $w$ of the unit (logarithmic)")
    ax.set_ylabel(axis_label(data["unit_I_XT"]))
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside right center")
    figure.suptitle("T = bin(f(w X)), X standard normal; exact", fontsize="small")
    return figure


def _names(data: xr.Dataset) -> list[str]:
    """The activation of every case."""
    if "swept_activation" in data.coords:
        return [str(name) for name in data["swept_activation"].to_numpy()]
    return [str(data.attrs.get("activation", "this activation"))] * data.sizes["case"]


def distinct_curves(data: xr.Dataset) -> list[int]:
    """Indices of the cases with a curve that no earlier case has.

    Parameters
    ----------
    data : Dataset
        Of all cases of a sweep.
    """
    kept: list[int] = []
    curves = data["unit_I_XT"].transpose("case", ...).to_numpy()
    for k, curve in enumerate(curves):
        if np.isfinite(curve).any() and not any(
            np.array_equal(curve, curves[j], equal_nan=True) for j in kept
        ):
            kept.append(k)
    return kept


FIGURES = {
    "one_unit": Entry(
        one_unit,
        "Information of one binned unit with a Gaussian input against its weight, in closed form.",
        needs=("one_unit",),
        applies=lambda d: bool(np.isfinite(d["unit_I_XT"]).any()),
        chosen=distinct_curves,
    ),
}
