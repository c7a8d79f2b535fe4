"""Estimators against processes whose answer is known: recover it, cover it, scale with it.

Every check fixes its seed. ``covers`` counts 95% intervals: with 600 series a right one falls
outside 92% to 98% with a chance below 1 in 1000.
"""

import numpy as np


def estimate(estimator, process, **options):
    """The estimator's result on a process, per unit of its own time."""
    return estimator(process["theta"], time="time", **options)


def recovers(result, name, truth, *, within=4.0):
    """The mean over series is the truth, to so many standard errors of that mean."""
    values = result[name].to_numpy().ravel()
    values = values[np.isfinite(values)]
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - truth) <= within * error, (name, values.mean(), truth, error)


def median_recovers(result, name, truth):
    """The truth is the median over series: as many above as below, to 3.5 standard deviations."""
    values = result[name].to_numpy().ravel()
    above = (values > truth).sum() + 0.5 * (values == truth).sum()
    assert abs(above - len(values) / 2) <= 3.5 * np.sqrt(len(values)) / 2, (name, np.median(values))


def covers(result, name, truth, *, efficient_width=None, wide=1.3):
    """Between 92% and 98% of the intervals hold the truth; their median width is near the best."""
    low, high = (result[f"{name}_{end}"].to_numpy().ravel() for end in ("low", "high"))
    share = ((low <= truth) & (truth <= high)).mean()
    assert len(low) >= 400
    assert 0.92 <= share <= 0.98, (name, share)
    if efficient_width is not None:
        width = np.median(high - low)
        assert width <= wide * efficient_width, (name, width / efficient_width)


def fires(passes, *, low=0.03, high=0.07):
    """A test of a true null rejects in 3% to 7% of at least 1000 series."""
    rejected = 1 - float(passes.mean())
    assert passes.size >= 1000
    assert low <= rejected <= high, rejected


def scales(estimator, theta, factor, powers, **options):
    """Scaling theta by c scales each estimate by its power of c, and leaves the rest alone."""
    one, other = estimator(theta, **options), estimator(theta * factor, **options)
    for name, power in powers.items():
        np.testing.assert_allclose(
            other[name].to_numpy(), one[name].to_numpy() * factor**power, rtol=1e-5, atol=1e-12
        )
