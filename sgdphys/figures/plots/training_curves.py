"""Loss and accuracy of an ensemble through training."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from sgdphys.figures.axes import axes_of, legend_of_new, names_of, options, returned
from sgdphys.figures.checks import checked_figure, require_drawable
from sgdphys.figures.curves import BAND, curve
from sgdphys.figures.style import DATA, TEST, epoch_axis


@checked_figure("loss", along="epoch")
def training_curves(
    result: xr.Dataset,
    *,
    panels: str | Sequence[str] | None = None,
    band: float = BAND,
    ax: Axes | Iterable[Axes] | None = None,
    **kwargs: Any,
) -> Any:
    """Draw loss and accuracy against epochs: median and band over networks.

    Parameters
    ----------
    result : Dataset
        The group ``training`` of a trajectory: loss and accuracy, test_loss and test_accuracy
        (epoch, replica).
    panels : str or sequence of str, optional
        "loss" and "accuracy" by default, the latter where it is finite.
    band : float
        Fraction of the networks inside the band.
    ax : Axes or array of Axes, optional
        One per panel; a new figure by default, which gets a legend.
    **kwargs
        Passed to ``Axes.plot``, for all medians.

    Returns
    -------
    Axes or array of Axes
        Axes where ``panels`` is one name.

    See Also
    --------
    weight_norms : Norm of every layer's weights.

    Examples
    --------
    >>> import numpy as np, xarray as xr, sgdphys as sp
    >>> loss = np.exp(-np.arange(10.0))[:, None] * np.ones(3)
    >>> training = xr.Dataset(
    ...     {"loss": (("epoch", "replica"), loss)}, {"epoch": range(10)}
    ... )
    >>> ax = sp.figures.training_curves(training, panels="loss")
    >>> [line.get_label() for line in ax.lines]
    ['training samples']
    """
    result = result.load()
    if panels is None:
        has_accuracy = "accuracy" in result and bool(np.isfinite(result["accuracy"]).any())
        panels = ["loss", "accuracy"] if has_accuracy else ["loss"]
    require_drawable(result, *names_of(panels), along="epoch")
    axes, names, is_new = axes_of(ax, panels)
    for one, name in zip(axes, names, strict=True):
        for variable, colour, label, style in (
            (name, DATA, "training samples", "-"),
            (f"test_{name}", TEST, "test samples", "--"),
        ):
            if variable in result:
                own = options(kwargs, color=colour, label=label, linestyle=style)
                curve(one, result, variable, "epoch", band=band, **own)
        epoch_axis(one, int(result["epoch"].max()))
        one.set_ylabel(_label(result, name))
        if name == "loss" and bool((result["loss"] > 0).any()):
            one.set_yscale("log")
    legend_of_new(axes[0], is_new)
    return returned(axes, panels)


def _label(result: xr.Dataset, name: str) -> str:
    if name == "accuracy":
        return "accuracy (fraction of samples)"
    unit = result[name].attrs.get("units", "1")
    return name if unit == "1" else f"{name} ({unit})"
