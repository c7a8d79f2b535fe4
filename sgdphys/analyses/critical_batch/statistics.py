"""Statistics of the critical batch size."""

import numpy as np

from sgdphys.analyses.critical_batch.tuning import tuned
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic
from sgdphys.dynamics.sgd.critical_batch_size import fitted_law
from sgdphys.errors import NotEnoughData
from sgdphys.intervals import finite_mean, jackknife_interval, means_without_each


def critical_batch_over_noise_scale(results: Results) -> Estimate:
    """Critical batch size over the mean noise scale tr(S)/|G|^2 on the way to the same loss.

    The noise scale is a mean over updates, and geometric over networks and batch sizes.
    """
    best = tuned(results.of("critical_batch"))
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.stack([best.steps, best.noise_scale])).transpose(2, 0, 1)
    logs = np.where(np.isfinite(logs), logs, np.nan)

    def ratio(means: np.ndarray) -> float:
        """Of means over networks (steps or noise scale, batch)."""
        return fitted_law(means[0], best.batch)[0] / float(np.exp(means[1].mean()))

    value = ratio(finite_mean(logs))
    if not np.isfinite(value):
        raise NotEnoughData("the updates show no bend over the batch sizes tried")
    without = np.array([ratio(means) for means in means_without_each(logs)])
    low, high = jackknife_interval(np.array(value), without, len(logs), kind="positive")
    return Estimate(value, float(low), float(high), len(logs))


STATISTICS = {
    "critical_batch_over_noise_scale": Statistic(
        critical_batch_over_noise_scale,
        "Critical batch size over the mean noise scale tr(S)/|G|^2 on the way to the same loss",
        needs=("critical_batch",),
        shown_in=("critical_batch",),
        kind="geometric",
        unit="times",
    ),
}
