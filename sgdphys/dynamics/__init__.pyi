"""Public names of sgdphys.dynamics, each imported when it is first used; types for editors."""

from .diffusion.ageing import ergodicity_breaking as ergodicity_breaking
from .diffusion.ageing import two_time_msd as two_time_msd
from .diffusion.diffusion_coefficient import diffusion_coefficient as diffusion_coefficient
from .diffusion.diffusion_matrix import diffusion_matrix as diffusion_matrix
from .diffusion.diffusion_vs_lag import diffusion_vs_lag as diffusion_vs_lag
from .diffusion.displacement_law import displacement_law as displacement_law
from .diffusion.entropy_production import entropy_production as entropy_production
from .diffusion.fractional import fit_fbm as fit_fbm
from .diffusion.hurst import hurst as hurst
from .diffusion.kramers_moyal import kramers_moyal as kramers_moyal
from .diffusion.langevin import fit_langevin as fit_langevin
from .diffusion.msd import msd as msd
from .diffusion.msd_exponent import msd_exponent as msd_exponent
from .diffusion.ornstein_uhlenbeck import fit_ou as fit_ou
from .diffusion.tail_index import fit_levy as fit_levy
from .diffusion.tail_index import tail_index as tail_index
from .diffusion.wiener import fit_wiener as fit_wiener
from .diffusion.wiener_tests import pass_rate as pass_rate
from .diffusion.wiener_tests import wiener_tests as wiener_tests
from .ensembles.ensemble_diffusion import deviation_from_mean as deviation_from_mean
from .ensembles.ensemble_diffusion import ensemble_diffusion as ensemble_diffusion
from .ensembles.ensemble_diffusion import variance_components as variance_components
from .ensembles.entropy import entropy_balance as entropy_balance
from .ensembles.entropy import weight_entropy as weight_entropy
from .ensembles.overlaps import replica_overlap as replica_overlap
from .ensembles.overlaps import unit_overlap as unit_overlap
from .models.choice import fit as fit
from .models.model import Estimates as Estimates
from .models.model import Model as Model
from .models.predictive_checks import predictive_checks as predictive_checks
from .models.segments import segments as segments
from .models.wiener_lag import wiener_lag as wiener_lag
from .sgd.critical_batch_size import critical_batch_size as critical_batch_size
from .sgd.epoch_drift import epoch_drift as epoch_drift
from .sgd.flatness import hessian_mode_statistics as hessian_mode_statistics
from .sgd.flatness import noise_alignment as noise_alignment
from .sgd.flatness import project as project
from .sgd.flatness import variance_flatness as variance_flatness
from .sgd.fluctuation_ratios import fluctuation_ratios as fluctuation_ratios
from .sgd.fluctuation_ratios import minibatch_gradients as minibatch_gradients
from .sgd.gradient_phases import gradient_phases as gradient_phases
from .sgd.trajectory_components import trajectory_components as trajectory_components
from .slowing.autocorrelation import autocorrelation as autocorrelation
from .slowing.autocorrelation import integrated_time as integrated_time
from .slowing.critical_point import critical_point as critical_point
from .slowing.detrending import detrended as detrended
from .slowing.early_warning import early_warning as early_warning
from .slowing.ensemble_indicators import ensemble_indicators as ensemble_indicators
from .slowing.relaxation_time import relaxation_time as relaxation_time
from .slowing.rolling_indicators import rolling_indicators as rolling_indicators

__all__ = [
    "Estimates",
    "Model",
    "autocorrelation",
    "critical_batch_size",
    "critical_point",
    "detrended",
    "deviation_from_mean",
    "diffusion_coefficient",
    "diffusion_matrix",
    "diffusion_vs_lag",
    "displacement_law",
    "early_warning",
    "ensemble_diffusion",
    "ensemble_indicators",
    "entropy_balance",
    "entropy_production",
    "epoch_drift",
    "ergodicity_breaking",
    "fit",
    "fit_fbm",
    "fit_langevin",
    "fit_levy",
    "fit_ou",
    "fit_wiener",
    "fluctuation_ratios",
    "gradient_phases",
    "hessian_mode_statistics",
    "hurst",
    "integrated_time",
    "kramers_moyal",
    "minibatch_gradients",
    "msd",
    "msd_exponent",
    "noise_alignment",
    "pass_rate",
    "predictive_checks",
    "project",
    "relaxation_time",
    "replica_overlap",
    "rolling_indicators",
    "segments",
    "tail_index",
    "trajectory_components",
    "two_time_msd",
    "unit_overlap",
    "variance_components",
    "variance_flatness",
    "weight_entropy",
    "wiener_lag",
    "wiener_tests",
]
