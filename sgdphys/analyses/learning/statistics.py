"""Statistics of learning."""

import numpy as np
import xarray as xr

from sgdphys.analyses.information.statistics import bits_lost
from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.onset import is_finite


def epochs_to_error(results: Results) -> xr.DataArray:
    """Epochs to the required test error; those of the run if it is never reached.

    Raises
    ------
    NotEnoughData
        Where no network reaches it: the length of the run says nothing.
    """
    found = results.of("learning")
    _require_reached(found["error_epoch"].notnull())
    return _of_finite(found, found["error_epoch"].fillna(found["last_epoch"]))


def epochs_to_error_tuned(results: Results) -> xr.DataArray:
    """Epochs to the required test error at the best learning rate.

    Raises
    ------
    InputError
        Without a sweep of learning rates, or where other keys vary as well.

    Notes
    -----
    The learning rate is chosen on one half of the networks, by the lowest geometric mean of their
    epochs, and judged on the other half, and the other way round: the best of several rates would
    be too good on the networks that chose it. A network that diverges takes the whole run.
    """
    found = results.of("learning")
    rates = found.coords.get("swept_learning_rate")
    if "case" not in found.dims or rates is None:
        raise InputError("a learning rate can be tuned where train.learning_rate is swept")
    if len(np.unique(rates)) < found.sizes["case"]:
        raise InputError("a learning rate can be tuned at fixed values of all other swept keys")
    run = found["last_epoch"].fillna(found["last_epoch"].max())  # a case may have diverged whole
    took = found["error_epoch"].fillna(run).transpose("case", "replica")
    logs = log(took.clip(min=1)).to_numpy()
    chosen = np.full(took.sizes["replica"], np.nan)
    is_reached = np.zeros(len(chosen), bool)
    is_finite_at = is_finite(found["final_loss"]).transpose("case", "replica").to_numpy()
    number = np.arange(len(chosen))
    if "family" in took.coords:  # twins stay together
        number = np.unique(took["family"], return_inverse=True)[1]
    for half in (0, 1):
        judged = number % 2 == half
        best = int(logs[:, ~judged].mean(axis=1).argmin())
        chosen[judged] = np.where(is_finite_at[best], took.to_numpy()[best], np.nan)[judged]
        is_reached[judged] = (
            found["error_epoch"].notnull().transpose("case", "replica")[best, judged]
        )
    _require_reached(is_reached)
    return took.isel(case=0, drop=True).copy(data=chosen)


def _require_reached(is_reached: xr.DataArray | np.ndarray) -> None:
    if not is_reached.any():
        raise NotEnoughData(
            "no network reaches the test error that is asked for: train for longer, or ask for a "
            "larger one (error of the analysis)"
        )


def _of_finite(learning: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values of the networks whose loss is finite at the end."""
    return values.where(is_finite(learning["final_loss"]))


def test_accuracy(results: Results) -> xr.DataArray:
    """Test accuracy at the end."""
    found = results.of("learning")
    return _of_finite(found, found["final_test_accuracy"])


def learning_order(results: Results) -> xr.DataArray:
    """Order parameter of all networks, dead ones included and 0 for those that diverged."""
    return abs(results.of("learning")["m"])


def overtraining(results: Results) -> xr.DataArray:
    """Test loss at the end minus that at the minimum of the other networks' mean curve."""
    return results.of("learning")["overtraining"]


def compression_with_accuracy(results: Results) -> Estimate:
    """Rank correlation over replicas of bits lost with final test accuracy, mean over layers."""
    lost = bits_lost(results)
    layers = results.wanted("layer")
    if layers is not None:
        lost = lost.sel(layer=np.atleast_1d(layers))
    accuracy = results.of("learning")["final_test_accuracy"]
    return rank_correlation(lost, accuracy.broadcast_like(lost))


STATISTICS = {
    "epochs_to_error": Statistic(
        epochs_to_error,
        "Epochs to the required test error; those of the run if it is never reached",
        needs=("learning",),
        shown_in=("test_error",),
        kind="geometric",
        unit="epochs",
        of_labels=True,
    ),
    "epochs_to_error_tuned": Statistic(
        epochs_to_error_tuned,
        "Epochs to the required test error, learning rate chosen on the other half of networks",
        needs=("learning",),
        shown_in=("test_error",),
        kind="geometric",
        unit="epochs",
        of_labels=True,
    ),
    "test_accuracy": Statistic(
        test_accuracy,
        "Test accuracy at the end",
        needs=("learning",),
        shown_in=("test_error",),
        of_labels=True,
    ),
    "learning_order": Statistic(
        learning_order,
        "Order parameter of all networks, dead ones included and 0 for those that diverged",
        needs=("learning",),
        shown_in=("order_diagram", "order_parameter"),
    ),
    "overtraining": Statistic(
        overtraining,
        "Test loss at the end minus that at the minimum of other networks' mean curve",
        needs=("learning",),
        shown_in=("test_error", "test_loss"),
        unit="nats",
        unit_in="overtraining",
    ),
    "compression_with_accuracy": Statistic(
        compression_with_accuracy,
        "Rank correlation over replicas of bits lost with final test accuracy, mean over layers",
        needs=("learning", "information"),
        shown_in=("compression",),
        chooses=("layer",),
        of_labels=True,
    ),
}
