"""Statistics of critical slowing down."""

from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData


def slowing_exponent(results: Results) -> Estimate:
    """Exponent nu of the relaxation time, |r - r_c|^-nu, at the pitchfork."""
    return _fitted(results, "exponent")


def critical_point(results: Results) -> Estimate:
    """Critical value r_c of the swept signal, at which the relaxation time diverges."""
    return _fitted(results, "critical")


def _fitted(results: Results, name: str) -> Estimate:
    """A coefficient of the fit to the relaxation times of all cases."""
    found = results.of("pitchfork")
    if name not in found:
        raise NotEnoughData("the study does not sweep task.signal")
    value, low, high = (float(found[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return Estimate(value, low, high, members=0)


STATISTICS = {
    "slowing_exponent": Statistic(
        slowing_exponent,
        "Exponent nu of the relaxation time, |r - r_c|^-nu, at the pitchfork",
        needs=("pitchfork",),
        shown_in=("critical_slowing",),
    ),
    "critical_point": Statistic(
        critical_point,
        "Critical value r_c of the swept signal, at which the relaxation time diverges",
        needs=("pitchfork",),
        shown_in=("critical_slowing",),
    ),
}
