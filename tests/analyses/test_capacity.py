"""Capacity: separability with a proof, Cover's probability, and scans from cases of a sweep."""

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import linprog

import sgdphys as sp
from sgdphys.analyses.capacity.analysis import analyse
from sgdphys.analyses.capacity.scans import scan
from sgdphys.analyses.capacity.separability import is_separable
from sgdphys.analyses.capacity.statistics import STATISTICS
from sgdphys.claims.results import Results
from sgdphys.errors import InputError

KEYS = {
    "task": {"name": "dichotomies", "labels": "soft", "inputs": 5, "load": 1.6},
    "network": {"layers": [], "bias": False},
    "train": {"epochs": 60, "replicas": 24, "sampling": "full", "learning_rate": 1.0,
              "train_fraction": 1.0},
    "record": {"weights": "log", "gradients": "none"},
    "analyses": {"capacity": {}},
    "figures": {"formats": []},
}  # fmt: skip


def margin(x, is_first):
    """The largest margin within a unit box, by a linear program that is always feasible."""
    z = np.where(is_first[:, None], x, -x)
    rows = np.hstack([-z, np.ones((len(z), 1))])
    bounds = [(-1, 1)] * z.shape[1] + [(None, None)]
    cost = np.append(np.zeros(z.shape[1]), -1.0)
    return -linprog(cost, A_ub=rows, b_ub=np.zeros(len(z)), bounds=bounds).fun


def random_sets(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        inputs = int(rng.integers(1, 9))
        points = int(rng.integers(1, 4 * inputs + 2))
        yield rng.standard_normal((points, inputs)), rng.integers(0, 2, points) == 1


def test_separability_is_that_of_a_linear_program():
    found = [(is_separable(x, y), margin(x, y) > 1e-9) for x, y in random_sets(150, 3)]
    assert all(own == program for own, program in found)
    assert 30 < sum(own for own, _ in found) < 120


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_narrow_margin_is_still_one(scale):
    """Points on either side of a plane, as close to it as a thousandth."""
    rng = np.random.default_rng(1)
    x, normal = rng.standard_normal((60, 10)), np.eye(10)[0]
    side = np.arange(60) % 2 == 0
    x[:, 0] = np.where(side, 1e-3, -1e-3)
    assert is_separable(x * scale, side)
    x[0] = -x[2]  # opposite points with the same label
    assert not is_separable(x * scale, side)
    assert normal @ x[2] > 0


def test_the_share_of_separable_sets_is_covers():
    """400 labellings of 12 points in 6 dimensions: 1/2, within three standard errors."""
    rng = np.random.default_rng(8)
    x = rng.standard_normal((12, 6))
    share = np.mean([is_separable(x, rng.integers(0, 2, 12) == 1) for _ in range(400)])
    assert abs(share - 0.5) < 3 * 0.5 / 20


def test_points_of_a_study_have_labels_of_every_networks_own(tmp_path):
    done = sp.run(KEYS, tmp_path / "run")
    with done.results as results:
        found = results["capacity"].to_dataset().load()
    assert (int(found["points"]), int(found["dimension"])) == (8, 5)
    assert float(found["cover"]) == sp.processes.cover_probability(8, 5)
    accuracy = done.trajectory["training"]["accuracy"].transpose("epoch", "replica")
    np.testing.assert_array_equal(found["separated"], accuracy == 1)
    assert (found["separated"] <= found["separable"]).all()
    assert 0 < found["separated"].isel(epoch=-1).mean() < 1
    theta = done.trajectory["weights"]["theta"].isel(step=-1).to_numpy()
    task = sp.tasks.dichotomies(8, 5)
    for network in np.flatnonzero(found["separated"].isel(epoch=-1)):
        # what has separated shows which labels it had: its own answers are a proof
        answers = (task["x"].to_numpy() @ theta[network].reshape(2, 5).T).argmax(axis=1) == 1
        assert margin(task["x"].to_numpy(), answers) > 0


def test_biases_are_one_more_dimension(tmp_path):
    keys = {**KEYS, "network": {"layers": []}, "train": {**KEYS["train"], "epochs": 2}}
    with sp.run(keys, tmp_path / "run").results as results:
        assert int(results["capacity"]["dimension"]) == 6


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"task": {"name": "digits"}}, "task.name = 'dichotomies' and task.labels = 'soft'"),
        ({"task": {"name": "dichotomies"}}, "labels that are drawn anew for every network"),
        ({"train": {**KEYS["train"], "twins": 2}}, "set train.twins to 1"),
        ({"task": {**KEYS["task"], "points": 9}}, "task.load 1.6, which is points per input"),
    ],
)
def test_what_cannot_be_compared_with_cover_is_refused(tmp_path, changed, sentence):
    with pytest.raises(InputError, match=sentence):
        sp.run({**KEYS, **changed}, tmp_path / "run")


def swept(separated, separable, loads=(1.5, 2.0, 2.5), sizes=(4, 8)):
    """Results of a sweep as ``analyse`` and a study make them: one epoch 0 and one epoch 10."""
    pairs = [(n, a) for n in sizes for a in loads]
    last = np.asarray(separated, float)
    data = xr.Dataset(
        {
            "separated": (("case", "epoch", "replica"), np.stack([0 * last, last], axis=1)),
            "separable": (("case", "replica"), np.asarray(separable, float)),
            "cover": ("case", [sp.processes.cover_probability(int(n * a), n) for n, a in pairs]),
            "dimension": ("case", [float(n) for n, _ in pairs]),
            "load": ("case", [float(a) for _, a in pairs]),
        },
        coords={
            "epoch": [0, 10],
            "updates": ("epoch", [0.0, 10.0]),
            "flow_time": ("epoch", [0.0, 5.0]),
            "swept_load": ("case", [float(a) for _, a in pairs]),
            "swept_inputs": ("case", [n for n, _ in pairs]),
        },
        attrs={"of": "capacity"},
    )
    return data


def measured(statistic, data, where=None):
    return STATISTICS[statistic].of(Results({"capacity": data}, ("capacity",), "", where or {}))


def test_gaps_are_means_over_the_cases_that_are_asked_for():
    separated, separable = np.zeros((6, 5)), np.ones((6, 5))
    separated[1, :3] = 1  # N = 4, P/N = 2
    data = swept(separated, separable)
    at_two = measured("cover_gap", data, {"load": 2.0, "inputs": 4})
    np.testing.assert_allclose(at_two, [-0.5, -0.5, -0.5, 0.5, 0.5])
    assert measured(
        "cover_gap", data, {"load": 2.0, "until_time": 0.0}
    ).to_numpy() == pytest.approx(0.5)
    assert float(measured("separable_gap", data, {"load": 2.0}).mean()) == 0.5
    assert not measured("separated_beyond", data).any()
    beyond = measured("separated_beyond", swept(separated, 0 * separable), {"load": 2.0})
    np.testing.assert_array_equal(beyond.mean("case"), [0.5, 0.5, 0.5, 0, 0])


def test_a_scan_sorts_sizes_and_loads_and_leaves_gaps():
    values = np.arange(30.0).reshape(6, 5)
    data = swept(values, values)
    shuffled = data.isel(case=[5, 0, 3, 1, 4])  # without N = 4, P/N = 2.5
    m = scan(shuffled, shuffled["separable"])
    assert m["size"].to_numpy().tolist() == [4, 8]
    np.testing.assert_array_equal(m["control"], [[1.5, 2.0, np.nan], [1.5, 2.0, 2.5]])
    np.testing.assert_array_equal(m.isel(size=1), values[3:])
    assert np.isnan(m.isel(size=0, control=2)).all()
    with pytest.raises(InputError, match="the same numbers of points and inputs"):
        scan(data.isel(case=[0, 0]), data["separable"].isel(case=[0, 0]))
    with pytest.raises(InputError, match="needs a sweep"):
        scan(data.isel(case=0), data["separable"].isel(case=0))


def test_an_analysis_says_what_its_variables_are(tmp_path):
    with sp.run(KEYS, tmp_path / "run").results as results:
        found = results["capacity"].to_dataset().load()
    assert all(found[name].attrs.get("long_name") for name in found.data_vars)
    assert analyse.__doc__
