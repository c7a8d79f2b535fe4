"""Information of one binned unit against its weight."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import case_colours
from sgdphys.figures.style import (
    PAGE,
    with_cases,
)
from sgdphys.quantities import axis_label


def one_unit(sources: Sources) -> Figure:
    """Information of one binned unit with a Gaussian input against its weight, in closed form."""
    data = with_cases(sources["one_unit"])
    figure, ax = plt.subplots(figsize=(PAGE * 0.72, 2.8))
    seen: set[str] = set()
    for k, colour in enumerate(case_colours(data)):
        name = str(data["swept_activation"].to_numpy()[k]) if "swept_activation" in data.coords \
            else str(data.attrs.get("activation", "this activation"))  # fmt: skip
        curve = data["unit_I_XT"].isel(case=k)
        if name in seen or not np.isfinite(curve).any():
            continue
        seen.add(name)
        ax.plot(data["weight"], curve, color=colour, label=name)
    ax.set_xscale("log")
    ax.set_xlabel("weight $w$ of the unit (logarithmic)")
    ax.set_ylabel(axis_label(data["unit_I_XT"]))
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside right center")
    figure.suptitle("T = bin(f(w X)), X standard normal; exact", fontsize=7)
    return figure


FIGURES = {
    "one_unit": Entry(
        one_unit,
        "Information of one binned unit with a Gaussian input against its weight, in closed form.",
        needs=("one_unit",),
    ),
}
