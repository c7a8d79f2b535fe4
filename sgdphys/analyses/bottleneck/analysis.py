"""Distance of layers from the information bottleneck bound."""

import numpy as np
import xarray as xr

from sgdphys.analyses.bottleneck.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.glossary import Quantity
from sgdphys.information.bottleneck.critical import critical_betas
from sgdphys.information.bottleneck.curve import bottleneck_curve, bound_betas
from sgdphys.information.bottleneck.distance import NAMED, bottleneck_distance, onset_of
from sgdphys.information.estimators.cells import layer_cells
from sgdphys.information.onset import finite_to_the_end
from sgdphys.intervals import METHOD, Kind, mean_with_interval
from sgdphys.quantities import attributes, labelled

_LOWEST = Quantity(
    "epochs", "epoch of lowest test loss", "", "lowest mean test loss of the networks"
)
_CLUSTERS = 7
_ENSEMBLE: dict[str, Kind] = {"gap": "positive", "beta_fit": "positive", "residual": "positive"}


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """The certified curve of the soft rule, its bifurcations, and the distance of every layer."""
    study, trajectory = source.study, source.trajectory
    task = source.task
    p_xy = (task["p_x"] * task["p_y_given_x"]).transpose("sample", "label").to_numpy()
    births = critical_betas(p_xy, most=_CLUSTERS)
    curve = bottleneck_curve(p_xy, bound_betas(onset_of(births)))
    last = int(source.whole_epochs[-1])
    lowest = lowest_loss_epoch(source)
    wanted = (*analysis.epochs, last) if lowest is None else (*analysis.epochs, lowest, last)
    epochs = source.nearest_epochs(wanted)
    cells = layer_cells(trajectory, task, epochs=epochs, bins=analysis.bins)
    distance = bottleneck_distance(p_xy, cells, curve=curve, rng=study.train.seed)
    for name, kind in _ENSEMBLE.items():
        values = distance[name].clip(min=0).rename(f"{name}_ensemble")  # a gap below 0 is rounding
        found = mean_with_interval(values, kind=kind)
        distance = distance.merge(labelled(found, NAMED))
    along = {name: f"curve_{name}" for name in ("I_XT", "I_TY", "clusters", "certificate")}
    found = distance.assign(
        {new: ("point", curve[old].to_numpy(), attributes(new)) for old, new in along.items()}
    ).assign_coords(
        labelled(
            xr.Dataset(
                coords={
                    "curve_beta": ("point", curve["beta"].to_numpy()),
                    "transition": np.arange(births.sizes["transition"]),
                }
            )
        ).coords
    )
    found["lowest_loss_epoch"] = (), np.nan if lowest is None else float(lowest)
    found["last_epoch"] = (), float(last)
    found = labelled(found, {"lowest_loss_epoch": _LOWEST})
    found.attrs |= {"confidence": 0.95, "interval_method": METHOD}
    return found.assign(
        {
            f"transition_{name}": ("transition", births[name].to_numpy(), births[name].attrs)
            for name in ("beta", "clusters", "place")
        }
        | {"beta_local": births["beta_local"]}
    ).assign_attrs(bins=analysis.bins, classes=curve.attrs["classes"])


def lowest_loss_epoch(source: Source) -> int | None:
    """Epoch with recorded weights at which the mean test loss is lowest; None without a test set.

    Networks that are not finite at the end are left out.
    """
    loss = source.trajectory["training"].to_dataset()["test_loss"].load()
    mean = finite_to_the_end(loss).mean("replica")
    epochs = np.intersect1d(source.whole_epochs, mean["epoch"].to_numpy())
    values = mean.sel(epoch=epochs).to_numpy()
    if not np.isfinite(values).any():
        return None
    return int(epochs[np.nanargmin(values)])
