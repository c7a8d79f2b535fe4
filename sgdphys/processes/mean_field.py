"""Mean-field magnets by exact enumeration: Curie-Weiss (continuous) and Potts (first order)."""

import itertools
import math
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from sgdphys.arguments import checked
from sgdphys.draws import Seed
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.processes.scans import Law, enumerated

MOST_STATES = 10_000_000
"""Occupations of the Potts model that are enumerated at most: each takes 30 bytes and 20 ns."""
_COUPLING = Quantity("1", "coupling", "K", "coupling divided by the temperature")


@checked
def curie_weiss(sizes: Any, couplings: Any, *, replicas: int = 100, rng: Seed = 0) -> xr.Dataset:
    """Curie-Weiss model (mean-field Ising magnet): a continuous phase transition, drawn exactly.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of spins N, at least 2.
    couplings : sequence of float
        K = J/T, for all sizes; or (size, control), each size with its own.
    replicas : int
        Independent draws at each size and coupling.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    Dataset
        m (size, control, replica), magnetisation per spin, with the coordinates size and control.
        Exact moments of m (size, control): order = <|m|>, susceptibility = N (<m**2> - <|m|>**2)
        and binder = 1 - <m**4>/(3 <m**2>**2). Attributes: critical_point 1, exponent_control 1/2
        (the power of N that scales K - 1), exponent_order 1/4 (m at K = 1 falls as N**-1/4),
        cumulant, that of infinitely many spins at the critical point, and order_of_transition.

    Raises
    ------
    InputError
        For a size that is not a whole number of at least 2, or couplings that are not finite.

    See Also
    --------
    potts : A transition of first order.
    ising_chain : No transition.
    sgdphys.transitions.order_parameter : Estimates of the moments.

    Notes
    -----
    P(m) is proportional to binomial(N, N (1 + m)/2) exp(K N m**2/2). It is enumerated over the
    N + 1 values of m, and replicas are drawn by the inverse distribution function, so that they
    are independent. At K = 1 and large N, P(m) ~ exp(-N m**4/12), so that sqrt(N) <m**2> tends to
    sqrt(12) Gamma(3/4)/Gamma(1/4) = 1.170829 and the cumulant to 1 - Gamma(1/4)**4/(24 pi**2) =
    0.270520. Corrections are of relative order N**-1/2.

    References
    ----------
    Ellis and Newman (1978), Z. Wahrscheinlichkeitstheorie 44, 117.
    Brezin and Zinn-Justin (1985), Nucl. Phys. B 257, 867.

    Examples
    --------
    The exact cumulant at the critical point tends slowly to its limit:

    >>> import sgdphys as sp
    >>> data = sp.processes.curie_weiss([100, 1000, 10_000], [0.9, 1.0, 1.1], replicas=50, rng=0)
    >>> data["binder"].sel(control=1.0).values.round(4)
    array([0.3056, 0.2814, 0.2739])
    >>> round(data.attrs["cumulant"], 4)
    0.2705
    """

    def law(size: int) -> Law:
        up = np.arange(size + 1)
        m = 2 * up / size - 1
        log_count = -special.gammaln(up + 1) - special.gammaln(size - up + 1)
        return Law(m, lambda coupling: _scaled(log_count + coupling * size * m**2 / 2))

    return enumerated(
        law,
        sizes,
        couplings,
        replicas=replicas,
        rng=rng,
        fewest=2,
        named={"control": _COUPLING},
        truth={
            "process": "curie_weiss",
            "order_of_transition": "continuous",
            "critical_point": 1.0,
            "exponent_control": 0.5,
            "exponent_order": 0.25,
            "cumulant": float(1 - special.gamma(0.25) ** 4 / (24 * np.pi**2)),
        },
    )


@checked
def potts(
    sizes: Any, couplings: Any, *, states: int = 3, replicas: int = 100, rng: Seed = 0
) -> xr.Dataset:
    """Mean-field Potts model (Curie-Weiss-Potts): a first-order transition, drawn exactly.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of spins N, at least 2.
    couplings : sequence of float
        K = J/T, for all sizes; or (size, control), each size with its own.
    states : int
        q, at least 3.
    replicas : int
        Independent draws at each size and coupling.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    Dataset
        m (size, control, replica) = (q max_k n_k/N - 1)/(q - 1), where n_k spins are in state k: 0
        where all states are equally occupied, 1 where one has all spins, never negative. Exact
        order, susceptibility and binder (size, control) as those of ``curie_weiss``. Attributes:
        states, critical_point, jump (of m there, in the limit of infinite N) and
        order_of_transition.

    Raises
    ------
    InputError
        For fewer than 3 states, a size that is not a whole number of at least 2, couplings that are
        not finite, or a system with too many occupations to be enumerated.

    See Also
    --------
    curie_weiss : Two states, where the transition is continuous.
    sgdphys.transitions.order_parameter : Estimates of the moments.

    Notes
    -----
    H = -J/(2 N) sum_{i,j} delta(s_i, s_j), over all N**2 ordered pairs, so that P(n_1 .. n_q) is
    proportional to N!/(n_1! .. n_q!) exp(K sum_k n_k**2/(2 N)). The phases have equal free energy
    per spin at K = 2 (q - 1)/(q - 2) log(q - 1), where m jumps from 0 to (q - 2)/(q - 1): for three
    states K = 4 log(2) = 2.772589 and a jump of 1/2. There the weight of the three ordered phases
    together tends to 1.1264 times that of the disordered one, a ratio that does not grow with N.
    Occupations are enumerated in descending order: about N**2/12 for three states.

    References
    ----------
    Wu (1982), Rev. Mod. Phys. 54, 235.
    Ellis and Wang (1990), Stoch. Process. Appl. 35, 59.

    Examples
    --------
    At the critical point both phases are found, each about as often:

    >>> import numpy as np
    >>> import sgdphys as sp
    >>> data = sp.processes.potts([600], [4 * np.log(2)], replicas=1000, rng=0)
    >>> round(float((data["m"] > 0.25).mean()), 1), data.attrs["jump"]
    (0.5, 0.5)
    """
    if states < 3 or states != int(states):
        raise InputError(f"states is {states}; it must be a whole number of at least 3")

    def law(size: int) -> Law:
        occupied = _occupations(size, states)
        log_factorial = special.gammaln(np.arange(size + 1) + 1)
        log_count = _log_orders(occupied) - sum(log_factorial[n] for n in occupied)
        pairs = sum(n.astype(np.float64) ** 2 for n in occupied) / (2 * size)
        largest, first = np.unique(occupied[0], return_index=True)  # the occupations ascend

        def chances(coupling: float) -> np.ndarray:
            return np.add.reduceat(_scaled(log_count + coupling * pairs), first)

        return Law((states * largest / size - 1) / (states - 1), chances)

    return enumerated(
        law,
        sizes,
        couplings,
        replicas=replicas,
        rng=rng,
        fewest=2,
        named={
            "control": _COUPLING,
        },
        truth={
            "process": "potts",
            "states": states,
            "order_of_transition": "first order",
            "critical_point": 2 * (states - 1) / (states - 2) * math.log(states - 1),
            "jump": (states - 2) / (states - 1),
        },
    )


def _scaled(log_weights: np.ndarray) -> np.ndarray:
    """Weights of which the largest is 1, in place of their logarithms."""
    log_weights -= log_weights.max()
    return np.exp(log_weights, out=log_weights)


def _occupations(size: int, states: int) -> list[np.ndarray]:
    """All occupations n_1 >= n_2 >= .. >= n_q >= 0 of the states, whose sum is the size."""
    occupied: list[np.ndarray] = []
    rest = most = np.array([size])
    for left in range(states, 1, -1):
        least = -(-rest // left)
        counts = np.minimum(most, rest) - least + 1
        total = int(counts.sum())
        if total > MOST_STATES:
            raise InputError(
                f"a Potts model of {size} spins with {states} states has over {MOST_STATES:,} "
                "occupations to enumerate; take smaller sizes"
            )
        origin = np.repeat(np.arange(len(rest)), counts)
        most = least[origin] + np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        occupied = [*(n[origin] for n in occupied), most]
        rest = rest[origin] - most
    return [*occupied, rest]


def _log_orders(occupied: list[np.ndarray]) -> np.ndarray:
    """Logarithm of the number of ways to assign descending occupations to states."""
    found = np.full(len(occupied[0]), special.gammaln(len(occupied) + 1))
    run = np.ones(len(found))
    for larger, smaller in itertools.pairwise(occupied):
        run = np.where(larger == smaller, run + 1, 1)
        found -= np.log(run)  # states of equal occupation are interchangeable
    return found
