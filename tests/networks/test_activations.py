"""One table of activations: its properties, and numpy, SIMD lanes and torch agreeing on it."""

import operator
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
import torch

import sgdphys
from sgdphys.networks.activations import ACTIVATIONS, activate, code_of
from sgdphys.simd.operations import load_block, store
from sgdphys.simd.vectors import SAMPLES, lanes

Z = np.linspace(-20, 20, 4096)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_properties_are_those_of_the_function(name):
    row = ACTIVATIONS[name]
    a = row.value(Z)
    assert (a >= row.range[0]).all()
    assert (a <= row.range[1]).all()
    assert row.is_bounded == (np.ptp(row.value(np.array([-1e9, 1e9]))) < 3)
    assert row.is_odd == np.allclose(row.value(-Z), -a)
    assert row.is_homogeneous == np.allclose(row.value(3 * Z), 3 * a)
    assert (row.inverse is not None) == bool((np.diff(a) >= 0).all())
    if row.inverse is not None:
        ends = row.value(np.array([-1e9, 1e9]))
        assert np.clip(row.range, -1e9, 1e9) == pytest.approx(ends, abs=2e-9)
        z = Z[(np.abs(Z) < 8) & (a > row.range[0])]
        assert row.inverse(row.value(z)) == pytest.approx(z, rel=1e-6)


@numba.njit
def on_lanes(code, z, value, slope, block):
    for at in range(0, z.shape[0], block):
        a, s = activate(code, load_block(z, at))
        store(value, at, a)
        store(slope, at, s)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_numpy_lanes_and_torch_agree(name, dtype):
    row, near = ACTIVATIONS[name], 8 * np.finfo(dtype).eps
    z = Z.astype(dtype)
    value, slope = np.empty_like(z), np.empty_like(z)
    on_lanes(code_of(name), z, value, slope, SAMPLES * lanes(dtype))
    exact = torch.tensor(z.astype(np.float64), requires_grad=True)
    of_torch = operator.attrgetter(row.torch)(torch)(exact)
    of_torch.sum().backward()
    size = 1 + np.abs(z)
    for found, wanted in (
        (row.value(z.astype(np.float64)), of_torch.detach().numpy()),
        (value, of_torch.detach().numpy()),
        (slope, exact.grad.numpy()),
    ):
        assert (np.abs(found - wanted) <= near * size).all()


ROW = """

@_inlined
def _relu6(z):
    value = where(z > 0.0, where(z < 6.0, z, 6.0), z * 0.0)
    return value, where(z > 0.0, where(z < 6.0, 1.0, z * 0.0), z * 0.0)


ACTIVATIONS["relu6"] = Activation(
    lambda z: np.clip(z, 0, 6), _relu6, "nn.functional.relu6", range=(0.0, 6.0),
    inverse=lambda a: a,
)

"""
TRAIN = """
import numpy as np
import sgdphys as sp
from sgdphys.networks import from_description
task = sp.tasks.symmetric_rule()
run = sp.run(
    {"network": {"layers": [2], "activation": "relu6"}, "train": {"epochs": 1, "replicas": 1},
     "analyses": {}, "claims": {}, "figures": {"formats": []}},
    "run",
)
theta = run.trajectory["weights"]["theta"].isel(replica=0).to_numpy()
hidden = from_description(run.trajectory.attrs["network"]).forward(theta[-1], task["x"].to_numpy())
assert np.isfinite(theta).all() and not (theta[0] == theta[-1]).any()
assert 0 <= hidden[0].min() and hidden[0].max() <= 6
found = sp.information.layer_information(run.trajectory, task)
assert found["bin_high"].to_numpy()[0, 0] == 6 and float(found["I_XT"][-1, 0, 0]) > 1
"""


@pytest.mark.slow  # compiles every kernel again
def test_a_new_activation_is_one_row(tmp_path):
    """A copy of the package with a row more trains, replays and bins a network of it."""
    package = tmp_path / "sgdphys"
    shutil.copytree(
        Path(sgdphys.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__")
    )
    table = package / "networks" / "activations.py"
    text = table.read_text()
    before, mark, after = text.partition("\n\ndef code_of(")
    assert mark
    table.write_text(before + ROW + mark + after)
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], cwd=tmp_path, env={"PATH": "", "PYTHONPATH": str(tmp_path),
        "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
