"""Means over replicas of a scan, their errors, and their bootstrap."""

import numpy as np

from sgdphys.draws import bootstrap_draws, stream


def means_with_errors(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over replicas (size, control) and their standard errors.

    Parameters
    ----------
    values : array (size, control, replica)
        NaN where a sample is missing.

    Notes
    -----
    Few replicas may agree by chance, as in a row of successes, and would have no error. So the
    variance is a mean of a point (twice) and its neighbours in the scan, and at least that of the
    most variable point of its size, over the number of replicas. NaN for fewer than 2 replicas.
    """
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    with np.errstate(all="ignore"):
        mean = np.where(finite, values, 0.0).sum(axis=-1) / count
        square = np.where(finite, (values - mean[..., None]) ** 2, 0.0).sum(axis=-1)
        variance = np.where(count > 1, square / (count - 1), np.nan)
        padded = np.pad(variance, ((0, 0), (1, 1)), constant_values=np.nan)
        parts = np.stack([padded[:, :-2], variance, variance, padded[:, 2:]])
        known = np.isfinite(parts)
        smooth = np.where(known, parts, 0.0).sum(axis=0) / known.sum(axis=0)
        most = np.where(np.isfinite(smooth), smooth, 0.0).max(axis=1, keepdims=True)
        error = np.sqrt(np.maximum(smooth, most / count) / count)
    has_error = count > 1
    return np.where(has_error, mean, np.nan), np.where(has_error, error, np.nan)


def resampled(values: np.ndarray, resamples: int, seed: np.random.SeedSequence) -> np.ndarray:
    """Bootstrap of means over replicas, (resample, quantity, size, control).

    Parameters
    ----------
    values : array (quantity, size, control, replica)
    resamples : int
    seed : SeedSequence

    Notes
    -----
    The replicas of a size are drawn together at all values of the control parameter, so that
    samples that share a network along the scan stay together; sizes are independent. Deviations
    from the means are sqrt(n/(n - 1)) times as large, without which few replicas vary too little.
    """
    _, sizes, controls, replicas = values.shape
    means = np.empty((resamples, len(values), sizes, controls))
    for size in range(sizes):
        draws = bootstrap_draws(replicas, stream(seed, size), resamples)
        part = values[:, size].reshape(-1, replicas)
        finite = np.isfinite(part)
        kept = np.where(finite, part, 0.0)
        count = finite.sum(axis=1)
        with np.errstate(all="ignore"):
            if finite.all():
                drawn = draws @ kept.T / replicas
            else:
                drawn = (draws @ kept.T) / (draws @ finite.T.astype(np.float64))
            mean = kept.sum(axis=1) / count
            wider = mean + (drawn - mean) * np.sqrt(count / (count - 1))
        wider = np.where(np.isfinite(wider), wider, mean)
        means[:, :, size] = wider.reshape(resamples, len(values), controls)
    return means
