"""Quality S of a data collapse, after Houdayer and Hartmann."""

import numpy as np

from sgdphys.compiling import compiled


def collapse_quality(
    x: np.ndarray, y: np.ndarray, error: np.ndarray, first: np.ndarray
) -> tuple[float, int]:
    """Quality S of a collapse, and the number of points that it rests on.

    Parameters
    ----------
    x, y, error : array (point,)
        Scaled control and order parameters with standard errors, size after size, x ascending
        within each.
    first : int array (size + 1,)
        Index of the first point of each size, and the number of points.

    Notes
    -----
    S = mean of (y - Y)**2/(error**2 + dY**2), Y +- dY the weighted straight line through the two
    neighbours, one on either side, that each of the other sizes has. S is about 1 where the points
    lie on one curve within their errors; points without neighbours are left out.

    References
    ----------
    Houdayer and Hartmann (2004), Phys. Rev. B 70, 014418, appendix A.
    """
    total, used = _quality(x, y, 1 / error**2, first)
    return (total / used if used else np.inf), int(used)


@compiled
def _quality(x, y, weight, first):  # type: ignore[no-untyped-def]
    total = 0.0
    used = 0
    sizes = len(first) - 1
    for i in range(sizes):
        for j in range(first[i], first[i + 1]):
            k0 = kx = kxx = ky = kxy = 0.0
            for other in range(sizes):
                low, high = first[other], first[other + 1]
                if other == i or high - low < 2 or x[j] < x[low] or x[j] > x[high - 1]:
                    continue
                left, right = low, high - 1
                while right - left > 1:
                    middle = (left + right) // 2
                    if x[middle] <= x[j]:
                        left = middle
                    else:
                        right = middle
                for n in (left, right):
                    d = x[n] - x[j]
                    w = weight[n]
                    k0 += w
                    kx += w * d
                    kxx += w * d * d
                    ky += w * y[n]
                    kxy += w * d * y[n]
            scale = k0 * kxx - kx * kx
            if k0 > 0 and scale > 1e-12 * k0 * kxx:
                expected = (kxx * ky - kx * kxy) / scale
                variance = kxx / scale + 1 / weight[j]
                total += (y[j] - expected) ** 2 / variance
                used += 1
    return total, used
