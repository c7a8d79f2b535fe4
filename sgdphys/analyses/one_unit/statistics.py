"""Statistics of a single unit."""

import numpy as np

from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import Results, require_one_case
from sgdphys.claims.statistic import Statistic
from sgdphys.errors import NotEnoughData


def one_unit_fall(results: Results) -> Estimate:
    """Exact I(X;T) of one binned unit at its peak minus that at the largest weight, in bits."""
    curve = require_one_case(results.of("one_unit"))["unit_I_XT"].to_numpy()
    if not np.isfinite(curve).all():
        raise NotEnoughData("the information of a unit of this activation has no closed form")
    fall = float(np.max(curve) - curve[-1])
    return Estimate(fall, fall, fall, members=0)


STATISTICS = {
    "one_unit_fall": Statistic(
        one_unit_fall,
        "Exact I(X;T) of one binned unit at its peak minus that at the largest weight",
        needs=("one_unit",),
        shown_in=("one_unit",),
        unit="bits",
    ),
}
