"""Order of a transition: what is refused, in words, and what changes nothing."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.errors import InputError
from sgdphys.transitions import order_of_transition

SIZES = np.array([50, 100, 200])
CONTROLS = np.linspace(-0.08, 0.08, 17)


def two_states(replicas=100, sizes=SIZES, controls=CONTROLS, seed=0):
    rng = np.random.default_rng(seed)
    share = 1 / (1 + np.exp(-sizes[:, None] * controls))
    upper = rng.random((len(sizes), len(controls), replicas)) < share[..., None]
    noise = 0.5 * rng.standard_normal(upper.shape) / np.sqrt(sizes)[:, None, None]
    return xr.DataArray(
        np.where(upper, 0.9, 0.1) + noise,
        dims=("size", "control", "replica"),
        coords={"size": sizes, "control": controls},
    )


def told(m, **options):
    found = order_of_transition(m, rng=0, **options)
    return found["order"].item(), found.attrs["reason"]


def test_two_states_are_told():
    assert told(two_states())[0] == "first order"


@pytest.mark.parametrize(
    ("m", "reason"),
    [
        (two_states(sizes=SIZES[:2]), "2 sizes are too few"),
        (two_states(replicas=5), "only 0 sizes show the transition"),
        (two_states(controls=CONTROLS[:4]), "only 0 sizes show the transition"),
        (two_states(controls=8 * CONTROLS[1::2]), "so close to the transition"),
        (two_states() * 0 + 3, "constant"),
        (two_states() * np.nan, "constant"),
        ((two_states() > 0.5) * 1.0, "two values only"),
        (two_states(controls=CONTROLS * 1e-9), "does not change with the control"),
    ],
)
def test_what_cannot_be_told(m, reason):
    order, said = told(m)
    assert order == "cannot be told"
    assert reason in said


@pytest.mark.parametrize("dimension", [0, -1, np.nan])
def test_the_volume_grows_with_the_size(dimension):
    with pytest.raises(InputError, match="must be a positive number"):
        order_of_transition(two_states(), dimension=dimension)


def test_sizes_are_different_and_have_values():
    with pytest.raises(InputError, match="twice"):
        order_of_transition(two_states(sizes=np.array([50, 100, 100])))
    with pytest.raises(InputError, match="needs a coordinate"):
        order_of_transition(two_states().drop_vars("size"))


def test_the_order_of_the_input_changes_nothing():
    m = two_states()
    found = order_of_transition(m, rng=0)
    turned = m.transpose("replica", "size", "control")[:, ::-1, ::-1].rename(size="n", control="t")
    again = order_of_transition(turned, size="n", control="t", rng=0)
    np.testing.assert_allclose(found["sharpness"], again["sharpness"])
    np.testing.assert_allclose(found["bimodality"], again["bimodality"])


def test_a_falling_order_parameter_is_the_same():
    m = two_states()
    falling = m.assign_coords(control=-m["control"])
    assert told(falling)[0] == "first order"
    shifted = 5 - 3 * m
    assert told(shifted)[0] == "first order"


@pytest.mark.parametrize("odd", [1e6, -50.0, np.nan, np.inf])
def test_one_odd_replica_decides_nothing(odd):
    m = two_states()
    m[:, :, 7] = odd
    assert told(m)[0] == "first order"
    m = two_states(seed=1)
    m[1, 4, 7] = odd
    assert told(m)[0] == "first order"


def test_missing_samples():
    m = two_states(replicas=150, seed=1)
    gone = np.random.default_rng(2).random(m.shape) < 0.2
    m = m.where(~gone)
    m[2, 0] = np.nan
    assert told(m)[0] == "first order"


def test_signs_of_a_symmetric_order_parameter_are_dropped():
    m = two_states()
    signs = np.random.default_rng(3).choice([-1, 1], m.shape)
    found = order_of_transition(abs(m) * signs, rng=0)
    assert found.attrs["order_parameter"] == "absolute value of the samples"
    assert found["order"] == "first order"


def test_the_volume_is_a_power_of_the_size():
    m = two_states()
    lengths = m.assign_coords(size=np.sqrt(SIZES))
    one, other = order_of_transition(m, rng=0), order_of_transition(lengths, dimension=2, rng=0)
    assert other["exponent_sharpness"].item() == pytest.approx(one["exponent_sharpness"].item())


def test_the_density_has_area_one():
    found = order_of_transition(two_states(), rng=0)
    width = np.diff(found["bin"])[0]
    np.testing.assert_allclose(found["density"].sum("bin") * width, 1)


def test_resamples_without_a_value_are_no_warning():
    """Of samples of two values the two peaks have no width in most resamples."""
    share = 1 / (1 + np.exp(-SIZES[:, None] * CONTROLS))
    for seed in range(3):
        draws = np.random.default_rng(seed).random((*share.shape, 50))
        m = two_states().isel(replica=slice(50)).copy(data=1.0 * (draws < share[..., None]))
        assert told(m)[0] == "cannot be told"


@pytest.mark.parametrize("replicas", [20, 24, 25])
def test_few_replicas_of_both_signs_are_not_folded(replicas):
    """States at 0.4 and -0.4 with their shares changing: the sign is what changes."""
    m = two_states(replicas=replicas) - 0.5
    assert order_of_transition(m, rng=0).attrs["order_parameter"] == "samples"
    rng = np.random.default_rng(0)
    even = m * rng.choice([-1, 1], m.shape)  # a magnetisation without a field
    found = order_of_transition(even, rng=0)
    assert found.attrs["order_parameter"] == "absolute value of the samples"
