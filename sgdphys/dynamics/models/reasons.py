"""Why a model was chosen for a series or rejected: effect sizes, and a reason in words."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sgdphys.dynamics.models.residual_tests import LAGS, explained
from sgdphys.dynamics.models.rivals import RIVALS
from sgdphys.status import OK, REASONS, TABLE, Reason

EFFECTS = (
    "kurtosis",
    "skewness",
    "lag",
    "correlation",
    "ratio_in_time",
    "ratio_in_level",
    "ratio_off_centre",
    "size_correlation",
    "explained",
)
"""Columns of ``effects``."""
CLOSE = 20.0
"""Odds over the next model up to which the two cannot be told apart."""
REJECT_BELOW = 0.01
"""Level, after Holm, at which residuals reject a model; 1 over the Bayes factor of a rival."""
_MANY = 1e6
_TWICE = (1.7, 2.4)
"""Ratios that are about 2."""
_ERRORS = 2.0
"""Standard errors from which on skewness or kurtosis is named."""


def effects(z: np.ndarray, level: np.ndarray) -> np.ndarray:
    """How far residuals are from independent normal numbers: (series, effect), as ``EFFECTS``.

    Parameters
    ----------
    z : (series, point)
        Residuals.
    level : (series, point)
        Path before each of them.

    Returns
    -------
    (series, effect)
        Excess kurtosis and skewness; the lag up to 20 of the largest autocorrelation, and this;
        mean squares of the second half over those of the first, of the half with higher levels over
        the other, and of the half with levels far from their median over the other; autocorrelation
        of the sizes at lag 1; and by how many percent of the residuals' variance the square and the
        cube of the level explain more than they do by chance.
    """
    n = z.shape[1]
    c = z - z.mean(axis=1, keepdims=True)
    square = c * c
    variance = _positive(square.mean(axis=1))
    kurtosis = np.einsum("sp,sp->s", square, square) / n / variance**2 - 3
    skewness = np.einsum("sp,sp->s", square, c) / n / variance**1.5
    lags = range(1, min(LAGS, n // 5) + 1)
    r = np.stack([np.einsum("sp,sp->s", c[:, k:], c[:, :-k]) for k in lags], axis=1)
    r /= n * variance[:, None]
    largest = np.abs(r).argmax(axis=1)
    far = np.abs(level - np.median(level, axis=1, keepdims=True))
    late = np.broadcast_to(np.arange(n) * 1.0, z.shape)
    ratios = [_ratio(z * z, by) for by in (late, level, far)]
    size = np.abs(z) - np.abs(z).mean(axis=1, keepdims=True)
    of_sizes = np.einsum("sp,sp->s", size[:, 1:], size[:, :-1])
    of_sizes = of_sizes / _positive(np.einsum("sp,sp->s", size, size))
    middle = level - level.mean(axis=1, keepdims=True)
    unit = middle / _positive(np.abs(middle).max(axis=1))[:, None]
    bent = unit * unit
    share = explained(z, [unit], [bent, bent * unit]) / n
    percent = 100 * np.maximum(share - 2 / n, 0.0)
    return np.column_stack(
        [kurtosis, skewness, largest + 1, r[np.arange(len(z)), largest], *ratios, of_sizes, percent]
    )


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, np.inf)


def _ratio(squares: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Mean of squares where a quantity is above its median, over that of the others."""
    above = (by > np.median(by, axis=1, keepdims=True)).astype(float)
    number = above.sum(axis=1)
    high = np.einsum("sp,sp->s", above, squares)
    low = np.maximum(squares.sum(axis=1) - high, 0.0)
    return high / np.maximum(number, 1) / _positive(low / np.maximum(by.shape[1] - number, 1))


def reason(
    *,
    best: str,
    candidate: str,
    p_values: Mapping[str, float],
    found: Mapping[str, float],
    count: int,
    nearest: str = "",
    on_stretch: str = "",
    odds: float = np.nan,
    left_out: str = "",
    status: int = OK,
) -> str:
    """Why a series has the model that it has, or none: one sentence, and what to do in a second.

    Parameters
    ----------
    best, candidate, nearest : str
        As ``fit`` returns them.
    on_stretch : str
        A model that gaps leave out, if it is better on the longest stretch without them.
    p_values : mapping
        By test and rival, NaN for those that were not made.
    found : mapping
        ``effects`` by name, of the residuals of the candidate.
    count : int
        Increments.
    odds : float
        By how much the candidate is more likely than the nearest model.
    left_out : str
        Models that could not be compared.
    status : int
        As ``status.TABLE`` numbers it.

    Notes
    -----
    Of a rejected candidate everything that rejects it is named, the smallest p-value first, and
    what to do about the first. Tails come last: variance that changes makes heavy ones. Tests of
    residuals reject together at 1%, after Holm.
    """
    if not candidate:
        return _sentence(TABLE[status].sentence) if status != OK else ""
    numbers: dict[str, str | float] = {
        "candidate": candidate,
        "nearest": nearest,
        "odds": said_odds(odds),
        "models": left_out,
        "on_stretch": on_stretch,
    }
    said = [
        _filled(REASONS[key], {**numbers, **found, **more})
        for key, more in _rejections(p_values, found, count)
    ]
    if said:
        if left_out:
            said.append(_filled(REASONS["left_out"], numbers))
    elif on_stretch:
        said = [_filled(REASONS["on_stretch"], numbers)]
    elif nearest and odds < CLOSE:
        said = [_filled(REASONS["close"], numbers)]
    else:
        said = [_filled(REASONS["clear" if nearest else "alone"], numbers)]
    if best == candidate and status != OK:
        return _sentence(TABLE[status].sentence)
    return f"{_sentence('; '.join(one.what for one in said))} {_sentence(said[0].then)}"


def rejected_by(p_values: Mapping[str, float], found: Mapping[str, float], count: int) -> str:
    """Key in ``status.REASONS`` of what rejects a candidate most strongly; empty if nothing."""
    rejecting = _rejections(p_values, found, count)
    return rejecting[0][0] if rejecting else ""


def _rejections(
    p_values: Mapping[str, float], found: Mapping[str, float], count: int
) -> list[tuple[str, dict[str, str | float]]]:
    """What rejects a candidate, as keys of ``REASONS`` with further numbers, strongest first."""
    tests = {k: v for k, v in p_values.items() if k in _OF_TEST and v == v}
    rejecting: list[tuple[float, str, dict[str, str | float]]] = []
    made = len(tests)
    for k, (test, p_value) in enumerate(sorted(tests.items(), key=lambda item: item[1])):
        if p_value * (made - k) >= REJECT_BELOW:
            break
        key, numbers = _OF_TEST[test](found, count)
        rejecting.append((p_value, key, numbers))
    for rival in RIVALS:
        p_value = p_values.get(rival, np.nan)
        if p_value < REJECT_BELOW:
            odds = 1 / max(p_value, 1e-300)
            rejecting.append((p_value, rival, {"odds": said_odds(odds)}))
    rejecting.sort(key=lambda one: (one[1] in _OF_TAILS, one[0]))
    return [(key, numbers) for _, key, numbers in rejecting]


def _of_normality(found: Mapping[str, float], count: int) -> tuple[str, dict[str, str | float]]:
    kurtosis = found["kurtosis"] / np.sqrt(24 / count)
    skewness = found["skewness"] / np.sqrt(6 / count)
    if max(abs(kurtosis), abs(skewness)) < _ERRORS:
        return "not_normal", {}
    if abs(skewness) > abs(kurtosis):
        return "skewed", {}
    return ("heavy_tails" if kurtosis > 0 else "light_tails"), {}


def _of_variance(found: Mapping[str, float], count: int) -> tuple[str, dict[str, str | float]]:
    ratios = {key: found[f"ratio_{key.removeprefix('variance_')}"] for key in _VARIANCES}
    positive = {key: abs(np.log(r)) if 0 < r < np.inf else 0.0 for key, r in ratios.items()}
    key = max(positive, key=lambda name: positive[name])
    # standard error of the logarithm of a ratio of two variances of count/2 numbers each
    if positive[key] < _ERRORS * np.sqrt(8 / count):
        return "changing_variance", {}
    return key, {"change": said_change(ratios[key])}


_OF_TAILS = ("heavy_tails", "light_tails", "skewed", "not_normal")
_VARIANCES = ("variance_in_time", "variance_in_level", "variance_off_centre")
_OF_TEST: dict[str, Callable[[Mapping[str, float], int], tuple[str, dict[str, str | float]]]] = {
    "anderson_darling": _of_normality,
    "ljung_box": lambda found, count: ("correlated", {}),
    "changing_variance": _of_variance,
    "volatility_clustering": lambda found, count: ("clustered", {}),
    "nonlinear_drift": lambda found, count: ("nonlinear_drift", {}),
    "mean_reversion": lambda found, count: ("reverts", {}),
    "sums_of_8": lambda found, count: ("unstable", {}),
}


def two_digits(value: float) -> str:
    """A number of two significant digits, written out up to a million."""
    text = f"{value:.2g}"
    return f"{float(text):,.0f}" if "e+0" in text else text


def said_change(ratio: float) -> str:
    """A ratio of variances in words: "about doubles (factor 2.1)", "is 3.1 times as large"."""
    if _TWICE[0] < ratio < _TWICE[1]:
        return f"about doubles (factor {two_digits(ratio)})"
    if _TWICE[0] < 1 / ratio < _TWICE[1]:
        return f"about halves (factor {two_digits(ratio)})"
    return f"is {two_digits(ratio)} times as large"


def said_odds(odds: float) -> str:
    """Odds in words, without more digits than they deserve."""
    if odds > _MANY:
        return "more than a million"
    return two_digits(odds) if odds < 100 else f"{float(f'{odds:.1g}'):,.0f}"


def said_stretches(models: Sequence[str], ends: Sequence[float], unit: str = "") -> str:
    """Where a model stands in time, as in "wiener until 3000 updates, then none until 9000".

    Parameters
    ----------
    models : sequence of str
        Of consecutive stretches, as ``segments`` returns them; empty ones are left out.
    ends : sequence of float
        Times at which they end.
    unit : str
        Of time, which stands after the first of them.
    """
    said: list[str] = []
    before = ""
    for model, end in zip(models, ends, strict=True):
        if model:
            again = f"{model} with other coefficients" if model == before else model
            until = f"until {end:.6g}"
            said.append(f"then {again} {until}" if said else f"{model} {until} {unit}".rstrip())
            before = model
    return ", ".join(said)


def said_lag(lag: float, spacing: float, unit: str = "") -> str:
    """From which lag on a series is a Wiener process, as in "Wiener from lag 7 on"."""
    if np.isnan(lag):
        return ""
    if np.isinf(lag):
        return "Wiener at no lag"
    if lag <= spacing * (1 + 1e-9):
        return "Wiener at every lag"
    return f"Wiener from lag {lag:.6g} {unit}".rstrip() + " on"


def _filled(reason: Reason, numbers: Mapping[str, str | float]) -> Reason:
    return reason._replace(what=reason.what.format_map(numbers))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}." if text else ""
