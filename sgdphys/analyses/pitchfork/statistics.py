"""What claims say of critical slowing down."""

import numpy as np

from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results
from sgdphys.claims.statistic import Statistic


def slowing_exponent(results: Results) -> Estimate:
    """Exponent nu of the relaxation time, |r - r_c|^-nu, at the pitchfork."""
    found = results.of("pitchfork")
    value, low, high = (float(found[f"exponent{end}"]) for end in ("", "_low", "_high"))
    fitted = int(np.isfinite(found["relaxation_time"]).sum())
    return Estimate(value, low, high, fitted)


STATISTICS = {
    "slowing_exponent": Statistic(
        slowing_exponent,
        "Exponent nu of the relaxation time, |r - r_c|^-nu, at the pitchfork",
        needs=("pitchfork",),
        shown_in=("critical_slowing",),
    ),
}
