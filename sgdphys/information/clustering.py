"""Clustering of representations by label: distances within and between labels."""

import numpy as np

from sgdphys.errors import InputError


def distance_ratio(t: np.ndarray, y: np.ndarray) -> float:
    """Ratio of root mean square distances within labels to those between labels.

    Parameters
    ----------
    t : (sample, unit)
    y : int (sample,)

    Returns
    -------
    float
        1 if representations do not depend on the label, 0 if each label is one point; NaN if all
        samples are one point.

    Raises
    ------
    InputError
        For fewer than two labels.

    Notes
    -----
    Over all pairs, by variances: the mean squared distance within a label is twice its total
    variance; between two labels, the sum of their variances and the
    squared distance of their means.

    References
    ----------
    Goldfeld et al. (2019), "Estimating information flow in deep neural networks", section 5.
    """
    t = t.reshape(len(t), -1)  # further axes of a convolution are units
    kinds, counts = np.unique(y, return_counts=True)
    if len(kinds) < 2:
        raise InputError("distances between labels need at least two labels")
    means = np.stack([t[y == k].mean(axis=0) for k in kinds])
    variances = np.array([t[y == k].var(axis=0).sum() for k in kinds])
    pairs = counts * (counts - 1.0)
    # n/(n - 1): pairs of different samples
    within = (pairs * 2 * variances * counts / np.maximum(counts - 1, 1)).sum() / pairs.sum()
    a, b = np.triu_indices(len(kinds), 1)
    squared = variances[a] + variances[b] + ((means[a] - means[b]) ** 2).sum(axis=1)
    between = (counts[a] * counts[b] * squared).sum() / (counts[a] * counts[b]).sum()
    return float(np.sqrt(within / between)) if between > 0 else np.nan
