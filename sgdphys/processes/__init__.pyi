"""Public names of sgdphys.processes, each imported when it is first used; types for editors."""

from .brownian import geometric_brownian as geometric_brownian
from .brownian import scaled_brownian as scaled_brownian
from .brownian import wiener as wiener
from .fractional import fractional_brownian as fractional_brownian
from .inertia import underdamped as underdamped
from .ising import ising as ising
from .ising_chain import ising_chain as ising_chain
from .labels import corrupt as corrupt
from .linear_drift import gyrator as gyrator
from .linear_drift import linear_step as linear_step
from .linear_drift import ornstein_uhlenbeck as ornstein_uhlenbeck
from .linear_drift import rotating_langevin as rotating_langevin
from .mean_field import curie_weiss as curie_weiss
from .mean_field import potts as potts
from .online_regression import kesten_index as kesten_index
from .online_regression import online_linear_regression as online_linear_regression
from .pitchforks import pitchfork as pitchfork
from .pitchforks import pitchfork_time as pitchfork_time
from .quadratic import epoch_noise_diffusion as epoch_noise_diffusion
from .quadratic import epoch_noise_spectrum as epoch_noise_spectrum
from .quadratic import sgd_on_quadratic as sgd_on_quadratic
from .ramped_fold import ramped_fold as ramped_fold
from .separability import cover_probability as cover_probability
from .separability import separability as separability
from .stable import levy_flight as levy_flight
from .walks import student_walk as student_walk
from .walks import switching_diffusion as switching_diffusion
from .wells import double_well as double_well
from .wells import slow_fold as slow_fold

__all__ = [
    "corrupt",
    "cover_probability",
    "curie_weiss",
    "double_well",
    "epoch_noise_diffusion",
    "epoch_noise_spectrum",
    "fractional_brownian",
    "geometric_brownian",
    "gyrator",
    "ising",
    "ising_chain",
    "kesten_index",
    "levy_flight",
    "linear_step",
    "online_linear_regression",
    "ornstein_uhlenbeck",
    "pitchfork",
    "pitchfork_time",
    "potts",
    "ramped_fold",
    "rotating_langevin",
    "scaled_brownian",
    "separability",
    "sgd_on_quadratic",
    "slow_fold",
    "student_walk",
    "switching_diffusion",
    "underdamped",
    "wiener",
]
