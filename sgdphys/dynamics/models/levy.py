"""Levy flight: independent symmetric stable increments."""

import numpy as np
from scipy.special import ndtri_exp

from sgdphys.dynamics.diffusion.stable_law import evaluate, log_rows, table
from sgdphys.dynamics.diffusion.tail_index import at_lower_end, levy_columns, levy_columns_of_path
from sgdphys.dynamics.models.model import Estimates, Model, no_estimates, path_of
from sgdphys.dynamics.status import takes_few_values
from sgdphys.dynamics.stretches import increments, is_long
from sgdphys.glossary import GLOSSARY
from sgdphys.processes.stable import stable_noise


class Levy(Model):
    """Stable increments of equal times, as ``fit_levy``.

    Increments of few distinct values are not stable: the model is then ruled out.
    """

    name = "levy"
    has_own_steps = True
    sentence = "a Levy flight"
    coefficients = {
        "tail_index": GLOSSARY["tail_index"],
        "drift": GLOSSARY["drift"],
        "scale": GLOSSARY["scale"],
    }
    goes_on = True
    without_interval = ("scale",)
    not_tested = ("nonlinear_drift",)

    def fit(self, x: np.ndarray, t: np.ndarray, confidence: float) -> Estimates:
        """Maximum likelihood by interpolated densities."""
        found = no_estimates(len(x), 3, 3)
        spacing = (t[-1] - t[0]) / (len(t) - 1)
        dx = increments(x)
        rows = np.flatnonzero(~takes_few_values(dx))
        if is_long(len(t) - 1):
            columns = np.array([levy_columns_of_path(x[row], confidence) for row in rows])
        else:
            columns = levy_columns(dx[rows], confidence)
        index, low, high, location, scale, likelihood = columns.reshape(-1, 6).T
        found.values[rows] = np.column_stack([index, location / spacing, scale])
        found.low[rows, 0], found.high[rows, 0] = low, high
        found.log_likelihood[rows] = likelihood
        return found

    def steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Normal scores of the increments."""
        return self.many_steps(values[None], x[None], t)[:, 0]

    def many_steps(self, values: np.ndarray, x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """All series at once."""
        dx = np.diff(x, axis=1)
        location = values[:, 1:2] * (t[-1] - t[0]) / (len(t) - 1)
        out = np.empty((*dx.shape, 2))
        for row, (index, _, scale) in enumerate(values):
            evaluate(table().step, *log_rows(index), dx[row], location[row, 0], scale, out[row])
        z = -np.sign(dx - location) * ndtri_exp(np.minimum(out[..., 1], np.log(0.5)))
        return np.stack([z, out[..., 0]])

    def simulate(
        self,
        values: np.ndarray,
        t: np.ndarray,
        start: float,
        copies: int,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Exact increments."""
        index, drift, scale = values
        location = drift * (t[-1] - t[0]) / (len(t) - 1)
        dx = location + scale * stable_noise(rng, float(index), (copies, len(t) - 1))
        return path_of(start, dx)

    def at_end_of_range(self, values: np.ndarray) -> np.ndarray:
        """Whether the index is the smallest that is compared."""
        return at_lower_end(values[:, 0])

    def variable(self, coefficient: str) -> str:
        """Its index carries a plain name."""
        return coefficient if coefficient == "tail_index" else f"levy_{coefficient}"
