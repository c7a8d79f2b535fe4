"""Critical batch sizes that are known: exactly, with scatter, and where there is no bend."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.dynamics import critical_batch_size
from sgdphys.errors import InputError, NotEnoughData

BATCH = np.array([16, 32, 64, 128, 256, 512, 1024.0])


def steps(critical, least=40.0, replicas=8, scatter=0.0, seed=0, shared=0.0):
    rng = np.random.default_rng(seed)
    logs = np.log(least * (1 + critical / BATCH))[:, None] + np.zeros(replicas)
    logs = logs + scatter * rng.standard_normal(logs.shape) + shared * rng.standard_normal(replicas)
    return xr.DataArray(np.exp(logs), {"batch_size": BATCH}, ("batch_size", "replica"))


@pytest.mark.parametrize("critical", [8.0, 150.0, 3000.0])
def test_the_law_is_found_exactly(critical):
    found = critical_batch_size(steps(critical))
    assert float(found["critical_batch_size"]) == pytest.approx(critical, rel=1e-4)
    assert float(found["least_steps"]) == pytest.approx(40, rel=1e-4)
    assert float(found["least_samples"]) == pytest.approx(40 * critical, rel=1e-4)
    assert float(found["misfit"]) < 1e-4


def test_steps_and_samples_lie_on_the_hyperbola():
    """The form in which McCandlish et al. give the law."""
    given = steps(150.0)
    found = critical_batch_size(given)
    s = given / found["least_steps"] - 1
    e = given * given["batch_size"] / found["least_samples"] - 1
    assert (s * e).to_numpy() == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("replicas", [4, 8, 20])
@pytest.mark.slow(reason="counts the coverage of an interval")
def test_intervals_cover(replicas):
    hits = 0
    for seed in range(400):
        found = critical_batch_size(steps(150.0, replicas=replicas, scatter=0.1, seed=seed,
                                          shared=0.3))  # fmt: skip
        hits += found["critical_batch_size_low"] < 150 < found["critical_batch_size_high"]
    assert 0.92 <= hits / 400 <= 0.98


def test_scatter_that_networks_share_is_no_scatter_of_the_critical_size():
    wide, narrow = (
        critical_batch_size(steps(150.0, scatter=0.02, shared=shared)) for shared in (0.5, 0.0)
    )
    widths = [float(f["critical_batch_size_high"] / f["critical_batch_size_low"])
              for f in (wide, narrow)]  # fmt: skip
    assert widths[0] == pytest.approx(widths[1], rel=0.05)


def test_no_bend_is_no_critical_size():
    flat = steps(150.0) * 0 + 40.0
    assert np.isnan(critical_batch_size(flat)["critical_batch_size"])


def test_what_cannot_be_fitted_is_refused():
    given = steps(150.0)
    with pytest.raises(NotEnoughData, match="2 batch sizes have finite steps"):
        critical_batch_size(given.isel(batch_size=[0, 1]))
    with pytest.raises(InputError, match="must be above 0"):
        critical_batch_size(-given)
    with pytest.raises(InputError, match="no coordinate batch_size"):
        critical_batch_size(given.drop_vars("batch_size"))
