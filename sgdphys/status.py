"""The ``status`` of every result: whether the estimate is valid, and what to do if not."""

from typing import NamedTuple

import numpy as np
import xarray as xr


class Status(NamedTuple):
    """One status."""

    word: str
    sentence: str
    """What is wrong, and what to do about it."""

    @property
    def message(self) -> str:
        """Word and sentence."""
        return f"{self.word}: {self.sentence}"


TABLE = (
    Status("ok", "the estimate is valid: no problem was found"),
    Status(
        "constant",
        "the series is constant to the precision of its numbers: it has no noise to estimate; "
        "leave it out, or choose a stretch where it moves",
    ),
    Status(
        "too short",
        "the series has too few points for this estimator, or spans too few of its relaxation "
        "times: record for longer, or, if an array without names has time last, transpose it",
    ),
    Status("no data", "the series has no data, all points are missing: check its recording"),
    Status(
        "diverged",
        "the series contains an infinity, or numbers so large that their powers overflow: cut it "
        "before that point, leave it out, or rescale it",
    ),
    Status(
        "weakly identified",
        "the series spans fewer than 5 of its relaxation times, so that its relaxation rate is "
        "uncertain: rely on the interval, or record for longer",
    ),
    Status(
        "oscillating at this sampling",
        "the series alternates in sign from one point to the next, which is not relaxation: "
        "record more often, or lower the learning rate",
    ),
    Status(
        "relaxes within one step",
        "the series decorrelates within one step, so that its relaxation time cannot be "
        "measured: record more often",
    ),
    Status(
        "needs even spacing",
        "the estimator needs evenly spaced points without gaps: choose a stretch that has them, or "
        "use fit_wiener or fit_ou, which accept any times",
    ),
    Status(
        "too few distinct values",
        "the increments take too few distinct values to have a tail: record in higher precision, "
        "or leave out series that rarely move",
    ),
    Status(
        "straight line",
        "the series is a straight line to the precision of its numbers: it has a drift and no "
        "noise to estimate; leave it out, or record in higher precision",
    ),
    Status(
        "too short to compare models",
        "the series has fewer than the 50 increments that a comparison of models needs: use the "
        "coefficients of single models, or record for longer, or, if an array without names has "
        "time last, transpose it",
    ),
    Status(
        "too few members",
        "the ensemble has too few members for this number of directions: train more replicas, or "
        "choose fewer parameters",
    ),
    Status(
        "moves once",
        "the series moves in one interval only, a single jump: it has no noise to estimate; leave "
        "it out",
    ),
    Status(
        "too small",
        "the series varies by so little that the powers of its values underflow: multiply it by a "
        "power of ten",
    ),
    Status(
        "saturated at log2 n",
        "every input is alone in its cell, so that I(X;T) has its largest possible value, "
        "log2 n: use fewer bins, or more inputs",
    ),
    Status(
        "weights not finite",
        "the weights are not finite at this epoch: the training diverged; lower the learning rate",
    ),
    Status(
        "too few samples",
        "some label has no more samples than the number of neighbours: give more samples, or use "
        "fewer neighbours",
    ),
    Status(
        "too many units",
        "the samples are too few for this number of units: the nearest neighbours of a sample lie "
        "as far away as half the distance of any two samples, and the estimate is far too small: "
        "give more samples, or project the layer on a few directions",
    ),
    Status(
        "few samples per cell",
        "the samples are too few for this number of occupied cells: the value is exact if these "
        "inputs are all there are, and otherwise biased: use fewer bins or more inputs",
    ),
    Status(
        "constant layer",
        "no unit changes from sample to sample, so that the layer has no information: look for "
        "dead or saturated units",
    ),
    Status(
        "no single relaxation time",
        "the memory at long lags is not that of an exponential with the memory at lag 1, as it is "
        "for an Ornstein-Uhlenbeck process: use the integrated time, and fit to see what is there",
    ),
    Status(
        "coordinates left out",
        "some coordinates do not move, or repeat others: they are named in the attribute left_out, "
        "their entries are NaN, and the rest is the estimate without them",
    ),
    Status(
        "at the end of the range",
        "the estimate lies at the end of the range of values that are compared, and the true value "
        "may lie beyond it: read the estimate as a bound; the interval is open on that side",
    ),
    Status(
        "no pairs",
        "no two points of the series lie this far apart: give lags that are shorter than the "
        "series, and that its gaps leave",
    ),
    Status(
        "no model",
        "no model that was given can be fitted to the series, or none was chosen: give other "
        "models",
    ),
    Status(
        "loop remains at zero speed",
        "the interval of the area of the hysteresis loop at zero speed lies above 0: the loop is "
        "not the lag of a fast ramp alone",
    ),
    Status(
        "no loop at zero speed",
        "the interval of the area of the hysteresis loop at zero speed holds 0 and nothing large: "
        "the loops at finite speed are lags, which vanish with the speed",
    ),
    Status(
        "cannot be told",
        "the data allow more than one answer: the attribute reason says why; give more replicas, "
        "more sizes or speeds, or controls closer to the transition",
    ),
    Status(
        "too few speeds",
        "fewer than 3 speeds have loops, and the law of their areas has three parameters: ramp "
        "the control at 4 or more speeds, each a few times as fast as the one before",
    ),
    Status(
        "too few sizes",
        "the scan has too few sizes for this estimate: give at least 3 to a collapse or an "
        "extrapolation in size, and 2 to a crossing, each with replicas at 4 or more values of the "
        "control parameter",
    ),
    Status(
        "no collapse",
        "the order parameter does not depend on the control parameter beyond noise, depends on the "
        "size by no more than a factor, or does not collapse on one master curve near any critical "
        "point, so that none is claimed: there may be a crossover or a first-order transition; see "
        "crossing and order_of_transition, scan closer to the transition, or give larger sizes",
    ),
    Status(
        "curves do not cross",
        "the curves of different sizes do not cross in the range that was scanned, so that no "
        "critical point is claimed: there may be a crossover; otherwise scan a wider range, or "
        "give more replicas",
    ),
    Status(
        "curves merge",
        "the curves of different sizes merge on one side and do not cross, as for a crossover, or "
        "a phase that is critical everywhere: no critical point is claimed; with few replicas a "
        "transition looks like this as well: give more",
    ),
    Status(
        "too few replicas",
        "the scan has fewer than the 50 replicas that crossings of noisy cumulants need: "
        "give more replicas, or use collapse",
    ),
    Status(
        "crossings not located",
        "the curves cross, but at most one pair of successive sizes does so at a place that the "
        "scan determines: give more replicas, more sizes, or controls closer to the transition",
    ),
    Status(
        "paths left out",
        "some paths do not move where others do: their number is the attribute paths_left_out, and "
        "the estimate is that of the others",
    ),
    Status(
        "no divergence",
        "the interval of the exponent is not above 0, so that the relaxation times need not grow "
        "towards any control: no critical point is told; record closer to it, or reduce the noise",
    ),
    Status(
        "too few controls",
        "fewer than 3 sizes have replicas at 4 or more values of the control parameter, which the "
        "estimate needs: scan more values",
    ),
)
"""By number. New ones are added at the end, so that numbers in older files keep their meaning."""
WORDS = tuple(status.word for status in TABLE)
(
    OK, CONSTANT, TOO_SHORT, NO_DATA, DIVERGED, WEAK, OSCILLATING, FAST, UNEVEN, FEW_VALUES,
    STRAIGHT, SHORT, FEW_MEMBERS, ONCE, TINY, SATURATED, BROKEN, FEW_SAMPLES,
    MANY_UNITS, SPARSE, CONSTANT_LAYER, SEVERAL_TIMES, LEFT_OUT, END_OF_RANGE, NO_PAIRS,
    NO_MODEL, LOOP, NO_LOOP, UNDECIDED, FEW_SPEEDS, FEW_SIZES, NO_COLLAPSE, NO_CROSSING,
    MERGING, FEW_REPLICAS, NOT_LOCATED, PATHS_LEFT_OUT, NO_DIVERGENCE, FEW_CONTROLS,
) = range(len(TABLE))  # fmt: skip


class Reason(NamedTuple):
    """Why a model was chosen for a series, or rejected."""

    words: str
    """In a table."""
    what: str
    """With the names of numbers in braces."""
    then: str
    """What to do about it."""


REASONS = {
    "heavy_tails": Reason(
        "residuals with heavy tails",
        "the residuals have heavier tails than a normal law (excess kurtosis {kurtosis:.2g})",
        "read tail_index with care, and look at the largest increments",
    ),
    "light_tails": Reason(
        "residuals with light tails",
        "the residuals have lighter tails than a normal law (excess kurtosis {kurtosis:.2g})",
        "look whether the series is bounded, periodic, or rounded",
    ),
    "skewed": Reason(
        "skewed residuals",
        "the residuals are skewed (skewness {skewness:.2g})",
        "look for jumps to one side, and use kramers_moyal",
    ),
    "not_normal": Reason(
        "residuals that are not normal",
        "the residuals are not normal, though skewness and kurtosis are nearly those of a "
        "normal law",
        "look for values that are rounded or repeated",
    ),
    "correlated": Reason(
        "correlated residuals",
        "the residuals are correlated, most at lag {lag:.0f} (r = {correlation:.2f})",
        "see from which lag on wiener_lag finds a Wiener process",
    ),
    "variance_in_time": Reason(
        "variance changes in time",
        "the variance of the residuals {change} in the second half",
        "find stretches of one variance with segments",
    ),
    "variance_in_level": Reason(
        "variance depends on the level",
        "the variance of the residuals depends on the level: in the upper half of the levels "
        "it {change}",
        "use kramers_moyal, which gives the diffusion coefficient at every level",
    ),
    "variance_off_centre": Reason(
        "variance depends on the level",
        "the variance of the residuals depends on the level: far from the middle of the "
        "levels it {change}",
        "use kramers_moyal, which gives the diffusion coefficient at every level",
    ),
    "changing_variance": Reason(
        "variance changes",
        "the variance of the residuals changes with time or level",
        "look at diffusion_coefficient in windows, and at kramers_moyal",
    ),
    "clustered": Reason(
        "large residuals come in clusters",
        "large residuals come in clusters (their sizes have r = {size_correlation:.2f} at lag "
        "1), as those of two noise levels do",
        "find stretches of one variance with segments",
    ),
    "nonlinear_drift": Reason(
        "drift is not linear in the level",
        "the drift is not linear in the level (its curvature explains {explained:.2g}% of the "
        "variance of the residuals)",
        "use kramers_moyal, which gives the drift at every level",
    ),
    "reverts": Reason(
        "steps lead back to a mean",
        "the steps lead back to a mean, as in no walk (Dickey-Fuller test)",
        "read kappa, whose estimate needs no Gaussian noise, or use kramers_moyal, which gives the "
        "drift at every level",
    ),
    "unstable": Reason(
        "sums of 8 steps have another tail",
        "the increments have heavier tails than a normal law, and of finite variance: sums of "
        "8 have another tail index",
        "read tail_index with care; the process is no Levy flight",
    ),
    "measurement_noise": Reason(
        "an ARMA(1,1) process is more likely",
        "an ARMA(1,1) process, as under measurement noise, is {odds} times as likely as "
        "{candidate}",
        "fit every k-th point, or compare with noisy_wiener and noisy_ou if they were left out",
    ),
    "second_order": Reason(
        "an AR(2) process is more likely",
        "a second-order process, with inertia or a second relaxation time, is {odds} times as "
        "likely as {candidate}",
        "fit every k-th point, or compare with underdamped and heavy_ball if they were left out",
    ),
    "student_t": Reason(
        "Student t steps are more likely",
        "a walk with Student t increments, whose variance is finite, is {odds} times as "
        "likely as {candidate}",
        "read tail_index with care, and look at the largest increments",
    ),
    "jumps": Reason(
        "jumps are more likely",
        "a Wiener process with jumps is {odds} times as likely as {candidate}",
        "look at the largest increments, and fit the stretches between them",
    ),
    "garch": Reason(
        "GARCH(1,1) noise is more likely",
        "a walk whose noise depends on the size of the last step, GARCH(1,1), is {odds} times as "
        "likely as {candidate}",
        "use diffusion_coefficient in windows; the noise has no two levels",
    ),
    "close": Reason(
        "two models fit alike",
        "it cannot be told between {candidate} and {nearest} (odds {odds})",
        "record for longer, or see in predictive_checks where they differ",
    ),
    "clear": Reason(
        "no test rejects it",
        "no test rejects {candidate}, which is {odds} times as likely as the next model, {nearest}",
        "see predictive_checks for what else it predicts",
    ),
    "alone": Reason(
        "no test rejects it",
        "no test rejects {candidate}, the only model that could be fitted",
        "see predictive_checks for what else it predicts",
    ),
    "on_stretch": Reason(
        "a model that gaps leave out is better",
        "{candidate} is the best model that gaps allow, and {on_stretch} is more likely on the "
        "longest stretch without gaps",
        "fit that stretch alone",
    ),
    "left_out": Reason(
        "models left out",
        "models that could not be compared: {models}",
        "choose a stretch of evenly spaced points without gaps",
    ),
}
"""Why a model was chosen or rejected, by what was found. ``dynamics.models.reasons`` fills it in.
"""


def flagged(status: xr.DataArray) -> xr.DataArray:
    """Attach flag values and meanings to a status, following the CF conventions."""
    return status.astype(np.int8).assign_attrs(
        flag_values=np.arange(len(WORDS), dtype=np.int8),
        flag_meanings=" ".join(word.replace(" ", "_") for word in WORDS),
    )


def words(status: xr.DataArray) -> np.ndarray:
    """Return a status as words.

    Parameters
    ----------
    status : DataArray
        The variable ``status`` of a result.

    Returns
    -------
    array of str
        In the same shape: "ok", or what is wrong.

    Examples
    --------
    >>> import sgdphys as sp
    >>> found = sp.dynamics.fit_wiener([[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    >>> sp.status.words(found["status"]).tolist()
    ['constant', 'ok']
    """
    return np.array(WORDS)[status.to_numpy()]


def advice(status: np.ndarray) -> list[str]:
    """Return a sentence for each status that occurs, except "ok": its word and what to do."""
    return [TABLE[k].message for k in np.unique(status) if k != OK]
