"""Hysteresis: what is refused, curves on other grids, missing replicas, and noise."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.status import words
from sgdphys.transitions import hysteresis
from sgdphys.transitions.zero_speed import at_zero_speed

SPEEDS = np.array([0.001, 0.004, 0.016, 0.064])


def loops(static=1.0, speeds=SPEEDS, replicas=12, points=201, noise=0.02, seed=0):
    """Rectangles of height 2 and width (static + v**(2/3))/2, each with a step of width 0.05."""
    rng = np.random.default_rng(seed)
    control = np.linspace(-2, 2, points)
    width = (static + speeds ** (2 / 3)) / 4
    places = width[:, None, None, None] * np.array([-1, 1])[:, None, None]
    places = places + noise * rng.standard_normal((len(speeds), 2, 1, replicas))
    return xr.DataArray(
        np.tanh(20 * (control[:, None] + places)),
        dims=("speed", "direction", "control", "replica"),
        coords={"speed": speeds, "direction": ["up", "down"], "control": control},
    )


def said(found):
    return words(found["status"]).item()


def holds(found, name, truth):
    return found[f"{name}_low"] <= truth <= found[f"{name}_high"]


def test_a_loop_that_remains():
    found = hysteresis(loops())
    assert said(found) == "loop remains at zero speed"
    assert holds(found, "area_at_zero_speed", 1.0)
    assert holds(found, "exponent", 2 / 3)
    np.testing.assert_allclose(found["area"], 1 + SPEEDS ** (2 / 3), rtol=0.1)


def test_a_lag_alone():
    assert said(hysteresis(loops(static=0.0))) == "no loop at zero speed"


def test_a_falling_order_parameter_has_the_same_loop():
    m = loops()
    np.testing.assert_allclose(hysteresis(-m)["area"], hysteresis(m)["area"])


def test_the_order_of_the_input_changes_nothing():
    m = loops()
    found = hysteresis(m)
    turned = m.transpose("replica", "control", "speed", "direction")[:, ::-1, ::-1, ::-1]
    again = hysteresis(turned.rename(speed="v", control="h"), speed="v", control="h")
    assert again["area_at_zero_speed"].item() == pytest.approx(found["area_at_zero_speed"].item())


@pytest.mark.parametrize("count", [1, 2])
def test_two_speeds_claim_nothing(count):
    found = hysteresis(loops(speeds=SPEEDS[:count]))
    assert said(found) == "too few speeds"
    assert np.isnan(found["area_at_zero_speed"])
    assert np.isfinite(found["area"]).all()


def test_speeds_without_replicas_do_not_count():
    m = loops()
    m[2:, 0] = np.nan
    found = hysteresis(m)
    assert said(found) == "too few speeds"
    assert np.isnan(found["area"][2:]).all()


@pytest.mark.parametrize("replicas", [1, 2])
def test_too_few_replicas(replicas):
    found = hysteresis(loops(replicas=replicas))
    assert said(found) == "too few members"
    assert "at least 3 replicas" in found.attrs["reason"]


def test_a_missing_branch_is_named():
    found = hysteresis(loops().where(loops()["direction"] == "up"))
    assert said(found) == "no data"
    assert "no curve down" in found.attrs["reason"]
    assert said(hysteresis(loops() * np.nan)) == "no data"


def test_nothing_is_read_off_a_rejected_law():
    m = loops(noise=0.0005, replicas=30)
    m = m.assign_coords(speed=[0.016, 0.064, 0.001, 0.004])  # areas that fall, then rise
    found = hysteresis(m)
    assert found["p_value"] < 0.01
    assert said(found) == "cannot be told"
    for name in ("area_at_zero_speed", "exponent"):
        for end in ("", "_low", "_high"):
            assert np.isnan(found[f"{name}{end}"])


@pytest.mark.parametrize("exponent", [0.3, 2 / 3, 1.0, 1.7])
@pytest.mark.parametrize("error", [1e-6, 1e-3])
def test_the_interval_of_the_exponent_has_a_width_and_holds_it(exponent, error):
    areas = 1 + SPEEDS**exponent
    found = at_zero_speed(SPEEDS, areas, np.eye(4) * error**2, 30, 0.95)
    value, low, high = found.exponent
    assert low < exponent < high
    assert low < value < high
    assert found.area[1] < 1 < found.area[2]
    assert found.p_value > 0.5


def test_missing_replicas_and_gaps():
    m = loops()
    whole = hysteresis(m)
    m[1, 0, :, 3] = np.nan  # a curve
    m[2, 1, 0, 4] = np.nan  # an end
    m[0, 0, 20:23, 5] = np.nan  # a gap where the curve is flat
    found = hysteresis(m)
    np.testing.assert_allclose(found["area"], whole["area"], rtol=0.02)
    assert said(found) == said(whole)


def test_curves_at_other_controls_are_interpolated():
    m = loops(points=401)
    up, down = m.sel(direction="up"), m.sel(direction="down")
    shifted = np.linspace(-1.9, 2.1, 401)
    down = down.interp(control=shifted, kwargs={"fill_value": 1.0})
    controls = np.stack([m["control"].values, shifted])
    both = xr.DataArray(
        np.stack([up.values, down.values], axis=1),
        dims=m.dims,
        coords={
            "speed": SPEEDS,
            "direction": ["up", "down"],
            "control": (("direction", "control"), controls),
        },
    )
    found = hysteresis(both)
    assert found.attrs["grid"] == "interpolated linearly"
    assert float(found["control"][0]) == pytest.approx(-1.9)
    np.testing.assert_allclose(found["area"], hysteresis(m)["area"], rtol=0.01)


def test_one_branch_that_jumps_early():
    """Noise that triggers one jump makes the loop smaller, not its interval wrong."""
    m = loops(noise=0.0)
    early = loops(static=0.6, noise=0.0)
    m[:, 0, :, :4] = early[:, 0, :, :4].values
    found = hysteresis(m)
    assert holds(found, "area_at_zero_speed", 1.0 - 0.4 / 2 / 3)


def test_identical_flat_replicas_have_no_error():
    found = hysteresis(loops() * 0 + 1)
    assert said(found) == "cannot be told"
    assert "identical" in found.attrs["reason"]


def test_loops_the_wrong_way_round():
    """A branch that leads has no law A0 + c v**a of positive terms."""
    m = loops()
    turned = m.assign_coords(direction=["down", "up"])
    assert said(hysteresis(turned)) == "cannot be told"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"direction": ["up", "up"]}, "must be 'up' and 'down'"),
        ({"speed": [0.0, 1, 2, 3]}, "positive and different"),
        ({"speed": [1.0, 1, 2, 3]}, "positive and different"),
        ({"speed": [1.0, 2, 3, np.inf]}, "not finite"),
        ({"speed": list("abcd")}, "'speed' holds no numbers"),
        ({"control": [str(k) for k in range(201)]}, "'control' holds no numbers"),
        ({"control": (("control", "replica"), np.ones((201, 12)))}, "not depend on replica"),
    ],
)
def test_wrong_coordinates(change, message):
    with pytest.raises(InputError, match=message):
        hysteresis(loops().assign_coords(change))


def test_missing_coordinates():
    with pytest.raises(InputError, match="needs a coordinate"):
        hysteresis(loops().drop_vars("control"))
    with pytest.raises(InputError, match="there is no dimension 'speed'"):
        hysteresis(loops().isel(speed=0))


def test_identical_replicas_with_jumps():
    """Their areas have the error of the grid alone, and no correlation."""
    control, width = np.arange(-2, 2.25, 0.25), np.array([0.25, 0.5, 0.75, 1.0])
    turn = width[:, None, None, None] * np.array([1, -1])[:, None, None]
    m = xr.DataArray(
        np.where(control[:, None] > turn, 1.0, -1.0) * np.ones(4),
        dims=("speed", "direction", "control", "replica"),
        coords={"speed": [1.0, 2, 4, 8], "direction": ["up", "down"], "control": control},
    )
    found = hysteresis(m)
    assert np.isfinite(found["area"]).all()
    assert said(found) in ("loop remains at zero speed", "no loop at zero speed", "cannot be told")
