"""Statistics of learning."""

import numpy as np
import xarray as xr

from sgdphys.analyses.information.statistics import bits_lost
from sgdphys.claims.correlations import rank_correlation
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, log
from sgdphys.claims.statistic import Statistic
from sgdphys.information.onset import is_finite


def epochs_to_error(results: Results) -> xr.DataArray:
    """Log10 of the epochs to the required test error; of the last epoch if never reached."""
    found = results.of("learning")
    return log(_of_finite(found, found["error_epoch"].fillna(found["last_epoch"])), 10)


def _of_finite(learning: xr.Dataset, values: xr.DataArray) -> xr.DataArray:
    """Values of the networks whose loss is finite at the end."""
    return values.where(is_finite(learning["final_loss"]))


def test_accuracy(results: Results) -> xr.DataArray:
    """Test accuracy at the end."""
    found = results.of("learning")
    return _of_finite(found, found["final_test_accuracy"])


def overtraining(results: Results) -> xr.DataArray:
    """Test loss at the end minus that at the minimum of its mean curve, in nats."""
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
        "Log10 of the epochs to the required test error; of the last epoch if never reached",
        needs=("learning",),
        shown_in=("test_error",),
    ),
    "test_accuracy": Statistic(
        test_accuracy,
        "Test accuracy at the end",
        needs=("learning",),
        shown_in=("test_error",),
    ),
    "overtraining": Statistic(
        overtraining,
        "Test loss at the end minus that at the minimum of its mean curve, in nats",
        needs=("learning",),
        shown_in=("test_error",),
    ),
    "compression_with_accuracy": Statistic(
        compression_with_accuracy,
        "Rank correlation over replicas of bits lost with final test accuracy, mean over layers",
        needs=("learning", "information"),
        shown_in=("compression",),
        chooses=("layer",),
    ),
}
