"""Collapse: the mean-field magnet and Cover's separability, what is refused, invariances."""

import functools
import sys

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.status import (
    CONSTANT,
    END_OF_RANGE,
    FEW_CONTROLS,
    FEW_MEMBERS,
    FEW_SIZES,
    NO_COLLAPSE,
    NO_DATA,
    OK,
)
from sgdphys.transitions.collapse_quality import collapse_quality
from sgdphys.transitions.dependence import depends_on_control, sizes_differ
from sgdphys.transitions.moments import resampled
from sgdphys.transitions.samples import samples_of
from sgdphys.transitions.scaling_fit import scan_of

NAMES = ("critical_point", "exponent_control", "exponent_order")


@functools.cache
def magnet():
    """Mean-field magnets of five sizes."""
    data = sp.processes.curie_weiss(
        [64, 128, 256, 512, 1024], np.linspace(0.8, 1.2, 13), replicas=200, rng=3
    )
    return data["m"]


@functools.cache
def found():
    return sp.transitions.collapse(magnet(), resamples=100, rng=0)


def test_the_magnet_has_its_critical_point_and_exponents():
    assert int(found()["status"]) == OK
    for name, truth in zip(NAMES, (1, 0.5, 0.25), strict=True):
        assert found()[f"{name}_low"] < truth < found()[f"{name}_high"], name
        assert found()[f"{name}_low"] < found()[name] < found()[f"{name}_high"], name
    assert 0.4 < float(found()["quality"]) < 1.8


def test_separable_shares_have_theirs():
    m = sp.processes.separability(
        [10, 20, 40, 80, 160], np.linspace(1.1, 2.9, 19), replicas=400, rng=2
    )["m"]
    result = sp.transitions.collapse(m, exponent_order=0, resamples=100, rng=0)
    assert float(result["exponent_order"]) == 0
    assert result["critical_point_low"] < 2 < result["critical_point_high"]
    assert result["exponent_control_low"] < 0.5 < result["exponent_control_high"]


def test_order_and_units_of_the_input_change_nothing():
    m = magnet()
    other = (3 * m).isel(size=[3, 0, 4, 1, 2], control=slice(None, None, -1))
    other = other.transpose("replica", "control", "size").assign_coords(
        control=10 * other["control"] + 2
    )
    changed = sp.transitions.collapse(other, resamples=100, rng=0)
    for name in NAMES:
        expected = 10 * found()[name] + 2 if name == "critical_point" else found()[name]
        assert float(changed[name]) == pytest.approx(float(expected), rel=2e-3)


def test_scaled_quantities_are_those_of_the_estimate():
    scaled = magnet()["size"] ** found()["exponent_order"] * np.abs(magnet()).mean("replica")
    np.testing.assert_allclose(found()["scaled_order"], scaled)
    near = found().where(found()["in_window"])
    spread = abs(near["corrected_order"] - near["scaled_order"]).max()
    assert 0 < float(spread) < 1  # a correction that is not nothing, and not all


def test_a_chain_has_no_critical_point():
    for couplings in (np.linspace(0.2, 2.5, 20), np.linspace(0.2, 1.5, 14)):
        m = sp.processes.ising_chain([16, 64, 256], couplings, replicas=200, rng=1)["m"]
        result = sp.transitions.collapse(m, resamples=50, rng=0)
        assert int(result["status"]) in (END_OF_RANGE, NO_COLLAPSE)
        assert np.isnan(result["exponent_control"])
        ends = result["critical_point_low"], result["critical_point_high"]
        assert not all(np.isfinite(float(end)) for end in ends)


def test_a_transition_outside_the_scan_is_not_claimed():
    below = magnet().sel(control=slice(None, 0.92))
    result = sp.transitions.collapse(below, resamples=50, rng=0)
    assert int(result["status"]) in (END_OF_RANGE, NO_COLLAPSE)
    assert not np.isfinite(float(result["critical_point_high"]))


@pytest.mark.parametrize("sizes", [[0], [0, 3]])
def test_few_sizes_are_refused(sizes):
    result = sp.transitions.collapse(magnet().isel(size=sizes), resamples=20)
    assert int(result["status"]) == FEW_SIZES
    assert np.isnan(result["critical_point"])


def test_what_has_no_transition_is_refused():
    constant = xr.full_like(magnet(), 0.5)
    noise = magnet().copy(data=np.random.default_rng(0).standard_normal(magnet().shape))
    missing = magnet().where(magnet()["size"] > 200)
    single = magnet().isel(replica=[0])
    for m, status in (
        (constant, CONSTANT), (missing * np.nan, NO_DATA), (single, FEW_MEMBERS),
        (noise, NO_COLLAPSE), (magnet().isel(control=slice(3)), FEW_CONTROLS),
        (magnet().isel(size=slice(2)), FEW_SIZES),
    ):  # fmt: skip
        assert int(sp.transitions.collapse(m, resamples=20)["status"]) == status
    assert int(sp.transitions.collapse(missing, resamples=50)["status"]) >= OK
    with pytest.raises(InputError, match="window is -1"):
        sp.transitions.collapse(magnet(), window=-1)


def test_a_refusal_says_what_a_scan_lacks():
    for m, said in (
        (magnet().isel(control=slice(3)), "replicas at 4 or more values of the control"),
        (magnet().isel(replica=[0]), "the points have no errors: give 2 replicas at least"),
    ):
        found = sp.transitions.collapse(m, resamples=20)
        assert said in found.attrs["message"]


def test_samples_of_two_values_are_perhaps_a_share():
    m = sp.processes.separability([20, 40, 80], np.linspace(1.2, 2.8, 9), replicas=100, rng=0)["m"]
    hint = "give exponent_order=0"
    assert hint in sp.transitions.collapse(m, resamples=20, rng=0).attrs["message"]
    held = sp.transitions.collapse(m, exponent_order=0, resamples=20, rng=0)
    assert hint not in held.attrs["message"]
    assert hint not in sp.transitions.collapse(magnet(), resamples=20, rng=0).attrs["message"]


def test_exponents_of_a_first_order_transition_are_told():
    potts = sp.processes.potts([64, 128, 256, 512], np.linspace(2.6, 2.95, 15), replicas=200, rng=0)
    hint = "also those of a first-order transition"
    assert hint in sp.transitions.collapse(potts["m"], resamples=100, rng=0).attrs["message"]
    assert hint not in sp.transitions.collapse(magnet(), resamples=100, rng=0).attrs["message"]


def scan_with(values, controls):
    return xr.DataArray(
        values,
        dims=("size", "control", "replica"),
        coords={"size": [64, 128, 256, 512], "control": controls},
    )


def alone(kind, rng):
    """Order parameters without a transition: none depends on the control and scales with size."""
    noise = rng.standard_normal((4, 13, 60))
    controls = np.linspace(0.5, 1.5, 13)
    root = np.array([8.0, 128**0.5, 16.0, 512**0.5])[:, None, None]
    middle = controls[:, None] - 1
    values = {
        "level": lambda: 1 + noise / root,
        "coins": lambda: (rng.random(noise.shape) < 0.9) * 1.0,
        "noise": lambda: noise / root,
        "line": lambda: 1 + 0.1 * middle + 0.1 * noise,
        "shares": lambda: (rng.random(noise.shape) < 0.5 + 0.5 * np.tanh(4 * middle)) * 1.0,
        "line of one network each": lambda: 1 + 0.1 * middle + 0.1 * noise[:, :1] + 0.01 * noise,
    }
    return scan_with(values[kind](), controls)


@pytest.mark.parametrize("kind", ["level", "coins", "noise"])
def test_what_does_not_depend_on_the_control_is_refused(kind):
    for seed in range(3):
        m = alone(kind, np.random.default_rng(seed))
        scan, drawn = scan_and_draws(m)
        assert not depends_on_control(scan, drawn)
        found = sp.transitions.collapse(m, resamples=20)
        assert int(found["status"]) == NO_COLLAPSE
        assert np.isnan(found["critical_point_low"])
        assert "does not depend on the control parameter" in found.attrs["message"]


@pytest.mark.parametrize("kind", ["line", "shares", "line of one network each"])
def test_curves_that_do_not_depend_on_the_size_are_refused(kind):
    for seed in range(3):
        scan, drawn = scan_and_draws(alone(kind, np.random.default_rng(seed)))
        assert depends_on_control(scan, drawn)
        assert not sizes_differ(scan, drawn)


def test_a_factor_of_the_size_alone_is_no_collapse():
    m = alone("line", np.random.default_rng(4))
    assert not sizes_differ(*scan_and_draws(m * m["size"] ** -0.7))


@pytest.mark.parametrize("shift", [0.0, 1e-3])
@pytest.mark.parametrize("unit", [1e-100, 1.0, 1e100])
def test_a_magnet_depends_on_control_and_size(shift, unit):
    """Also where sizes have controls of their own, and in any unit."""
    m = unit * magnet()
    controls = m["control"] + shift * np.arange(5) * xr.ones_like(m["size"])
    scan, drawn = scan_and_draws(m.assign_coords(control=controls))
    assert depends_on_control(scan, drawn)
    assert sizes_differ(scan, drawn)


def scan_and_draws(m):
    samples = samples_of(m)
    values = np.abs(samples.values)
    scan = scan_of(values, samples)
    return scan, resampled(values[None], 100, np.random.SeedSequence(0))[:, 0][:, scan.known]


def test_few_resamples_are_refused():
    with pytest.raises(InputError, match="at least 20"):
        sp.transitions.collapse(magnet(), resamples=1)


def test_a_search_without_a_collapse_warns_of_nothing():
    for scale in (1e-200, 1e6, 1e200):
        m = scale * magnet().isel(replica=slice(8), size=slice(3))
        sp.transitions.collapse(m, resamples=20)


@pytest.mark.parametrize("scale", [1e6, 1e100])
def test_an_odd_size_is_no_collapse(scale):
    m = magnet().copy()
    m[2] *= scale
    found = sp.transitions.collapse(m, resamples=50, rng=0)
    assert int(found["status"]) == NO_COLLAPSE
    assert np.isnan(found["critical_point"])


def test_quality_is_about_one_on_a_line_and_large_beside_it():
    rng = np.random.default_rng(0)
    first = np.arange(0, 241, 80)
    x = np.sort(rng.uniform(0, 1, (3, 80)), axis=1)
    error = np.full(240, 0.1)
    y = (2 * x + 0.1 * rng.standard_normal(x.shape)).ravel()
    s, used = collapse_quality(x.ravel(), y, error, first)
    assert used > 230
    assert 0.8 < s < 1.2
    shifted = y + np.repeat([0.0, 0.0, 1.0], 80)
    assert collapse_quality(x.ravel(), shifted, error, first)[0] > 10


@pytest.mark.slow(reason="40 collapses")
def test_without_corrections_small_sizes_are_biased():
    """At 64 to 512 the effective 1/nu lies above 1/2, and corrections take off most of it."""
    bias = {True: [], False: []}
    for seed in range(20):
        m = sp.processes.curie_weiss(
            [64, 128, 256, 512], np.linspace(0.8, 1.2, 21), replicas=400, rng=seed
        )["m"]
        for corrections, found in bias.items():
            result = sp.transitions.collapse(m, corrections=corrections, resamples=20, rng=0)
            found.append(float(result["exponent_control"]) - 0.5)
    plain, corrected = (np.nanmedian(bias[key]) for key in (False, True))
    print(f"bias of 1/nu without corrections {plain:.3f}, with them {corrected:.3f}")
    assert plain > 0.02
    assert abs(corrected) < plain / 2


def test_an_order_parameter_that_grows_with_the_size_is_told():
    """Percolation of small lattices had an exponent below 0, called valid without a word."""
    size = xr.DataArray(
        [64.0, 128, 256, 512, 1024], dims="size", coords={"size": [64, 128, 256, 512, 1024]}
    )
    grows = magnet() * size**0.5
    said = sp.transitions.collapse(grows, resamples=20, rng=0)
    assert int(said["status"]) == OK
    assert "no order parameter grows with the size" in said.attrs["message"]
    assert "grows with the size" not in found().attrs["message"]


def test_an_interval_that_reaches_the_largest_exponent_is_open(monkeypatch):
    end = found()["exponent_control_high"].item()
    assert end < 5
    module = sys.modules["sgdphys.transitions.collapse"]
    monkeypatch.setattr(module, "MOST", end)  # as if no larger one was tried
    same = sp.transitions.collapse(magnet(), resamples=100, rng=0)
    assert same["exponent_control_high"].item() == np.inf
    assert same.attrs["message"].startswith("ok, but ")
    assert "the interval of exponent_control is open, since it reaches" in same.attrs["message"]


def test_a_table_is_no_scan():
    """A column T was taken for the times of the rows."""
    table = (
        xr.DataArray(
            np.zeros((2, 3, 4)), {"L": [8, 16], "T": [1.0, 2, 3]}, ("L", "T", "replica"), "m"
        )
        .to_dataframe()
        .reset_index()
    )
    with pytest.raises(InputError, match=r"table.set_index\(\['L', 'T', 'replica'\]\)"):
        sp.transitions.collapse(table, size="L", control="T")
