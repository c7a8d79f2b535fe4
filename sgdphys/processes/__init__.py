"""Stochastic processes that carry their exact answers, for testing what reads trajectories.

Every process returns a Dataset theta (step, replica, parameter) with coordinates step (whole) and
time = step dt; its attributes hold the truth, per unit ``time``. In Langevin form
dX = b(X) dt + sqrt(2 D) dW, so that the mean squared displacement is 2 D t a coordinate.
"""

from sgdphys.processes.descent import (
    epoch_noise_diffusion,
    epoch_noise_spectrum,
    kesten_index,
    online_linear_regression,
    pitchfork,
    pitchfork_time,
    sgd_on_quadratic,
)
from sgdphys.processes.diffusions import (
    double_well,
    fractional_brownian,
    geometric_brownian,
    gyrator,
    levy_flight,
    linear_step,
    ornstein_uhlenbeck,
    rotating_langevin,
    scaled_brownian,
    slow_fold,
    wiener,
)
from sgdphys.processes.labels import corrupt

__all__ = [
    "double_well",
    "epoch_noise_diffusion",
    "epoch_noise_spectrum",
    "fractional_brownian",
    "geometric_brownian",
    "gyrator",
    "kesten_index",
    "levy_flight",
    "linear_step",
    "online_linear_regression",
    "ornstein_uhlenbeck",
    "pitchfork",
    "pitchfork_time",
    "rotating_langevin",
    "scaled_brownian",
    "sgd_on_quadratic",
    "slow_fold",
    "corrupt",
    "wiener",
]
