"""Exact test error and information of linear networks."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sgdphys.analyses.entry import Entry, Sources
from sgdphys.figures.cases import panels
from sgdphys.figures.colours import DATA, FIT, SECOND
from sgdphys.figures.curves import ensemble_curve
from sgdphys.figures.style import epoch_axis


def linear(sources: Sources) -> Figure:
    """Exact test error and exact information of linear networks against epochs."""
    data = sources["linear"]
    figure, drawn = panels(data, height=2.2)
    last = int(data["epoch"].max())
    names = {"I_XT": "all inputs", "I_irrelevant": "irrelevant inputs"}
    for ax, here, title in drawn:
        first = here.isel(layer=0)
        for name, colour in zip(names, (DATA, SECOND), strict=True):
            if float(first[name].max()) > 1e-9:
                ensemble_curve(ax, first[name], color=colour, label=names[name])
        ax.set_ylim(bottom=0)
        twin = ax.twinx()
        ensemble_curve(twin, here["generalisation_error"], color=FIT, linestyle="--")
        twin.grid(visible=False)
        twin.set_ylim(bottom=0)
        twin.tick_params(axis="y", colors=FIT)
        epoch_axis(ax, last, "")
        ax.set_title(title.replace(", ", "\n"), fontsize="small")
    figure.supxlabel("epoch (logarithmic from 1)", fontsize="medium")
    figure.supylabel("$I$ of the hidden layer (bits)", fontsize="medium")
    handles = [Line2D([], [], color=FIT, linestyle="--", label="test error\n(right scale)")]
    handles += [
        Line2D([], [], color=c, label=label)
        for label, c in zip(names.values(), (DATA, SECOND), strict=True)
    ]
    figure.legend(handles=handles, loc="outside right center")
    figure.suptitle(
        f"exact, with noise of variance {data.attrs.get('noise_variance', 1):g} on every unit; "
        f"median and middle 90% of {data.sizes['replica']} networks",
        fontsize="small",
    )
    return figure


FIGURES = {
    "linear": Entry(
        linear,
        "Exact test error and exact information of linear networks against epochs.",
        needs=("linear",),
    ),
}
