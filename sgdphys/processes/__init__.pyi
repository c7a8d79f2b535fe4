"""Public names of sgdphys.processes, each imported when it is first used; types for editors."""

from .descent import epoch_noise_diffusion as epoch_noise_diffusion
from .descent import epoch_noise_spectrum as epoch_noise_spectrum
from .descent import kesten_index as kesten_index
from .descent import online_linear_regression as online_linear_regression
from .descent import pitchfork as pitchfork
from .descent import pitchfork_time as pitchfork_time
from .descent import sgd_on_quadratic as sgd_on_quadratic
from .diffusions import double_well as double_well
from .diffusions import fractional_brownian as fractional_brownian
from .diffusions import geometric_brownian as geometric_brownian
from .diffusions import gyrator as gyrator
from .diffusions import levy_flight as levy_flight
from .diffusions import linear_step as linear_step
from .diffusions import ornstein_uhlenbeck as ornstein_uhlenbeck
from .diffusions import rotating_langevin as rotating_langevin
from .diffusions import scaled_brownian as scaled_brownian
from .diffusions import slow_fold as slow_fold
from .diffusions import wiener as wiener
from .inertia import underdamped as underdamped
from .ising_chain import ising_chain as ising_chain
from .labels import corrupt as corrupt
from .mean_field import curie_weiss as curie_weiss
from .mean_field import potts as potts
from .separability import cover_probability as cover_probability
from .separability import separability as separability
from .walks import student_walk as student_walk
from .walks import switching_diffusion as switching_diffusion

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
    "ising_chain",
    "kesten_index",
    "levy_flight",
    "linear_step",
    "online_linear_regression",
    "ornstein_uhlenbeck",
    "pitchfork",
    "pitchfork_time",
    "potts",
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
