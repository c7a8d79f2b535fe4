"""Binder cumulants of one size along a control parameter: a smooth curve, and draws of it.

Kriging (Gaussian-process regression) in units of the width of the transition: between points that
lie far apart on that scale, as where a scan is coarse for a large size, draws differ by what the
scan leaves open. Rasmussen and Williams (2006), "Gaussian processes for machine learning", chapter
2; draws by Matheron's rule, Journel and Huijbregts (1978), "Mining geostatistics", chapter 7.
"""

import numpy as np

from sgdphys.transitions.samples import Samples

FEWEST_CONTROLS = 4
_ROUGHNESS, _LENGTH = 1.0, 1.5
"""Prior deviation of a curve from a straight line, and its length in widths of the transition."""
_LINE = 10.0
"""Prior standard deviation of the straight line: wide enough to leave it free."""
_ITERATIONS = 10


class Curve:
    """-log(e + 1/n) of one size along the control parameter, e = 2 - 3 U: it rises with U."""

    def __init__(self, samples: Samples, drawn: np.ndarray, k: int, least: float) -> None:
        control, excess = samples.controls[k], drawn[:, k]
        known = np.isfinite(control) & np.isfinite(excess[0])
        self.control, excess = control[known], excess[:, known]
        excess = np.where(np.isfinite(excess), excess, excess[0])
        self.values = -np.log(excess + least)
        # members that all agree, or all but one, spread less than one more would
        members = np.isfinite(samples.values[k]).sum(axis=-1)[known]
        floor = np.hypot(1 / (1 + members * excess[0]), excess[0] / members)
        self.error = np.hypot(self.values[1:].std(axis=0), floor)

    @property
    def is_usable(self) -> bool:
        """Whether it has enough points for a slope and crossings."""
        return len(self.control) >= FEWEST_CONTROLS

    def at(self, control: np.ndarray) -> np.ndarray:
        """Values at values of the control parameter, on straight lines."""
        return np.stack([np.interp(control, self.control, v) for v in self.values])

    def slope(self, centre: float, width: float) -> float:
        """Slope at a centre."""
        u = (self.control - centre) / width
        near = np.array([-0.1, 0.1])
        gain = np.linalg.solve(_prior(u, u) + np.diag(self.error**2), _prior(u, near))
        low, high = self.values[0] @ gain
        return float((high - low) / (0.2 * width))

    def smooth(
        self, grid: np.ndarray, centre: float, width: float, generator: np.random.Generator
    ) -> np.ndarray:
        """Draws of the curve (1 + resample, grid), by kriging; the estimate first."""
        u = (np.concatenate([self.control, grid]) - centre) / width
        count = len(self.control)
        prior = _prior(u, u, line=0.0)
        root = np.linalg.cholesky(prior + 1e-8 * np.eye(len(u)))
        own = generator.standard_normal((len(self.values), len(u))) @ root.T
        own[0] = 0.0
        known = u[:count]
        gain = np.linalg.solve(
            _prior(known, known) + np.diag(self.error**2), _prior(known, u[count:])
        )
        return own[:, count:] + (self.values - own[:, :count]) @ gain


def _prior(u: np.ndarray, v: np.ndarray, line: float = _LINE) -> np.ndarray:
    """Prior covariance of a curve at distances in widths of the transition."""
    bend = _ROUGHNESS**2 * np.exp(-((u[:, None] - v) ** 2) / (2 * _LENGTH**2))
    return bend + line**2 * (1 + u[:, None] * v)


def widths(curves: list[Curve], sizes: np.ndarray, centre: float) -> np.ndarray:
    """Widths of the transition, 1 over the slopes of the curves: a power of the size."""
    from scipy.stats import theilslopes

    used = [k for k, c in enumerate(curves) if c.is_usable]
    log_size = np.log(sizes)
    start = [np.ptp(curves[k].control) / max(np.ptp(curves[k].values[0]), 1e-3) for k in used]
    width = np.full(len(sizes), np.median(start))
    for _ in range(_ITERATIONS):
        slope = np.abs([curves[k].slope(centre, width[k]) for k in used]) + 1e-12
        power, constant, *_ = theilslopes(np.log(slope), log_size[used])
        width = np.exp(-constant - power * log_size)
    return width
