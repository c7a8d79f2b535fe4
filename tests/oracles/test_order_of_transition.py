"""Order of transitions whose order is known: Potts, Curie-Weiss, the Ising chain, and mixtures.

The simulators share no code with the package: exact laws by enumeration, chains by their bonds.
"""

import collections
import functools

import numpy as np
import pytest
import xarray as xr
from scipy.special import gammaln

from sgdphys.transitions import order_of_transition

POTTS = 4 * np.log(2)


@functools.cache
def potts_states(size):
    """Occupations n1 >= n2 >= n3: log weights, sum of squares, and where each n1 begins."""
    first = np.arange((size + 2) // 3, size + 1)
    second = [np.arange((size - n + 1) // 2, min(n, size - n) + 1) for n in first]
    lengths = [len(s) for s in second]
    n1, n2 = np.repeat(first, lengths), np.concatenate(second)
    n3 = size - n1 - n2
    equal = (n1 == n2).astype(int) + (n2 == n3)
    weights = np.log(np.choose(equal, [6, 3, 1])) - sum(gammaln(n + 1) for n in (n1, n2, n3))
    squares = n1.astype(float) ** 2 + n2.astype(float) ** 2 + n3.astype(float) ** 2
    return first, weights, squares, np.concatenate([[0], np.cumsum(lengths)[:-1]])


@functools.cache
def potts_law(size, coupling):
    """Mean-field Potts model of 3 states, H = -(1/2N) sum delta: (3 n_max/N - 1)/2 and its law."""
    first, weights, squares, begins = potts_states(size)
    logs = weights + coupling / (2 * size) * squares
    p = np.add.reduceat(np.exp(logs - logs.max()), begins)
    return (3 * first / size - 1) / 2, p / p.sum()


@functools.cache
def curie_weiss_law(size, coupling):
    up = np.arange(size + 1)
    m = 2 * up / size - 1
    logs = coupling * size * m**2 / 2 - gammaln(up + 1) - gammaln(size - up + 1)
    p = np.exp(logs - logs.max())
    return m, p / p.sum()


def scan(values, sizes, controls):
    coords = {"size": list(sizes), "control": controls}
    return xr.DataArray(values, dims=("size", "control", "replica"), coords=coords)


def drawn(law, sizes, controls, replicas, rng):
    values = np.empty((len(sizes), len(controls), replicas))
    for place in np.ndindex(values.shape[:2]):
        m, p = law(int(sizes[place[0]]), float(controls[place[1]]))
        values[place] = m[np.searchsorted(np.cumsum(p)[:-1], rng.random(replicas))]
    return scan(values, sizes, controls)


def potts(rng, sizes=(512, 1024, 2048, 4096), within=0.05, points=20, replicas=400):
    controls = POTTS * (1 + np.linspace(-within, within, points))
    return drawn(potts_law, sizes, controls, replicas, rng)


def curie_weiss(rng, sizes=(64, 128, 256, 512, 1024, 2048, 4096), within=0.2, points=20,
                replicas=200):  # fmt: skip
    controls = 1 + np.linspace(-within, within, points)
    return drawn(curie_weiss_law, sizes, controls, replicas, rng)


def chain(rng, sizes=(32, 64, 128, 256, 512), end=1.0, points=20, replicas=200):
    """Open Ising chains: a bond is broken with probability 1/(1 + exp(2K))."""
    controls = np.linspace(0.1, end, points)
    values = np.empty((len(sizes), points, replicas))
    for k, size in enumerate(sizes):
        for j, coupling in enumerate(controls):
            broken = rng.random((replicas, size)) < 1 / (1 + np.exp(2 * coupling))
            broken[:, 0] = rng.random(replicas) < 0.5
            values[k, j] = (1 - 2 * (np.cumsum(broken, axis=1) % 2)).mean(axis=1)
    return scan(values, sizes, controls)


def learning(rng, power, sizes=(40, 80, 160, 320), points=20, replicas=100, width=0.03):
    """Networks at accuracy 0.9 or at chance, 0.1: the odds of learning are exp(size**power t)."""
    controls = np.linspace(-1, 1, points) * 6 / min(sizes) ** power
    share = 1 / (1 + np.exp(-(np.array(sizes)[:, None] ** power) * controls))
    u, z = rng.random((len(sizes), points, replicas)), rng.standard_normal
    learnt = u < share[..., None]
    return scan(np.where(learnt, 0.9, 0.1) + width * z(u.shape), sizes, controls)


def separable(rng, sizes=(20, 40, 80, 160), points=20, replicas=200, noise=0.0):
    """Cover's share of separable labellings, by its Gaussian limit, of width size**(-1/2)."""
    from scipy.special import ndtr

    controls = np.linspace(1, 3, points)
    n = np.array(sizes)[:, None]
    share = ndtr(n * (2 - controls) / np.sqrt(n * controls))
    values = (rng.random((len(sizes), points, replicas)) < share[..., None]).astype(float)
    return scan(values + noise * rng.standard_normal(values.shape), sizes, controls)


def smooth(rng, sizes=(32, 64, 128, 256), points=20, replicas=100):
    """A mean over units that rises smoothly with the control."""
    controls = np.linspace(-2, 2, points)
    n = np.array(sizes)[:, None, None]
    noise = rng.standard_normal((len(sizes), points, replicas)) / np.sqrt(n)
    return scan(0.5 + 0.4 * np.tanh(controls)[:, None] + 0.5 * noise, sizes, controls)


def wells(rng, sizes=(64, 256, 1024), points=15, replicas=100):
    """A noisy pitchfork, U = N (m**4/4 - r m**2/2): the law of Curie-Weiss, of signed numbers."""
    m = np.linspace(-2, 2, 4001)

    def law(size, r):
        logs = size * (r * m**2 / 2 - m**4 / 4)
        p = np.exp(logs - logs.max())
        return m, p / p.sum()

    return drawn(law, sizes, np.linspace(-0.2, 0.4, points), replicas, rng)


def answers(make, scans, seed):
    streams = np.random.SeedSequence(seed).spawn(scans)
    return collections.Counter(
        order_of_transition(make(np.random.default_rng(s)), rng=s)["order"].item() for s in streams
    )


@pytest.mark.parametrize(
    ("make", "order"),
    [
        (functools.partial(curie_weiss, sizes=(64, 256, 1024), points=10), "continuous"),
        (wells, "continuous"),
        (functools.partial(chain, sizes=(32, 64, 128, 256), points=12), "crossover"),
        (functools.partial(smooth, replicas=400), "crossover"),
        (functools.partial(learning, power=1), "first order"),
        (functools.partial(learning, power=0), "crossover"),
    ],
)
def test_of_three_scans(make, order):
    """Each is right in 9 of 10 or more: two wrong ones of three are of 3% at most."""
    assert answers(make, 3, 0)[order] >= 2


def test_separable_labellings_are_not_of_first_order():
    """Their two values are no two states: refused, and with noise the width tells."""
    rng = np.random.default_rng(1)
    found = order_of_transition(separable(rng), rng=1)
    assert found["order"] == "cannot be told"
    assert "two values only" in found.attrs["reason"]
    assert order_of_transition(separable(rng, noise=0.03), rng=1)["order"] != "first order"


def test_the_jump_and_the_location_of_potts():
    found = order_of_transition(potts(np.random.default_rng(2), (128, 512, 1024), 0.04, 12), rng=2)
    assert found["transition_control"].values[-1] == pytest.approx(POTTS, rel=2e-3)
    assert found["jump"].values[-1] == pytest.approx(0.4, abs=0.1)
    assert found["barrier_low"].values[-1] > found["barrier"].values[0] > 0


@pytest.mark.slow(reason="200 scans each of three models")
@pytest.mark.parametrize(
    ("make", "order"),
    [
        (functools.partial(potts, points=40), "first order"),
        (curie_weiss, "continuous"),
        (chain, "crossover"),
    ],
)
def test_the_order_is_told_in_95_of_100(make, order):
    found = answers(make, 200, 3)
    print(dict(found))
    assert found[order] >= 190


@pytest.mark.slow(reason="100 scans each")
@pytest.mark.parametrize(
    "make",
    [
        functools.partial(potts, sizes=(64, 128, 256, 512), within=w, replicas=n)
        for w in (0.2, 0.05)
        for n in (400, 50)
    ],
)
def test_small_potts_models_are_never_called_continuous(make):
    found = answers(make, 100, 4)
    print(dict(found))
    assert found["continuous"] + found["crossover"] <= 10  # 5% of 100 scans, at 99%


@pytest.mark.slow(reason="100 scans each")
@pytest.mark.parametrize(
    "make",
    [
        *(
            functools.partial(separable, noise=s, replicas=n)
            for s in (0.0, 0.03)
            for n in (50, 400)
        ),
        *(functools.partial(learning, power=0.5, replicas=n) for n in (50, 400)),
        functools.partial(curie_weiss, replicas=50),
        functools.partial(curie_weiss, sizes=(64, 128, 256), replicas=50, points=10),
        functools.partial(chain, end=2.0, replicas=50),
        functools.partial(wells, replicas=50),
        functools.partial(smooth, replicas=50),
    ],
)
def test_nothing_else_is_called_first_order(make):
    found = answers(make, 100, 5)
    print(dict(found))
    assert found["first order"] <= 10  # 5% of 100 scans, at 99%
