"""Likelihood of a diffusion in a double well: expansion in the time between points.

With drift f and constant diffusion D, the density of a step from x to y in a time h is that of a
Wiener process, times exp((1/2D) int_x^y f), times the mean of exp(-int V) over Brownian bridges
from x to y, where V = f**2/(4 D) + f'/2. Its logarithm is expanded to h**3:

    - h int V - h**2 D int s (1 - s) V'' - h**3 (D**2/60 V'''' - D/12 V'**2),

the integrals over the straight line from x to y. As f is a polynomial, sums of powers of the points
are all that the likelihood needs of a series.

References
----------
Dacunha-Castelle and Florens-Zmirou (1986), Stochastics 19, 263, for the bridge; Ait-Sahalia (2002),
Econometrica 70, 223, for expansions of the likelihood.
"""

import numpy as np

from sgdphys.compiling import compiled

CENTER, WIDTH, BARRIER, DIFFUSION = range(4)
"""Places of centre, and logarithms of half-width, barrier and diffusion."""
FIRST, SECOND, THIRD, FOURTH, PLAIN = 0, 7, 12, 15, 26
"""Places of the sums of powers of ``power_sums``; then of four that stand alone."""
SUMS = 32
NODES = 4
TAIL = 8.0
"""Deviations of a step over which its density is integrated."""
_BOX = (np.log(1e-3), np.log(100.0))
"""Range of the logarithm of barrier over diffusion that is searched."""
_STEP = 1e-3
_FLAT = 1e-4
"""Damping of a Hessian that may be singular, as at the end of the range."""


@compiled
def power_sums(x, t, nodes, weights, out):
    """Sums over the steps of a series, into out (32,): all that its likelihood needs.

    Parameters
    ----------
    nodes, weights : (4,)
        Of Gauss and Legendre, between 0 and 1.
    """
    for j in range(out.shape[0]):
        out[j] = 0.0
    for k in range(x.shape[0] - 1):
        h = t[k + 1] - t[k]
        d = x[k + 1] - x[k]
        for i in range(nodes.shape[0]):
            s = nodes[i]
            y = x[k] + s * d
            first = h * weights[i]
            second = h * first * s * (1.0 - s)
            third = h * second * s * (1.0 - s)
            power = 1.0
            for j in range(7):
                out[FIRST + j] += first * power
                if j < 5:
                    out[SECOND + j] += second * power
                if j < 3:
                    out[THIRD + j] += third * power
                power *= y
        y = x[k] + 0.5 * d
        power = h * h * h
        for j in range(11):
            out[FOURTH + j] += power
            power *= y
        out[PLAIN] += d * d / h
        out[PLAIN + 1] += np.log(h)
    out[PLAIN + 2] = x.shape[0] - 1
    out[PLAIN + 3] = x[0]
    out[PLAIN + 4] = x[x.shape[0] - 1]


@compiled
def _primitive(f, x):
    """Integral of a cubic polynomial from 0 to x."""
    return x * (f[0] + x * (f[1] / 2 + x * (f[2] / 3 + x * f[3] / 4)))


@compiled
def drift_of(q, f):
    """Coefficients of the drift, into f (4,), from lowest to highest power."""
    c = q[CENTER]
    squared = np.exp(2 * q[WIDTH])
    linear = 4 * np.exp(q[BARRIER]) / squared
    cubic = linear / squared
    f[0] = -linear * c + cubic * c * c * c
    f[1] = linear - 3 * cubic * c * c
    f[2] = 3 * cubic * c
    f[3] = -cubic


@compiled
def potential_of(f, diffusion, v):
    """Coefficients of V, into v (7,)."""
    for j in range(7):
        v[j] = 0.0
    for j in range(4):
        for i in range(4):
            v[i + j] += f[i] * f[j] / (4 * diffusion)
        if j > 0:
            v[j - 1] += 0.5 * j * f[j]


@compiled
def log_likelihood(q, sums, work, order):
    """Log-likelihood given the first point, at ``order`` 2 or 3 of the expansion.

    Parameters
    ----------
    q : (4,)
        Centre, and logarithms of half-width, barrier and diffusion.
    sums : (32,)
        Of ``power_sums``.
    work : (22,)
        Space for polynomials.
    """
    f, v, squared = work[:4], work[4:11], work[11:22]
    diffusion = np.exp(q[DIFFUSION])
    drift_of(q, f)
    potential_of(f, diffusion, v)
    n = sums[PLAIN + 2]
    value = -0.5 * (n * np.log(4 * np.pi * diffusion) + sums[PLAIN + 1])
    value -= sums[PLAIN] / (4 * diffusion)
    value += (_primitive(f, sums[PLAIN + 4]) - _primitive(f, sums[PLAIN + 3])) / (2 * diffusion)
    for j in range(7):
        value -= v[j] * sums[FIRST + j]
    for j in range(5):
        value -= diffusion * (j + 1) * (j + 2) * v[j + 2] * sums[SECOND + j]
    if order < 3:
        return value
    for j in range(3):
        fourth = (j + 1) * (j + 2) * (j + 3) * (j + 4) * v[j + 4]
        value -= 0.5 * diffusion**2 * fourth * sums[THIRD + j]
    for j in range(11):
        squared[j] = 0.0
    for j in range(6):
        for i in range(6):
            squared[i + j] += (i + 1) * (j + 1) * v[i + 1] * v[j + 1]
    for j in range(11):
        value += diffusion / 12 * squared[j] * sums[FOURTH + j]
    return value


@compiled
def log_density(x, y, h, f, v, diffusion, nodes, weights):
    """Logarithm of the density of one step from x to y in a time h."""
    d = y - x
    value = -0.5 * np.log(4 * np.pi * diffusion * h) - d * d / (4 * diffusion * h)
    value += (_primitive(f, y) - _primitive(f, x)) / (2 * diffusion)
    for i in range(nodes.shape[0]):
        s = nodes[i]
        z = x + s * d
        plain = second = fourth = 0.0
        for k in range(7):
            j = 6 - k
            plain = plain * z + v[j]
            if j > 1:
                second = second * z + j * (j - 1) * v[j]
            if j > 3:
                fourth = fourth * z + j * (j - 1) * (j - 2) * (j - 3) * v[j]
        bridge = diffusion * h * s * (1.0 - s)
        value -= h * weights[i] * (plain + bridge * (second + 0.5 * bridge * fourth))
    z = x + 0.5 * d
    slope = 0.0
    for k in range(6):
        j = 6 - k
        slope = slope * z + j * v[j]
    return value + diffusion / 12 * h * h * h * slope * slope


@compiled
def _curvature(q, fixed, sums, work, order, gradient, hessian):
    """Gradient and Hessian of the log-likelihood by differences; a fixed coordinate stays."""
    centre = log_likelihood(q, sums, work, order)
    for i in range(4):
        for j in range(i, 4):
            a, b = q[i], q[j]
            first = second = 0.0
            # one call of the likelihood only, which would be compiled into every place of a call
            for corner in range(2 if i == j else 4):
                u, w = 2.0 * (corner % 2) - 1.0, 2.0 * (corner // 2) - 1.0
                q[j] = b + w * _STEP
                q[i] = a + u * _STEP
                value = log_likelihood(q, sums, work, order)
                q[j] = b
                q[i] = a
                first += u * value
                second += value if i == j else u * w * value
            if i == j:
                gradient[i] = first / (2 * _STEP)
                hessian[i, i] = (second - 2 * centre) / _STEP**2
            else:
                hessian[i, j] = second / (4 * _STEP**2)
                hessian[j, i] = hessian[i, j]
    if fixed >= 0:
        gradient[fixed] = 0.0
        for j in range(4):
            hessian[fixed, j] = 0.0
            hessian[j, fixed] = 0.0
        hessian[fixed, fixed] = -1.0
    return centre


@compiled
def _solve(hessian, gradient, damping, root, step):
    """Solve (damped -H) step = gradient by Cholesky's method; False where that is not positive."""
    for i in range(4):
        for j in range(i + 1):
            value = -hessian[i, j]
            if i == j:
                value += damping * (abs(hessian[i, i]) + 1.0)
            for k in range(j):
                value -= root[i, k] * root[j, k]
            if i == j:
                if not value > 0.0:
                    return False
                root[i, i] = np.sqrt(value)
            else:
                root[i, j] = value / root[j, j]
    for i in range(4):
        value = gradient[i]
        for k in range(i):
            value -= root[i, k] * step[k]
        step[i] = value / root[i, i]
    for i in range(3, -1, -1):
        value = step[i]
        for k in range(i + 1, 4):
            value -= root[k, i] * step[k]
        step[i] = value / root[i, i]
    return True


@compiled
def maximise(q, fixed, sums, space, order):
    """Maximise the log-likelihood by damped Newton steps from q, and leave the maximum in it.

    Parameters
    ----------
    fixed : int
        Coordinate that stays; -1 for none.
    space : (12, 22)
        Work space.
    """
    work, gradient, step, trial = space[0], space[1, :4], space[2, :4], space[3, :4]
    hessian, root = space[4:8, :4], space[8:12, :4]
    damping = 1e-3
    value = -np.inf
    for _ in range(60):
        value = _curvature(q, fixed, sums, work, order, gradient, hessian)
        if not np.isfinite(value):
            return -np.inf
        gained = 0.0
        for _ in range(12):
            if _solve(hessian, gradient, damping, root, step):
                largest = 0.0
                for j in range(4):
                    largest = max(largest, abs(step[j]))
                shrink = min(1.0, 0.7 / largest) if largest > 0.0 else 1.0
                for j in range(4):
                    trial[j] = q[j] + shrink * step[j]
                depth = trial[BARRIER] - trial[DIFFUSION]
                if _BOX[0] <= depth <= _BOX[1] and abs(trial[WIDTH]) < 4.0:
                    new = log_likelihood(trial, sums, work, order)
                    if new > value:
                        gained = new - value
                        for j in range(4):
                            q[j] = trial[j]
                        damping = max(0.2 * damping, 1e-9)
                        break
            damping *= 6.0
        if gained < 1e-7:
            break
    return value + gained


@compiled
def at_border(depth):
    """Whether a logarithm of barrier over diffusion is next to the end of its range."""
    return depth < _BOX[0] + 0.3 or depth > _BOX[1] - 0.3


@compiled
def profile_end(best, top, fixed, side, allowed, sums, space, q):
    """Value of one coordinate at which the profile log-likelihood is ``allowed`` below its top.

    Infinite (with the sign of ``side``) where that is beyond the range that is searched.

    Parameters
    ----------
    best : (4,)
        Place of the top.
    q : (4,)
        Work space.
    """
    hessian = space[4:8, :4]
    _curvature(best, -1, sums, space[0], 3, space[1, :4], hessian)
    width = np.sqrt(2 * allowed / max(-hessian[fixed, fixed], 1e-3))
    inside, outside = 0.0, 0.0
    f_inside, f_outside = np.sqrt(allowed), -1.0
    far = width
    for j in range(4):
        q[j] = best[j]
    for _ in range(14):
        q[fixed] = best[fixed] + side * far
        value = maximise(q, fixed, sums, space, 3)
        if not np.isfinite(value) or (fixed != DIFFUSION and at_border(q[BARRIER] - q[DIFFUSION])):
            return side * np.inf
        fall = np.sqrt(allowed) - np.sqrt(max(top - value, 0.0))
        if fall <= 0.0:
            outside, f_outside = far, fall
            break
        inside, f_inside = far, fall
        far *= 1.6
    else:
        return side * np.inf
    for _ in range(12):
        if outside - inside < 1e-3 * outside:
            break
        share = min(max(f_inside / (f_inside - f_outside), 0.05), 0.95)
        far = inside + share * (outside - inside)
        q[fixed] = best[fixed] + side * far
        value = maximise(q, fixed, sums, space, 3)
        if not np.isfinite(value) or (fixed != DIFFUSION and at_border(q[BARRIER] - q[DIFFUSION])):
            return side * np.inf
        fall = np.sqrt(allowed) - np.sqrt(max(top - value, 0.0))
        if fall <= 0.0:
            outside, f_outside = far, fall
        else:
            inside, f_inside = far, fall
    return best[fixed] + side * (inside + (outside - inside) * f_inside / (f_inside - f_outside))


@compiled
def score_of_last_term(best, sums, space):
    """Largest shift of a coordinate by the last term of the expansion, in standard errors."""
    work, without, shift = space[0], space[1, :4], space[2, :4]
    hessian, root = space[4:8, :4], space[8:12, :4]
    _curvature(best, -1, sums, work, 2, without, hessian)
    _curvature(best, -1, sums, work, 3, shift, hessian)
    # at the maximum the gradient of the whole is 0
    if not _solve(hessian, without, _FLAT, root, shift):
        return np.inf
    largest = 0.0
    for i in range(4):
        # variance of this coordinate: element of the inverse Hessian
        for j in range(4):
            without[j] = 1.0 if i == j else 0.0
        moved = shift[i]
        if _solve(hessian, without, _FLAT, root, space[3, :4]):
            largest = max(largest, abs(moved) / np.sqrt(space[3, i]))
    return largest


@compiled
def fit_standardised(x, t, nodes, weights, starts, allowed, sums, space, q, out):
    """Fit standardised series (series, point): fills out (series, 14).

    Place of the maximum, lower ends, upper ends of the four coordinates; log-likelihood; standard
    errors by which the last term of the expansion moves them.
    """
    for s in range(x.shape[0]):
        power_sums(x[s], t, nodes, weights, sums)
        n = sums[PLAIN + 2]
        best = out[s, :4]
        top = -np.inf
        for k in range(starts.shape[0] + 1):
            # without its last term the expansion has no false maxima
            is_last = k == starts.shape[0]
            if is_last:
                for j in range(4):
                    q[j] = best[j]
            else:
                q[DIFFUSION] = np.log(0.5 * sums[PLAIN] / n)
                q[CENTER] = starts[k, 0]
                q[WIDTH] = starts[k, 1]
                q[BARRIER] = q[DIFFUSION] + starts[k, 2]
            value = maximise(q, -1, sums, space, 3 if is_last else 2)
            if value > top or is_last:
                top = value
                for j in range(4):
                    best[j] = q[j]
        out[s, 12] = top
        if not np.isfinite(top):
            continue
        out[s, 13] = score_of_last_term(best, sums, space)
        for j in range(4):
            for side in range(2):
                out[s, 4 + 4 * side + j] = profile_end(
                    best, top, j, 2.0 * side - 1.0, allowed, sums, space, q
                )


@compiled
def integrate(x, t, f, v, diffusion, nodes, weights, grid, parts, out):
    """Fill out (2, step): logarithm of the odds below a point, and of the density there."""
    for k in range(x.shape[0] - 1):
        h = t[k + 1] - t[k]
        reach = TAIL * np.sqrt(2 * diffusion * h)
        here = log_density(x[k], x[k + 1], h, f, v, diffusion, nodes, weights)
        for side in range(2):
            total = 0.0
            sign = 2.0 * side - 1.0
            length = reach + max(sign * (x[k] - x[k + 1]), 0.0)
            for i in range(grid.shape[0]):
                y = x[k + 1] + sign * length * grid[i]
                value = log_density(x[k], y, h, f, v, diffusion, nodes, weights)
                total += parts[i] * np.exp(min(value - here, 300.0))
            out[side, k] = np.log(max(total, 1e-300) * length) + here
        out[2, k] = here
