"""The symmetric rule against everything that is known about it."""

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.tasks import icosahedron, symmetric_rule
from sgdphys.tasks.catalogue import TASKS, Entry
from sgdphys.tasks.headers import Sizes

ORBITS = Path(__file__).parents[1] / "data" / "symmetric_rule_orbits.csv"


@pytest.fixture(scope="module")
def task():
    return symmetric_rule()


@pytest.fixture(scope="module")
def bits(task):
    return task["x"].to_numpy().astype(int)


@pytest.fixture(scope="module")
def y(task):
    return task["y"].to_numpy()


@pytest.fixture(scope="module")
def cosines():
    vertices = icosahedron()
    return np.round(vertices @ vertices.T * np.sqrt(5)).astype(int)  # adjacent 1, antipodal -2


@pytest.fixture(scope="module")
def symmetries(cosines):
    """All permutations of the vertices that keep every cosine, by backtracking."""
    found = []

    def extend(images):
        k = len(images)
        if k == 12:
            found.append(images)
            return
        for v in range(12):
            if v not in images and all(cosines[v, images[j]] == cosines[k, j] for j in range(k)):
                extend([*images, v])

    extend([])
    return np.array(found)


def test_labels_and_their_entropy(y):
    p = y.mean()
    assert y.sum() == 2118
    assert p == pytest.approx(0.517090, abs=5e-7)
    assert -p * np.log2(p) - (1 - p) * np.log2(1 - p) == pytest.approx(0.999157, abs=5e-7)


def test_ones_by_number_of_points(bits, y):
    ones = [int(y[bits.sum(axis=1) == n].sum()) for n in range(13)]
    assert ones == [0, 0, 0, 0, 0, 60, 532, 732, 495, 220, 66, 12, 1]


def test_threshold_lies_in_the_gap(bits):
    f = bits.sum(axis=1) + np.linalg.norm(bits @ icosahedron(), axis=1)
    assert f[f < 7.63204].max() == pytest.approx(7.5628, abs=5e-5)
    assert f[f > 7.63204].min() == pytest.approx(7.7013, abs=5e-5)


def test_published_classes_and_labels(bits, y, cosines, task):
    """The 64 rows of the table: multiplicity and label of each class of pair counts."""
    adjacent = np.triu(cosines == 1, 1)
    antipodal = np.triu(cosines < -1, 1)
    counts = np.stack(
        [
            bits.sum(axis=1),
            np.einsum("si,ij,sj->s", bits, adjacent, bits),
            np.einsum("si,ij,sj->s", bits, antipodal, bits),
        ],
        axis=1,
    )
    with ORBITS.open() as file:
        rows = [tuple(map(int, row)) for row in itertools.islice(csv.reader(file), 1, None)]
    assert len(rows) == 64
    found = {}
    for key, label, spectral in zip(
        map(tuple, counts.tolist()), y.tolist(), task["spectral_class"].to_numpy(), strict=True
    ):
        found.setdefault(key, []).append((label, int(spectral)))
    assert {(*k, len(v), v[0][0]) for k, v in found.items()} == set(rows)
    # each is one spectral class with one label
    assert all(len(set(v)) == 1 for v in found.values())
    assert len({v[0][1] for v in found.values()}) == 64


def _orbits(permutations):
    weights = 1 << np.arange(12)
    patterns = (np.arange(4096)[:, None] >> np.arange(12)) & 1
    images = [(patterns[:, p] * weights).sum(axis=1) for p in permutations]
    return len(set(np.min(images, axis=0).tolist()))


def test_symmetry_group_of_the_label(bits, y, cosines, symmetries):
    assert len(symmetries) == 120
    weights = 1 << np.arange(12)
    assert all((y[(bits[:, p] * weights).sum(axis=1)] == y).all() for p in symmetries)
    # any symmetry of the label keeps how often two bits are both 1 among the ones, and that number
    # tells apart adjacent, antipodal and other pairs: so there is no 121st
    together = bits[y == 1].T @ bits[y == 1]
    numbers = [set(together[cosines == c].tolist()) for c in (1, -1, -2)]
    assert all(a.isdisjoint(b) for a, b in itertools.combinations(numbers, 2))


def test_orbits_of_patterns(symmetries):
    vertices = icosahedron()
    maps = [np.linalg.lstsq(vertices, vertices[p], rcond=None)[0] for p in symmetries]
    rotations = [p for p, m in zip(symmetries, maps, strict=True) if np.linalg.det(m) > 0]
    assert len(rotations) == 60
    assert _orbits(symmetries) == 82
    assert _orbits(rotations) == 96


def test_influence_of_every_bit(y):
    codes = np.arange(4096)
    assert [int((y != y[codes ^ (1 << b)]).sum()) for b in range(12)] == [884] * 12


def test_not_a_linear_threshold_function(bits, y):
    signs = np.where(y == 1, 1.0, -1.0)[:, None]
    constraint = -signs * np.hstack([bits, np.ones((4096, 1))])
    answer = linprog(np.zeros(13), A_ub=constraint, b_ub=-np.ones(4096), bounds=(None, None))
    assert answer.status == 2  # infeasible


@pytest.mark.parametrize(
    ("information", "gamma", "p_one", "inverse_square"),
    [
        (0.99, 54.492, 0.51644, 1.005218),
        (0.9, 10.3571, 0.51169, 1.092999),
        (0.7, 3.17796, 0.50817, 1.347122),
        (0.5, 1.68719, 0.50572, 1.785216),
    ],
)
def test_soft_labels(information, gamma, p_one, inverse_square):
    task = symmetric_rule(information)
    joint = task["p_x"].to_numpy()[:, None] * task["p_y_given_x"].to_numpy()
    p_x, p_y = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    mutual = np.sum(joint * np.log2(joint / (p_x * p_y), where=joint > 0, out=np.zeros_like(joint)))
    assert mutual == pytest.approx(information, abs=1e-6)
    assert task.attrs["gamma"] == pytest.approx(gamma, rel=1e-5)
    assert p_y[0, 1] == pytest.approx(p_one, abs=5e-6)
    second = np.linalg.svd(joint / np.sqrt(p_x * p_y), compute_uv=False)[1]
    assert 1 / second**2 == pytest.approx(inverse_square, abs=1e-6)


@pytest.mark.parametrize("information", [0, -1.0, 0.9992, 1.0, float("nan")])
def test_impossible_information_is_refused(information):
    with pytest.raises(InputError, match=r"at least 1e-09 and at most 0\.999157"):
        symmetric_rule(information)


def test_bipolar_inputs(bits):
    assert (symmetric_rule(bipolar=True)["x"].to_numpy() == 2 * bits - 1).all()


def test_units_and_names(task):
    assert all({"units", "long_name"} <= set(task[name].attrs) for name in task.data_vars)


def test_a_committee_is_a_majority_that_knows_no_ties():
    task = sp.tasks.committee(3, seed=1)
    members = np.random.default_rng(1).standard_normal((3, 12))
    s = 2 * task.x.to_numpy() - 1
    votes = (s @ members.T > 0).sum(axis=1)
    assert (task.y.to_numpy() == (votes >= 2)).all()
    # turning every input over turns every vote, and so the label
    turned = 4095 - np.arange(4096)
    assert (task.y.to_numpy()[turned] == 1 - task.y.to_numpy()).all()
    with pytest.raises(InputError, match="odd number"):
        sp.tasks.committee(4)


def test_a_linear_teacher_looks_at_its_relevant_inputs_alone():
    task = sp.tasks.teacher_student(10, 5000, noise=0.0, relevant=3)
    teacher = task.teacher.to_numpy()
    assert (teacher[3:] == 0).all()
    assert task.target.to_numpy()[:, 0] == pytest.approx(task.x.to_numpy() @ teacher)
    many = [
        sp.tasks.teacher_student(10, 1, relevant=3, seed=k).teacher.to_numpy() for k in range(500)
    ]
    assert np.square(many).sum(axis=1).mean() / 10 == pytest.approx(1.0, abs=0.15)


def test_a_task_is_one_row(monkeypatch, tmp_path):
    def parity(keys):
        bits = symmetric_rule()[["x", "p_x"]]
        return bits.assign(y=("sample", bits["x"].to_numpy().sum(axis=1).astype(int) % 2),
                           label=[0, 1])  # fmt: skip

    row = Entry(parity, lambda keys: Sizes(4096, 12, 2, are_labels=True), frozenset({"labels"}))
    monkeypatch.setitem(TASKS, "parity", row)
    study = {
        "task": {"name": "parity"}, "network": {"layers": [3]},
        "train": {"epochs": 2, "replicas": 1}, "analyses": {"information": {}},
        "figures": {"formats": []},
    }  # fmt: skip
    with sp.run(study, tmp_path / "run").results as results:
        assert np.isfinite(results["information/I_TY"]).all()
    study["task"]["units"] = 3
    with pytest.raises(InputError, match=r"task\.units has no effect with task\.name 'parity'"):
        sp.run(study, tmp_path / "other")
