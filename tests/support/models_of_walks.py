"""What every model of diffusion must do, asked of one model."""

import numpy as np
from scipy.stats import kstest

CONFIDENCE = 0.95


def residuals_are_right(model, values, t, seed):
    """Under the model, residuals are independent standard normal numbers, in level and size."""
    rng = np.random.default_rng(seed)
    x = model.simulate(values, t, 3.0, 20, rng)
    assert x.shape == (20, len(t))
    np.testing.assert_array_equal(x[:, 0], 3.0)
    z = np.stack([model.steps(values, path, t)[0] for path in x])
    assert kstest(z.ravel(), "norm").pvalue > 0.001
    n = z[:, 1:].size
    for size in (z, np.abs(z) - np.abs(z).mean()):
        for lag in (1, 3):
            rho = (size[:, lag:] * size[:, :-lag]).mean() / (size**2).mean()
            assert abs(rho) < 4 / np.sqrt(n)


def likelihood_is_that_of_steps(model, x, t):
    """The likelihood that is returned is the sum of log densities at the coefficients."""
    found = model.fit(x, t, CONFIDENCE)
    sums = [model.steps(v, path, t)[1].sum() for v, path in zip(found.values, x, strict=True)]
    np.testing.assert_allclose(found.log_likelihood, sums, rtol=1e-9)
    return found


def scales(model, x, t, powers, within=1e-4, unscaled=()):
    """Coefficients of a x + b at times c t follow their units; powers(values) gives these.

    The intervals of those in ``unscaled`` are not compared: a fitted exponent in a unit is that of
    the estimate, not of the ends.
    """
    found = model.fit(x, t, CONFIDENCE)
    a, c = 1e3, 0.02
    other = model.fit(a * x - 7.0, c * t, CONFIDENCE)
    of_x, of_t = powers(found.values)
    for name in ("values", "low", "high"):
        expected = getattr(found, name) * a**of_x * c**of_t
        its = getattr(other, name)
        if name != "values":
            its[:, unscaled] = expected[:, unscaled]
        np.testing.assert_allclose(its, expected, rtol=within)
    shift = -(x.shape[1] - 1) * np.log(a)
    np.testing.assert_allclose(other.log_likelihood, found.log_likelihood + shift, rtol=1e-6)


def survives(model, seed=5):
    """Series that are hard to fit: no exception, no warning, finite or NaN likelihoods."""
    rng = np.random.default_rng(seed)
    for n in (51, 400):
        t = np.arange(float(n))
        walk = rng.standard_normal(n).cumsum()
        stopped = np.where(np.arange(n) < n // 3, walk, walk[n // 3])
        series = [
            walk,
            1e6 + 1e-3 * walk,
            1e-12 * walk,
            1e12 * walk,
            (100 + walk).astype(np.float32).astype(float),
            np.round(walk),
            stopped,
            np.cumsum(rng.random(n) < 0.1).astype(float),
            rng.standard_normal(n),
            np.exp(walk / 3),
            rng.standard_cauchy(n).cumsum(),
            t + 0.0,
            np.where(t == n // 2, 1.0, 0.0),
        ]
        x = np.stack(series)
        found = model.fit(x, t, CONFIDENCE)
        ends = model.at_end_of_range(found.values)
        maybe = model.may_be_best(x, t)
        assert ends.shape == maybe.shape == (len(x),)
        assert not np.isinf(found.log_likelihood).any()
        assert np.isfinite(found.log_likelihood[[0, 1, 2, 3, 8]]).all()
        for path, values, likelihood in zip(x, found.values, found.log_likelihood, strict=True):
            if np.isfinite(likelihood):
                assert np.isfinite(model.steps(values, path, t)[1]).all()
        has = np.isfinite(found.low) & np.isfinite(found.high) & np.isfinite(found.values)
        assert (found.low <= found.values)[has].all()
        assert (found.high >= found.values)[has].all()


def covers(found, truth, column, at_least=0.92):
    """Share of intervals that hold a coefficient, compatible with 92 to 98% at about 99%."""
    low, high = found.low[:, column], found.high[:, column]
    has = ~np.isnan(low)
    share = ((low <= truth) & (truth <= high))[has].mean()
    error = 2.6 * np.sqrt(at_least * (1 - at_least) / has.sum())
    assert share > at_least - error, share
    assert has.mean() > 0.9
