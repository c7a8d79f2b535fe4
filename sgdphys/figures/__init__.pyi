"""Public names of sgdphys.figures, each imported when it is first used; types for editors."""

from .plots.autocorrelation import autocorrelation as autocorrelation
from .plots.bottleneck_curve import bottleneck_curve as bottleneck_curve
from .plots.collapse import collapse as collapse
from .plots.critical_point import critical_point as critical_point
from .plots.crossing import crossing as crossing
from .plots.diffusion_vs_lag import diffusion_vs_lag as diffusion_vs_lag
from .plots.early_warning import early_warning as early_warning
from .plots.fit import fit as fit
from .plots.gradient_phases import gradient_phases as gradient_phases
from .plots.hysteresis import hysteresis as hysteresis
from .plots.information_plane import information_plane as information_plane
from .plots.information_snapshot import information_snapshot as information_snapshot
from .plots.information_vs_epoch import information_vs_epoch as information_vs_epoch
from .plots.kramers_moyal import kramers_moyal as kramers_moyal
from .plots.msd import msd as msd
from .plots.phase_diagram import phase_diagram as phase_diagram
from .plots.predictive_checks import predictive_checks as predictive_checks
from .plots.relaxation_time import relaxation_time as relaxation_time
from .plots.rolling_indicators import rolling_indicators as rolling_indicators
from .plots.scan import scan as scan
from .plots.segments import segments as segments
from .plots.training_curves import training_curves as training_curves
from .plots.trajectory_components import trajectory_components as trajectory_components
from .plots.verdicts import verdicts as verdicts
from .plots.weight_entropy import weight_entropy as weight_entropy
from .plots.weight_norms import weight_norms as weight_norms
from .presets import use as use

__all__ = [
    "autocorrelation",
    "bottleneck_curve",
    "collapse",
    "critical_point",
    "crossing",
    "diffusion_vs_lag",
    "early_warning",
    "fit",
    "gradient_phases",
    "hysteresis",
    "information_plane",
    "information_snapshot",
    "information_vs_epoch",
    "kramers_moyal",
    "msd",
    "phase_diagram",
    "predictive_checks",
    "relaxation_time",
    "rolling_indicators",
    "scan",
    "segments",
    "training_curves",
    "trajectory_components",
    "use",
    "verdicts",
    "weight_entropy",
    "weight_norms",
]
