"""What a model of diffusion is: coefficients, likelihood, simulation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from sgdphys.errors import InputError
from sgdphys.glossary import Quantity

FEWEST = 50
"""Least number of increments for a choice between models."""


class Estimates(NamedTuple):
    """Maximum-likelihood coefficients of many series."""

    values: np.ndarray
    """(series, coefficient); NaN throughout for a series to which the model cannot be fitted."""
    low: np.ndarray
    high: np.ndarray
    """Ends of the intervals, (series, coefficient); NaN where there is none."""
    log_likelihood: np.ndarray
    """(series,) of all points but the first, given the first; NaN where there is no fit."""
    count: np.ndarray  # type: ignore[assignment]  # of a tuple
    """(series,) number of coefficients that were fitted, for BIC."""
    handicap: np.ndarray | float = 0.0
    """(series,) added to BIC when models are compared; infinite where the model is ruled out."""


class Model(ABC):
    """A stochastic process that ``fit`` compares with others.

    A model of one's own is a subclass with a name, a sentence, coefficients, their bounds, and the
    methods ``start``, ``steps`` and ``simulate``; its likelihood is then maximised numerically. See
    docs/models.md. Series have no missing points. Every likelihood is that of all points but
    the first, given the first, so that the likelihoods of models can be compared.

    See Also
    --------
    fit : Where a model is given, in models=.

    Examples
    --------
    A walk with steps of a Laplace law:

    >>> import numpy as np, sgdphys as sp
    >>> from scipy.special import ndtri_exp
    >>> from sgdphys.glossary import GLOSSARY
    >>> class Laplace(sp.dynamics.Model):
    ...     name, sentence = "laplace", "a walk with steps of a Laplace law"
    ...     coefficients = {"scale": GLOSSARY["scale"]}
    ...     bounds = {"scale": (0, np.inf)}
    ...
    ...     def start(self, x, t):
    ...         return [abs(np.diff(x)).mean()]
    ...
    ...     def steps(self, values, x, t):
    ...         z = np.diff(x) / values[0]
    ...         score = -np.sign(z) * ndtri_exp(-abs(z) - np.log(2))
    ...         return np.stack([score, -abs(z) - np.log(2 * values[0])])
    ...
    ...     def simulate(self, values, t, start, copies, rng):
    ...         dx = rng.laplace(scale=values[0], size=(copies, len(t) - 1))
    ...         return start + np.pad(dx.cumsum(axis=1), ((0, 0), (1, 0)))
    >>> x = np.random.default_rng(0).laplace(scale=2.0, size=1000).cumsum()
    >>> found = sp.fit(x, models=["wiener", "ou", "levy", Laplace()])
    >>> found.best.item(), round(found.laplace_scale.item(), 1)
    ('laplace', 1.9)
    """

    name: str
    """As it is given to ``fit`` and stands in its results."""
    sentence: str
    """What it is, as in "a Wiener process under measurement noise"."""
    coefficients: Mapping[str, Quantity]
    """In the order of ``Estimates.values``; {x} and {t} in a unit stand for those of the series."""
    bounds: Mapping[str, tuple[float, float]] = MappingProxyType({})
    """Open ranges of coefficients, of a model that is fitted numerically."""
    needs_even: bool = True
    """Whether it needs evenly spaced points without gaps."""
    goes_on: bool = False
    """Whether the process exists beyond the ends of the range that is searched: an estimate at an
    end may then be the best further on, and counts as not compared. Others are ruled out there."""
    fewest: int = FEWEST
    """Least number of increments; with fewer than 50 no model is chosen at all."""
    without_interval: tuple[str, ...] = ()
    """Coefficients that have no interval."""
    asked: float = 1.0
    """Factor by which it must be more likely than others beyond BIC: where a coefficient that is
    not there, a root or a border, gains more likelihood than BIC takes away."""
    has_own_steps: bool = False
    """Whether it is a walk with steps of a law of its own, which may be the best by that law alone:
    whether they lead back to a mean, as in no walk, is then tested."""
    not_tested: tuple[str, ...] = ()
    """Tests of residuals that its own residuals do not pass, and that are not made."""

    def start(self, x: np.ndarray, t: np.ndarray) -> Any:
        """Coefficients of one series (point,) at which a numerical search begins."""
        raise InputError(f"the model {self.name!r} has neither start() nor fit()")

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series (series, point), float64, at times (point,)."""
        from sgdphys.dynamics.models.numerical import fit_one

        found = no_estimates(len(x), len(self.coefficients), len(self.coefficients))
        for row, of_row in enumerate(x):
            values, low, high, likelihood = fit_one(self, of_row, t, confidence)
            found.values[row], found.low[row], found.high[row] = values, low, high
            found.log_likelihood[row] = likelihood
        return found

    @abstractmethod
    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """One-step residuals and log densities of one series (point,): (2, point - 1).

        A residual is the normal score of the probability transform of a point given all points
        before it: under the model, residuals are independent standard normal numbers.
        """

    def many_steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """``steps`` of series (series, point): (2, series, point - 1)."""
        found = [self.steps(v, row, t) for v, row in zip(values, x, strict=True)]
        return np.stack(found, axis=1)

    @abstractmethod
    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Independent paths (copies, point) at times (point,), all of them from ``start``."""

    def may_be_best(self, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Whether the model is worth a full fit, by a cheap test: bool (series,).

        The test must miss less than 1% of the series that would otherwise be named the model.
        """
        return np.ones(len(x), bool)

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Whether estimates (series, coefficient) lie at an end of the range that is searched."""
        return np.zeros(len(values), bool)

    def variable(self, coefficient: str) -> str:
        """Name of a coefficient in the results of ``fit``."""
        return f"{self.name}_{coefficient}"


def standard_normal_steps(z: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
    """Residuals with their log densities (2, point), where steps are normal."""
    log_density = -0.5 * z**2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)
    return np.stack([z, np.broadcast_to(log_density, z.shape)])


def path_of(start: float, dx: np.ndarray) -> np.ndarray:
    """Paths (copies, point) from one first point, of their increments (copies, point - 1)."""
    return start + np.pad(np.cumsum(dx, axis=1), ((0, 0), (1, 0)))


def no_estimates(series: int, coefficients: int, count: int) -> Estimates:
    """Estimates of series to which nothing was fitted, to be filled in."""
    values, low, high = (np.full((series, coefficients), np.nan) for _ in range(3))
    return Estimates(values, low, high, np.full(series, np.nan), np.full(series, count))
