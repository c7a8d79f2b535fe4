"""Tasks of the user's own files, and those whose answer a teacher knows."""

import gzip
import struct

import numpy as np
import pytest

from sgdphys import tasks
from sgdphys.errors import InputError


def write_idx(path, values, code):
    data = (
        struct.pack(f">HBB{values.ndim}I", 0, code, values.ndim, *values.shape) + values.tobytes()
    )
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.write(data)


def test_digits():
    data = tasks.digits()
    assert data["x"].shape == (1797, 64)
    assert data["x"].max() == 1
    assert data.attrs["shape"] == [1, 8, 8]
    assert data.sizes["label"] == 10


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files(tmp_path, suffix):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 4, 3)).astype(np.uint8)
    labels = np.array([3, 0, 1, 1, 2, 0, 3], np.uint8)
    write_idx(tmp_path / f"train-images-idx3-ubyte{suffix}", images, 8)
    write_idx(tmp_path / f"train-labels-idx1-ubyte{suffix}", labels, 8)
    data = tasks.idx(tmp_path)
    np.testing.assert_allclose(data["x"], images.reshape(7, 12) / 255)
    assert data["y"].to_numpy().tolist() == labels.tolist()
    assert data.attrs["shape"] == [1, 4, 3]
    (tmp_path / f"train-labels-idx1-ubyte{suffix}").write_bytes(b"\x00\x01")
    with pytest.raises(InputError, match="no sound IDX file"):
        tasks.idx(tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        tasks.idx(tmp_path / "nothing")


def test_tables(tmp_path):
    (tmp_path / "a.csv").write_text("width,height,kind\n1,2.5,cat\n3,4,dog\n5,6,cat\n")
    data = tasks.table(tmp_path / "a.csv")
    np.testing.assert_allclose(data["x"], [[1, 2.5], [3, 4], [5, 6]])
    assert data["y"].to_numpy().tolist() == [0, 1, 0]
    assert data.attrs["labels"] == ["cat", "dog"]
    np.savez(tmp_path / "b.npz", x=np.zeros((4, 2, 2)), y=np.array([0.0, 1.0, 1.0, 0.0]))
    assert tasks.table(tmp_path / "b.npz").attrs["shape"] == [2, 2]
    np.savez(tmp_path / "c.npz", x=np.zeros((4, 2)), target=np.ones(4))
    assert tasks.table(tmp_path / "c.npz")["target"].shape == (4, 1)
    (tmp_path / "bad.csv").write_text("1,2,0\n1,x,1\n")
    with pytest.raises(InputError, match="sample 2: 2 numbers and a label"):
        tasks.table(tmp_path / "bad.csv")
    np.savez(tmp_path / "d.npz", z=np.zeros(3))
    with pytest.raises(InputError, match="x and y, or x and target"):
        tasks.table(tmp_path / "d.npz")


@pytest.mark.parametrize("units", [0, 50])
def test_a_teacher_answers_with_unit_variance(units):
    clean = tasks.teacher_student(50, 20_000, units=units, noise=0.0, seed=1)
    assert float(clean["target"].var()) == pytest.approx(1, rel=0.25)
    noisy = tasks.teacher_student(50, 20_000, units=units, noise=1.0, seed=1)
    assert float((noisy["target"] - clean["target"]).var()) == pytest.approx(1, rel=0.05)
    assert noisy.attrs["signal_to_noise"] == 1


def test_random_labels_know_nothing():
    data = tasks.random_labels(5, 30_000, classes=3, seed=2)
    assert np.bincount(data["y"]).min() > 9500
    assert abs(float(np.corrcoef(data["x"][:, 0], data["y"])[0, 1])) < 0.02
    with pytest.raises(InputError, match=r"task\.classes is 0"):
        tasks.random_labels(classes=0)
