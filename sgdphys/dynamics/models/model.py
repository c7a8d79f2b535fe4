"""What a model of diffusion is: coefficients, likelihood, simulation."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from sgdphys.glossary import Quantity


class Estimates(NamedTuple):
    """Maximum-likelihood coefficients of many series."""

    values: np.ndarray
    """(series, coefficient); NaN throughout for a series to which the model cannot be fitted."""
    low: np.ndarray
    high: np.ndarray
    """Ends of the intervals, (series, coefficient); NaN where there is none."""
    log_likelihood: np.ndarray
    """(series,) of all points but the first, given the first."""
    count: np.ndarray
    """(series,) number of coefficients that were fitted, for BIC."""


class Model(ABC):
    """A stochastic process that ``fit`` compares with others.

    A model of one's own is a subclass with a name, coefficients, and the three methods; see
    docs/models.md. Series have no missing points. Every likelihood is that of all points but the
    first, given the first, so that the likelihoods of models can be compared.
    """

    name: str
    """As it is given to ``fit`` and stands in its results."""
    sentence: str
    """What it is, as in "a Wiener process under measurement noise"."""
    coefficients: Mapping[str, Quantity]
    """In the order of ``Estimates.values``; {x} and {t} in a unit stand for those of the series."""
    needs_even: bool = True
    """Whether it needs evenly spaced points without gaps."""
    fewest: int = 50
    """Least number of increments."""

    @abstractmethod
    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Fit series (series, point), float64, at times (point,)."""

    @abstractmethod
    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """One-step residuals and log densities of one series (point,): (2, point - 1).

        A residual is the normal score of the probability transform of a point given all points
        before it: under the model, residuals are independent standard normal numbers.
        """

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
