"""Models of phase transitions, against sums over all configurations and limits that are known."""

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from scipy import optimize, special

from sgdphys import processes
from sgdphys.errors import InputError
from sgdphys.transitions.samples import samples_of

MAGNETS = (processes.curie_weiss, processes.ising_chain, processes.potts)


def configurations(sites, states):
    """All of them, (configuration, site)."""
    return np.array(list(itertools.product(range(states), repeat=sites)))


def of_spins(m, log_weights, size):
    """Order, susceptibility and cumulant from values and log weights of all configurations."""
    weights = np.exp(log_weights - log_weights.max())
    order, second, fourth = (np.average(np.abs(m) ** k, weights=weights) for k in (1, 2, 4))
    return {
        "order": order,
        "susceptibility": size * (second - order**2),
        "binder": 1 - fourth / (3 * second**2),
    }


def agrees(data, wanted):
    for name, value in wanted.items():
        assert data[name].item() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("coupling", [-0.4, 0.0, 1.0, 2.5])
def test_curie_weiss_is_the_sum_over_all_configurations(coupling):
    m = (2 * configurations(9, 2) - 1).mean(axis=1)
    wanted = of_spins(m, coupling * 9 * m**2 / 2, 9)
    agrees(processes.curie_weiss([9], [coupling], replicas=1), wanted)


@pytest.mark.parametrize("size", [3, 10])
@pytest.mark.parametrize("coupling", [-0.7, 0.0, 0.8, 3.0])
def test_the_chain_is_the_sum_over_all_configurations(size, coupling):
    spins = 2 * configurations(size, 2) - 1
    bonds = (spins * np.roll(spins, 1, axis=1)).sum(axis=1)
    wanted = of_spins(spins.mean(axis=1), coupling * bonds, size)
    agrees(processes.ising_chain([size], [coupling], replicas=1), wanted)


@pytest.mark.parametrize(("size", "states"), [(8, 3), (6, 4)])
@pytest.mark.parametrize("coupling", [0.0, 2.8, 6.0])
def test_potts_is_the_sum_over_all_configurations(size, states, coupling):
    spins = configurations(size, states)
    occupied = np.stack([(spins == k).sum(axis=1) for k in range(states)])
    m = (states * occupied.max(axis=0) / size - 1) / (states - 1)
    pairs = (spins[:, :, None] == spins[:, None, :]).sum(axis=(1, 2))
    wanted = of_spins(m, coupling * pairs / (2 * size), size)
    agrees(processes.potts([size], [coupling], states=states, replicas=1), wanted)


@pytest.mark.parametrize("process", MAGNETS)
def test_draws_follow_the_law(process):
    """Mean and mean square of |m| within 4.5 standard errors: 12 comparisons, 8e-5 false alarms."""
    data = process([16, 50], [0.7, 2.6], replicas=20_000, rng=1)
    size, order = abs(data["m"]), data["order"]
    for drawn, exact in (
        (size, order),
        (size**2, data["susceptibility"] / data["size"] + order**2),
    ):
        error = drawn.std("replica") / math.sqrt(20_000)
        assert (abs(drawn.mean("replica") - exact) < 4.5 * error).all()
    assert data["m"].std() > 0.1


@pytest.mark.parametrize("process", [processes.curie_weiss, processes.ising_chain])
def test_both_signs_are_as_probable(process):
    data = process([31], [1.2], replicas=20_000, rng=2)
    assert abs(float((data["m"] > 0).mean()) - 0.5) < 4.5 * 0.5 / math.sqrt(20_000)


def test_cumulant_of_curie_weiss_at_its_critical_point():
    """Numbers of the enumeration, and how they tend to the limit: as N**-1/2."""
    sizes = np.array([100, 1000, 10_000, 100_000])
    data = processes.curie_weiss(sizes, [1.0], replicas=1)
    binder = data["binder"].values[:, 0]
    np.testing.assert_allclose(binder[:3], [0.3056, 0.2814, 0.2739], atol=5e-5)
    limit = data.attrs["cumulant"]
    assert limit == pytest.approx(0.27052, abs=5e-6)
    np.testing.assert_allclose(np.diff(np.log(binder - limit)), -math.log(10) / 2, rtol=0.02)
    second = data["susceptibility"].values[:, 0] / sizes + data["order"].values[:, 0] ** 2
    scaled = np.sqrt(sizes) * second
    exact = math.sqrt(12) * special.gamma(0.75) / special.gamma(0.25)
    assert exact == pytest.approx(1.170829, abs=5e-7)
    # the correction vanishes as N**-1/2: two sizes give the limit
    assert scaled[3] + (scaled[3] - scaled[2]) / (math.sqrt(10) - 1) == pytest.approx(
        exact, rel=1e-5
    )


def test_curie_weiss_collapses_with_its_exponents():
    """N**(1/4) <|m|> depends on (K - 1) N**(1/2) alone, up to corrections of N**-1/2."""
    sizes = np.array([10_000, 40_000])
    scaled = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    couplings = 1 + scaled / np.sqrt(sizes)[:, None]
    data = processes.curie_weiss(sizes, couplings, replicas=1)
    assert data["control"].dims == ("size", "control")
    truth = data.attrs
    order = data["order"] * data["size"] ** truth["exponent_order"]
    again = (data["control"] - truth["critical_point"]) * data["size"] ** truth["exponent_control"]
    np.testing.assert_allclose(again, np.tile(scaled, (2, 1)), atol=1e-9)
    np.testing.assert_allclose(order[0], order[1], rtol=0.02)


def phases(size, coupling):
    """Weight of the ordered phase relative to the disordered one, and where they are densest.

    A sum over occupations of its own: m = 1/4 is between the phases.
    """
    n = np.stack(np.meshgrid(*[np.arange(size + 1)] * 2, indexing="ij"))
    n = np.concatenate([n, size - n.sum(axis=0, keepdims=True)])
    n = n[:, n[2] >= 0].astype(float)
    log_weight = (coupling * n**2 / (2 * size) - special.gammaln(n + 1)).sum(axis=0)
    weight = np.exp(log_weight - log_weight.max())
    m = (3 * n.max(axis=0) / size - 1) / 2
    is_ordered = m > 0.25
    return weight[is_ordered].sum() / weight[~is_ordered].sum(), m, log_weight


def test_potts_phases_are_equal_at_the_critical_point():
    """Free energies per spin are equal, and the ordered phase is at m = 1/2.

    The ratio of weights tends to that of the Gaussian fluctuations about the three ordered states
    and the disordered one, 3 sqrt(2) (3 - K)/sqrt((3 - K)(6 - K)); at another coupling it grows or
    falls exponentially with the size.
    """
    data = processes.potts([900], [4 * math.log(2)], replicas=1)
    critical = data.attrs["critical_point"]
    assert critical == pytest.approx(4 * math.log(2), rel=1e-15)
    assert data.attrs["jump"] == 0.5
    wanted = 3 * math.sqrt(2 * (3 - critical) / (6 - critical))
    small, large = phases(200, critical)[0], phases(800, critical)[0]
    assert abs(large / wanted - 1) < abs(small / wanted - 1)
    assert large == pytest.approx(wanted, rel=0.12)
    for aside, sign in ((-0.04, -1), (0.04, 1)):
        ratios = [phases(size, critical + aside)[0] for size in (200, 800)]
        assert sign * math.log(ratios[1] / ratios[0]) > 1
    _, m, log_weight = phases(800, critical)
    ordered = m > 0.25
    assert m[ordered][log_weight[ordered].argmax()] == pytest.approx(0.5, abs=0.02)
    assert m[~ordered][log_weight[~ordered].argmax()] == pytest.approx(0, abs=0.01)
    # maxima differ by the square root of 2 of the multinomial coefficient, at any size
    assert log_weight[ordered].max() - log_weight[~ordered].max() == pytest.approx(
        math.log(2) / 2, abs=0.01
    )


def test_potts_jumps_where_four_states_do():
    """K = 2 (q - 1)/(q - 2) log(q - 1): equal free energy of m = 0 and m = (q - 2)/(q - 1)."""
    for states in (3, 4, 7):
        truth = processes.potts([4], [1.0], states=states, replicas=1).attrs
        occupied = [(1 + (states - 1) * truth["jump"]) / states]
        occupied += [(1 - occupied[0]) / (states - 1)] * (states - 1)
        free = [
            sum(truth["critical_point"] * x**2 / 2 - x * math.log(x) for x in phase)
            for phase in (occupied, [1 / states] * states)
        ]
        assert free[0] == pytest.approx(free[1], rel=1e-12)


def test_the_chain_has_the_susceptibility_of_its_transfer_matrix():
    sizes, couplings = np.array([33, 512, 4096]), np.array([0.2, 1.0, 2.5, 4.0])
    data = processes.ising_chain(sizes, couplings, replicas=1)
    t, n = np.tanh(couplings), sizes[:, None]
    wanted = (1 + t) / (1 - t) * (1 - t**n) / (1 + t**n)
    found = data["susceptibility"] + data["size"] * data["order"] ** 2
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_cumulants_of_chains_do_not_cross():
    data = processes.ising_chain([32, 64, 128, 256], np.linspace(0.2, 4, 30), replicas=1)
    assert (data["binder"].diff("size") < 0).all()
    assert "critical_point" not in data.attrs


def separable(points, labels):
    """Whether a plane through the origin separates them, by a linear program."""
    free = [(None, None)] * points.shape[1]
    margin = -labels[:, None] * points
    found = optimize.linprog(
        np.zeros(points.shape[1]), A_ub=margin, b_ub=-np.ones(len(points)), bounds=free
    )
    return found.status == 0


@pytest.mark.parametrize(("points", "dimension"), [(3, 3), (4, 2), (5, 3), (6, 3), (6, 1)])
def test_cover_counts_what_a_linear_program_separates(points, dimension):
    """All labels of Gaussian points."""
    x = np.random.default_rng(points).standard_normal((points, dimension))
    labels = 2 * configurations(points, 2) - 1
    count = sum(separable(x, y) for y in labels)
    assert processes.cover_probability(points, dimension) * 2**points == pytest.approx(count)


def test_cover_is_one_half_at_twice_the_dimension():
    dimension = np.array([1, 2, 3, 40, 1000, 100_000])
    np.testing.assert_allclose(
        processes.cover_probability(2 * dimension, dimension), 0.5, rtol=1e-12
    )


def test_cover_is_the_sum_of_binomial_coefficients():
    for points, dimension in ((1, 1), (7, 3), (60, 23), (300, 160)):
        count = 2 * sum(math.comb(points - 1, k) for k in range(dimension))
        assert processes.cover_probability(points, dimension) == pytest.approx(
            count / 2**points, rel=1e-12
        )
    assert processes.cover_probability([0, 5], 5).tolist() == [1.0, 1.0]


def test_separability_is_drawn_at_the_loads_it_names():
    data = processes.separability([7, 50], [1.51, 2.0, 2.6], replicas=20_000, rng=3)
    points = data["points"]
    assert points.values.tolist() == [[11, 14, 18], [76, 100, 130]]
    np.testing.assert_array_equal(data["control"], points / data["size"])
    exact = data["probability"]
    error = np.sqrt(exact * (1 - exact) / 20_000)
    assert (abs(data["m"].mean("replica") - exact) < 4.5 * error).all()
    assert set(np.unique(data["m"])) == {0.0, 1.0}


@pytest.mark.parametrize("length", [3, 4])
def test_ising_is_the_sum_over_all_configurations(length):
    """|m|, m**2 and the energy within 4.5 standard errors: 12 comparisons, 8e-5 false alarms."""
    spins = 2 * configurations(length**2, 2).reshape(-1, length, length) - 1
    bonds = sum((spins * np.roll(spins, 1, axis)).sum(axis=(1, 2)) for axis in (1, 2))
    m = spins.mean(axis=(1, 2))
    temperatures = [2.0, 4.0]
    data = processes.ising([length], temperatures, replicas=5000, rng=6).isel(size=0)
    for temperature in temperatures:
        found = data.sel(control=temperature)
        weights = np.exp((bonds - bonds.max()) / temperature)
        for drawn, exact in (
            (abs(found["m"]), abs(m)),
            (found["m"] ** 2, m**2),
            (found["energy"], -bonds / length**2),
        ):
            error = float(drawn.std()) / math.sqrt(5000)
            assert float(drawn.mean()) == pytest.approx(
                np.average(exact, weights=weights), abs=4.5 * error
            )


@pytest.mark.slow(reason="16,000 cluster simulations, half a minute")
def test_ising_at_its_critical_point():
    """Energy, cumulant and the power law of |m|, at L = 8 and 32.

    The energy is within 4.5 standard errors of the exact one. The cumulant has a standard error of
    0.0015 here and is within 0.001 of its limit at these sizes; the exponent has one of 0.004.
    """
    critical = 2 / math.log1p(math.sqrt(2))
    lengths, replicas = np.array([8, 32]), 8000
    data = processes.ising(lengths, [critical], replicas=replicas, rng=7).isel(control=0)
    assert data.attrs["critical_point"] == pytest.approx(2.269185, abs=5e-7)
    energy = data["energy"]
    for place, length in enumerate(lengths):
        error = float(energy[place].std()) / math.sqrt(replicas)
        exact = kaufman_energy(length, critical)
        assert float(energy[place].mean()) == pytest.approx(exact, abs=4.5 * error)
    m = data["m"].values
    binder = 1 - (m**4).mean(axis=1) / (3 * (m**2).mean(axis=1) ** 2)
    assert binder == pytest.approx(data.attrs["cumulant"], abs=0.007)
    order = abs(m).mean(axis=1)
    exponent = math.log(order[0] / order[1]) / math.log(lengths[1] / lengths[0])
    assert exponent == pytest.approx(data.attrs["exponent_order"], abs=0.018)


def kaufman_energy(length, temperature):
    """Energy per site of the L x L torus: a derivative of Kaufman's partition function."""

    def log_partition(k):
        index = np.arange(2 * length)
        cosh = np.cosh(2 * k) / np.tanh(2 * k) - np.cos(np.pi * index / length)
        gamma = np.arccosh(np.maximum(cosh, 1.0))
        gamma[0] = 2 * k + np.log(np.tanh(k))  # with its sign
        odd, even = length * gamma[1::2] / 2, length * gamma[0::2] / 2
        log_cosh = [np.logaddexp(x, -x).sum() for x in (odd, even)]
        log_sinh = [np.log(np.expm1(2 * abs(x))).sum() - abs(x).sum() for x in (odd, even)]
        sign = np.sign(gamma[0])
        parts = np.exp(np.array([*log_cosh, *log_sinh]) - log_cosh[0])
        total = parts[0] + parts[1] + parts[2] + sign * parts[3]
        sites = length**2
        return sites / 2 * np.log(2 * np.sinh(2 * k)) + log_cosh[0] + np.log(total) - np.log(2)

    k, step = 1 / temperature, 1e-5
    return -(log_partition(k + step) - log_partition(k - step)) / (2 * step) / length**2


def test_area_of_the_ramped_fold():
    """3/2 at speed 0, and an excess with the power 2/3 and the Airy function's amplitude."""
    data = processes.ramped_fold([1e-6, 1e-5, 1e-4], noise=0.0, replicas=1)
    truth = data.attrs
    excess = data["area"].values - truth["area_at_zero_speed"]
    law = truth["amplitude"] * data["speed"].values ** truth["exponent"]
    np.testing.assert_allclose(excess, law, rtol=0.005)
    branches = data["m"].isel(replica=0)
    found = (branches.sel(direction="down") - branches.sel(direction="up")).integrate("control")
    np.testing.assert_allclose(found, data["area"], rtol=1e-6)


def test_branches_of_a_slow_fold_are_stationary():
    """Away from the folds the state is a root of r + x - x**3; between them there are two."""
    data = processes.ramped_fold([1e-6], noise=0.0, replicas=1).isel(speed=0, replica=0)
    fold = data.attrs["fold"]
    r, x = data["control"], data["m"]
    is_apart = abs(abs(r) - fold) > 0.03
    residual = (r + x - x**3).where(is_apart, 0.0)
    assert (abs(residual) < 1e-3).all()
    is_between = abs(r) < fold - 0.03
    assert (x.sel(direction="up") < -0.57).where(is_between, True).all()
    assert (x.sel(direction="down") > 0.57).where(is_between, True).all()
    assert (abs(x[0] - x[1]) < 1e-3).where(abs(r) > fold + 0.03, True).all()


def test_replicas_of_a_fold_differ_by_noise():
    data = processes.ramped_fold([0.01, 0.1], noise=0.2, replicas=50, rng=1)
    assert float(data["m"].std("replica", ddof=1).mean()) == pytest.approx(0.2, rel=0.01)
    alone = processes.ramped_fold([0.01], noise=0.2, replicas=50, rng=1)
    np.testing.assert_array_equal(alone["m"][0], data["m"][0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"speeds": [0.0]}, "lie between"),
        ({"speeds": [np.nan]}, "lie between"),
        ({"speeds": [0.5]}, "lie between"),
        ({"speeds": [0.1, 0.1]}, "a value twice"),
        ({"speeds": []}, "lie between"),
        ({"noise": -1.0}, "noise is -1"),
        ({"noise": np.nan}, "noise is nan"),
        ({"points": 3}, "points is 3"),
        ({"replicas": 0}, "replicas is 0"),
    ],
)
def test_refusals_of_the_ramped_fold(change, said):
    given = {"speeds": [0.1]} | change
    with pytest.raises(InputError, match=said):
        processes.ramped_fold(given.pop("speeds"), **given)


@pytest.mark.parametrize(
    "data",
    [
        processes.curie_weiss([40, 20], [[1.1, 0.9], [1.2, 0.8]], replicas=6),
        processes.separability([11, 7], [2.3, 1.7], replicas=6),
    ],
    ids=lambda data: data.attrs["process"],
)
def test_scans_are_what_estimators_read(data, tmp_path):
    """Each size has values of the control parameter of its own, in memory and in a file."""
    found = samples_of(data["m"])
    assert found.values.shape == (2, 2, 6)
    np.testing.assert_array_equal(found.controls, data["control"][::-1, ::-1])
    np.testing.assert_array_equal(found.values, data["m"][::-1, ::-1])
    data.to_netcdf(tmp_path / "scan.nc")
    with xr.open_dataset(tmp_path / "scan.nc") as read:
        xr.testing.assert_equal(read, data)
        assert read.attrs["critical_point"] == data.attrs["critical_point"]


@pytest.mark.parametrize("process", [*MAGNETS, processes.ising, processes.separability])
def test_each_size_has_its_own_random_numbers(process):
    def found(*sizes, rng=4):
        return process(list(sizes), [1.4, 2.2], replicas=9, rng=rng)["m"]

    both = found(20, 60)
    np.testing.assert_array_equal(both[0], found(20)[0])
    np.testing.assert_array_equal(both, found(20, 60))
    assert not np.array_equal(both, found(20, 60, rng=5))


@pytest.mark.parametrize("process", [*MAGNETS, processes.ising, processes.separability])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sizes": [2.5]}, "has 2.5"),
        ({"sizes": [8, 8]}, "has a value twice"),
        ({"sizes": [0]}, "has 0;"),
        ({"sizes": ["8"]}, "must be a list"),
        ({"controls": [np.nan]}, "not finite"),
        ({"controls": [[1.0], [2.0]]}, "the shape"),
        ({"replicas": 0}, "replicas is 0"),
        ({"rng": "seed"}, "rng is"),
    ],
)
def test_refusals(process, change, said):
    given = {"sizes": [8], "controls": [1.0], "replicas": 2, "rng": 0} | change
    with pytest.raises(InputError, match=said):
        process(given.pop("sizes"), given.pop("controls"), **given)


def test_refusals_of_one_process():
    with pytest.raises(InputError, match="occupations to enumerate"):
        processes.potts([100_000], [1.0])
    with pytest.raises(InputError, match="states is 2"):
        processes.potts([8], [1.0], states=2)
    with pytest.raises(InputError, match="the same number of points"):
        processes.separability([4], [2.0, 2.01])
    with pytest.raises(InputError, match="must be positive"):
        processes.separability([4], [0.0])
    with pytest.raises(InputError, match="must be above 0"):
        processes.ising([4], [0.0])
    with pytest.raises(InputError, match="sweeps is 0"):
        processes.ising([4], [1.0], sweeps=0)
    for points, dimension in ((-1, 2), (3, 0), (2.5, 2), (np.nan, 2)):
        with pytest.raises(InputError, match="whole number"):
            processes.cover_probability(points, dimension)
