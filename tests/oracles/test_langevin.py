"""Several coordinates: drift and diffusion matrices, distances, tails of weights."""

import numpy as np
import pytest
import xarray as xr
from truths import recovers

from sgdphys import dynamics, processes
from sgdphys.errors import InputError
from sgdphys.status import words


def matrices(data):
    return {
        "kappa_matrix": data.attrs["kappa"].reshape(2, 2),
        "diffusion_matrix": data.attrs["diffusion"].reshape(2, 2),
    }


@pytest.mark.parametrize("process", [processes.rotating_langevin, processes.gyrator])
@pytest.mark.parametrize("dt", [pytest.param(0.05, marks=pytest.mark.slow), 0.4])
def test_matrices_are_recovered_at_any_step(process, dt):
    """32 intervals in the four cases: all within twice their half-width, nearly all within one."""
    data = process(steps=4000, dt=dt, replicas=2, rng=111)
    found = dynamics.fit_langevin(data["theta"], time="time", resamples=50)
    for name, truth in matrices(data).items():
        middle = (found[f"{name}_high"] + found[f"{name}_low"]) / 2
        half = (found[f"{name}_high"] - found[f"{name}_low"]) / 2
        z = np.abs((truth - middle) / half).to_numpy()
        assert z.max() < 2
        assert (z < 1).sum() >= 3


@pytest.mark.slow
def test_intervals_of_matrices_cover():
    inside = []
    for seed in range(400):
        data = processes.rotating_langevin(steps=400, dt=0.1, rng=seed)
        found = dynamics.fit_langevin(data["theta"], time="time", resamples=100)
        for name, truth in matrices(data).items():
            low, high = found[f"{name}_low"], found[f"{name}_high"]
            inside.append(((low < truth) & (high > truth)).to_numpy().ravel())
    shares = np.reshape(inside, (400, 8)).mean(axis=0)
    # the basic bootstrap is a little narrow
    assert shares.mean() > 0.91
    assert shares.max() < 0.98


def test_what_cannot_be_fitted():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="19 steps are too few for 2 coordinates"):
        dynamics.fit_langevin(rng.standard_normal((20, 2)))
    gappy = rng.standard_normal((100, 2))
    gappy[3, 1] = np.nan
    with pytest.raises(InputError, match="without gaps"):
        dynamics.fit_langevin(gappy)
    x = np.zeros((500, 1))
    for k in range(1, 500):
        x[k] = -0.6 * x[k - 1] + rng.standard_normal()
    found = dynamics.fit_langevin(x)
    assert words(found["status"]) == "oscillating at this sampling"
    assert bool(found["kappa_matrix"].isnull().all())


@pytest.mark.parametrize("extra", ["constant", "own constant", "line", "jump", "copy", "sum"])
def test_coordinates_that_cannot_be_fitted_are_named_and_left_out(extra):
    """The rest is as without them, for matrices and for entropy production."""
    theta = processes.rotating_langevin(dt=0.1, steps=300, replicas=2, rng=116)["theta"]
    step, one = np.arange(301.0)[:, None], np.ones((301, 2))
    more = {
        "constant": one / 3,
        "own constant": one * [0.1, 0.2],
        "line": step / 7 * one,
        "jump": (step == 300) * one,
        "copy": 5 - 3 * theta.isel(parameter=0).transpose("step", "replica").to_numpy(),
        "sum": theta.sum("parameter").transpose("step", "replica").to_numpy(),
    }[extra]
    added = theta.isel(parameter=[0]).transpose("step", "replica", "parameter")
    names = ["w0", "w1", "frozen"]
    wide = xr.concat([theta, added.copy(data=more[..., None])], dim="parameter")
    wide = wide.assign_coords(parameter=names)
    for estimate in (dynamics.fit_langevin, dynamics.entropy_production):
        whole = estimate(theta, time=("step", 0.1), resamples=20)
        found = estimate(wide, time=("step", 0.1), resamples=20)
        assert words(found["status"]) == "coordinates left out"
        assert found.attrs["left_out"] == ["frozen"]
        kept = found.isel(row=slice(2), column=slice(2)).drop_vars("status")
        xr.testing.assert_allclose(kept, whole.drop_vars("status"))
        last = [v for v in found.data_vars.values() if "row" in v.dims]
        assert all(np.isnan(v.isel(row=2)).all() for v in last)
    alone = dynamics.entropy_production(wide.isel(parameter=[2]), time=("step", 0.1))
    if extra not in ("copy", "sum"):
        assert words(alone["status"]) == "constant"
        assert np.isnan(alone["p_value"])


@pytest.mark.parametrize(("rate", "index"), [(0.3, 5.306), (0.5, 2.904), (0.9, 1.294)])
def test_kesten_index(rate, index):
    assert processes.kesten_index(rate, 1) == pytest.approx(index, abs=1.5e-3)


@pytest.mark.parametrize("batch", [1, 4, 16])
def test_kesten_index_of_two(batch):
    assert processes.kesten_index(2 * batch / (batch + 2), batch) == pytest.approx(2, rel=1e-6)


def test_tails_of_weights_are_kesten_s():
    """Weights of online regression: a power law whose index the multiplication sets."""
    data = processes.online_linear_regression(learning_rate=0.9, steps=4000, replicas=400, rng=112)
    late = data["theta"].isel(step=slice(200, None, 20), parameter=0)
    pooled = late.transpose("step", "replica").to_numpy()
    sizes = np.sort(np.abs(pooled).ravel())
    k = len(sizes) // 100
    hill = 1 / np.log(sizes[-k:] / sizes[-k - 1]).mean()
    assert hill == pytest.approx(data.attrs["weight_tail_index"], rel=0.15)


@pytest.mark.parametrize(
    ("law", "curve"),
    [
        ("power", lambda t: t**0.7),
        ("logarithm", lambda t: np.log1p(t / 5)),
        ("squared_logarithm", lambda t: np.log1p(t / 5) ** 2),
        ("saturation", lambda t: -np.expm1(-t / 300)),
    ],
)
def test_distance_from_the_start(law, curve):
    """Gaussian clouds whose variance follows each law: named in nearly every resample."""
    t = np.arange(1000.0)
    amplitude = np.random.default_rng(113).standard_normal((40, 30))
    theta = processes.wiener(steps=999, replicas=40, parameters=30)["theta"]
    theta = theta.copy(data=np.sqrt(curve(t))[:, None, None] * amplitude)
    found = dynamics.displacement_law(theta)
    assert float(found["share"].sel(law=law)) > 0.99
    if law == "power":
        assert float(found["exponent"].sel(law=law)) == pytest.approx(0.7, abs=1e-6)


def test_paths_that_broke_off_are_no_members():
    """A missing point is no coordinate that stands still."""
    theta = processes.wiener(steps=200, replicas=20, parameters=5, rng=116)["theta"]
    broken = theta.isel(replica=slice(3)).copy(deep=True)
    broken[100:, 0, 1], broken[150:, 1, 0], broken[1, 2, 2] = np.nan, np.inf, 1e300
    both = theta.isel(replica=[0, 1, 2, *range(20)]).drop_vars("replica", errors="ignore")
    both[:, :3] = broken.to_numpy()
    xr.testing.assert_allclose(dynamics.displacement_law(both), dynamics.displacement_law(theta))
    with pytest.raises(InputError, match="3 complete paths are too few"):
        dynamics.displacement_law(both.isel(replica=slice(6)))


def test_a_time_beyond_the_record_is_no_result():
    """A line is a saturation of endless time, and a logarithm of one; no squared logarithm is."""
    theta = processes.wiener(steps=200, replicas=20, parameters=5, rng=117)["theta"]
    line = theta.copy(data=np.sqrt(np.arange(201.0))[:, None, None] * theta[1].to_numpy())
    found = dynamics.displacement_law(line)
    assert found["time_scale"].sel(law=["logarithm", "saturation"]).isnull().all()
    assert float(found["misfit"].sel(law="squared_logarithm")) > 0.05
    assert float(found["exponent"].sel(law="power")) == pytest.approx(1)


def test_a_random_walk_is_a_power_law_of_one():
    theta = processes.wiener(steps=1000, replicas=60, parameters=50, rng=114)["theta"]
    found = dynamics.displacement_law(theta)
    assert str(found["share"].idxmax("law").to_numpy()) == "power"
    assert float(found["exponent"].sel(law="power")) == pytest.approx(1, abs=0.05)


def test_shares_of_rejections_are_those_of_diagonal_fits():
    """The matrix fit of independent coordinates is the scalar one."""
    data = processes.ornstein_uhlenbeck(dt=0.1, steps=3000, parameters=3, rng=115)
    whole = dynamics.fit_langevin(data["theta"], time="time", resamples=0)
    single = dynamics.fit_ou(data["theta"], time="time")
    np.testing.assert_allclose(np.diagonal(whole["kappa_matrix"]), single["kappa"][0], rtol=0.03)
    recovers(single, "diffusion", 0.5)


@pytest.mark.parametrize("function", ["fit_langevin", "entropy_production"])
def test_a_path_that_does_not_move_is_left_out(function):
    """Its zeros were pooled with the others, and D was a third too small."""
    theta = processes.ornstein_uhlenbeck(dt=0.1, steps=200, replicas=3, parameters=2, rng=1).theta
    still = theta.copy(data=theta.where(theta.replica < 2, 0.0))
    estimate = getattr(dynamics, function)
    options = {"time": "time", "resamples": 20}
    found = estimate(still, **options)
    alone = estimate(theta.isel(replica=[0, 1]), **options)
    assert words(found["status"]).item() == "paths left out"
    assert found.attrs["paths_left_out"] == 1
    for name in alone.data_vars:
        if name != "status":
            np.testing.assert_array_equal(found[name], alone[name])


@pytest.mark.filterwarnings("error")
def test_coordinates_in_units_far_apart_are_fitted_alike():
    """Scales 1e10 apart made the equation for the stationary state singular."""
    data = processes.rotating_langevin(rotation=2.0, kappa=1.0, dt=0.05, steps=2000, rng=0)
    scale = xr.DataArray([1e-5, 1e5], dims="parameter")
    one = dynamics.fit_langevin(data["theta"], time="time")
    other = dynamics.fit_langevin(data["theta"] * scale, time="time")
    s = scale.to_numpy()
    for end in ("", "_low", "_high"):
        np.testing.assert_allclose(
            other[f"kappa_matrix{end}"], one[f"kappa_matrix{end}"] * s[:, None] / s, rtol=1e-6
        )
        np.testing.assert_allclose(
            other[f"diffusion_matrix{end}"], one[f"diffusion_matrix{end}"] * s[:, None] * s,
            rtol=1e-6,
        )  # fmt: skip
