"""Tasks of the user's own files, and those whose answer a teacher knows."""

import numpy as np
import pytest
from idx import write_idx

from sgdphys import tasks
from sgdphys.errors import InputError
from sgdphys.tasks.headers import idx_sizes, table_sizes


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
    with pytest.raises(InputError, match="no valid IDX file"):
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


def test_sizes_are_known_before_the_arrays(tmp_path):
    (tmp_path / "a.csv").write_text("1,2.5,cat\n3,4,dog\n5,6,cat\n")
    np.savez(tmp_path / "b.npz", x=np.zeros((4, 2, 2)), y=np.array([0.0, 1.0, 1.0, 5.0]))
    np.savez_compressed(tmp_path / "c.npz", x=np.zeros((4, 2)), target=np.ones((4, 3)))
    for name in ("a.csv", "b.npz", "c.npz"):
        data, sizes = tasks.table(tmp_path / name), table_sizes(tmp_path / name)
        assert sizes[:2] == data["x"].shape
        assert sizes.are_labels == ("y" in data)
        assert sizes.outputs == data.sizes["label" if sizes.are_labels else "output"]
    write_idx(tmp_path / "images-idx3-ubyte", np.zeros((5, 4, 3), np.uint8), 8)
    write_idx(tmp_path / "labels-idx1-ubyte", np.array([0, 1, 7, 1, 0], np.uint8), 8)
    assert idx_sizes(tmp_path) == (5, 12, 8, True)


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("0,1,2,label\n5,6,7,a\n8,9,1,b\n", 2),
        ("0,1,2,3\n5,6,7,0\n8,9,1,1\n", 2),
        ("5,6,7,B\n5,6,7,0\n", 2),
        ("0,1,yes\n1,1,no\n", 2),
        ("0,1,1\n1,1,0\n", 2),
        ("0,1,2,3\n", 0),
        ("1,2,3,label\n5,6,7,0\n8,9,1,1\n", 2),
        ("0,1,2,cat\n5,6,7,dog\n8,9,1,cat\n", 3),
        ("0,1,2,3\n5,6,7,0\n8,9,1,3\n", 3),
    ],
)
def test_a_row_of_names_is_no_sample(tmp_path, text, samples):
    """pandas numbers columns without names: 0, 1, 2 and "label" were a sample and a class."""
    (tmp_path / "a.csv").write_text(text)
    if not samples:
        for read in (tasks.table, table_sizes):
            with pytest.raises(InputError):
                read(tmp_path / "a.csv")
        return
    data, sizes = tasks.table(tmp_path / "a.csv"), table_sizes(tmp_path / "a.csv")
    assert len(data["x"]) == sizes.samples == samples
    assert data.sizes["label"] == sizes.outputs == 2


@pytest.mark.parametrize(
    ("text", "labels"),
    [("1,0\n2,1\n3,1.0\n4,0.0\n", ["0", "1"]), ("1,10\n2,2\n3,010\n", ["2", "10"])],
)
def test_labels_that_are_numbers_are_compared_as_numbers(tmp_path, text, labels):
    """0 and 0.0 were two classes, and 10 came before 2."""
    (tmp_path / "a.csv").write_text("input,label\n" + text)
    assert tasks.table(tmp_path / "a.csv").attrs["labels"] == labels
    assert table_sizes(tmp_path / "a.csv").outputs == 2


def test_numbers_that_are_to_be_predicted_are_no_classes(tmp_path):
    (tmp_path / "a.csv").write_text("a,y\n1,0.5\n2,0.7\n3,0.9\n")
    with pytest.raises(InputError, match="3 values for 3 samples"):
        tasks.table(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["1,2,a\n3,4,\n", "1,2,0\n3,4,nan\n", "1,2,0\n3,4,NA\n"])
def test_a_missing_label_is_no_class(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match="sample 2: the label is missing"):
        tasks.table(tmp_path / "a.csv")
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 1)), y=np.array([0.0, np.nan]))
    with pytest.raises(InputError, match="sample 2: the label is missing"):
        tasks.table(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npz", b"no zip"),
        ("a.npz", b""),
        ("a.csv", b"\xff\xfe1,2\n"),
        ("a.csv", b"1,\x002\n1" + b"2" * 200_000),
        ("a.csv", b""),
        ("a.csv", b"width,kind\n"),
        ("a.csv", b"cat\ndog\n"),
        ("a.txt", b"1,2\n"),
    ],
)
def test_damaged_tables_are_told(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        tasks.table(tmp_path / name)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": np.zeros((0, 2)), "y": np.zeros(0)},
        {"x": np.float64(1.0), "y": np.zeros(1)},
        {"x": np.zeros((2, 2), complex), "y": np.zeros(2)},
        {"x": np.array([["a"], ["b"]]), "y": np.zeros(2)},
        {"x": np.array([["a"], [None]]), "y": np.zeros(2)},
        {"x": np.zeros((2, 2)), "y": np.zeros(3)},
        {"x": np.zeros((2, 2)), "target": np.array([np.nan, 1.0])},
        {"x": np.zeros((2, 2)), "target": np.zeros((2, 0))},
        {"x": np.zeros((2, 2)), "target": np.float64(3.0)},
    ],
    ids=lambda arrays: ", ".join(f"{n} {np.shape(a)} {np.asarray(a).dtype}" for n, a in
                                 arrays.items()),
)  # fmt: skip
def test_arrays_that_are_no_samples_are_told(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=r"a\.npz"):
        tasks.table(tmp_path / "a.npz")


def test_labels_below_0_are_told(tmp_path):
    write_idx(tmp_path / "images-idx3-ubyte", np.zeros((2, 4, 3), np.uint8), 8)
    write_idx(tmp_path / "labels-idx1-ubyte", np.array([0, -1], np.int8), 9)
    with pytest.raises(InputError, match="not whole numbers 0, 1"):
        tasks.idx(tmp_path)


@pytest.mark.parametrize("units", [0, 50])
def test_a_teacher_answers_with_unit_variance(units):
    clean = tasks.teacher_student(50, 20_000, units=units, noise=0.0, seed=1)
    assert float(clean["target"].var()) == pytest.approx(1, rel=0.25)
    noisy = tasks.teacher_student(50, 20_000, units=units, noise=1.0, seed=1)
    assert float((noisy["target"] - clean["target"]).var()) == pytest.approx(1, rel=0.05)
    own = float((clean["teacher"] ** 2).sum() / 50) if not units else 1.0
    assert noisy.attrs["signal_to_noise"] == pytest.approx(own)


def test_random_labels_know_nothing():
    data = tasks.random_labels(5, 30_000, classes=3, seed=2)
    assert np.bincount(data["y"]).min() > 9500
    assert abs(float(np.corrcoef(data["x"][:, 0], data["y"])[0, 1])) < 0.02
    with pytest.raises(InputError, match=r"task\.classes is 0"):
        tasks.random_labels(classes=0)


def test_inputs_can_be_standardised(tmp_path):
    """Each input by itself; one that does not vary, and one that would overflow, included."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(1000, 50, 30), np.full(30, 0.1), 1e200 * rng.random(30)])
    np.savez(tmp_path / "t.npz", x=x, y=np.arange(30) % 2)
    found = tasks.table(tmp_path / "t.npz", standardise=True)["x"].to_numpy()
    assert found.mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert found.std(axis=0) == pytest.approx([1, 0, 1])
    expected = (x[:, 0] - x[:, 0].mean()) / x[:, 0].std()
    assert found[:, 0] == pytest.approx(expected)
    assert (tasks.table(tmp_path / "t.npz")["x"].to_numpy() == x).all()


@pytest.mark.parametrize("first", ["5.1,3.5,cat", ",3.5,cat"])
def test_a_first_sample_is_no_heading(tmp_path, first):
    """Excel writes a mark before it, and a value may be missing."""
    path = tmp_path / "a.csv"
    path.write_text(f"{first}\n4.9,3.0,dog\n", encoding="utf-8-sig")
    if first.startswith(","):
        with pytest.raises(InputError, match="sample 1: 2 numbers and a label were expected"):
            tasks.table(path)
    else:
        assert tasks.table(path)["x"].values.tolist() == [[5.1, 3.5], [4.9, 3.0]]


def test_a_heading_is_no_sample(tmp_path):
    """Of the sizes by which a study is checked: 100 samples were 101, of one class more."""
    path = tmp_path / "a.csv"
    rows = "".join(f"{k},{2 * k},{'cat' if k % 2 else 'dog'}\n" for k in range(100))
    for text in (rows, "width,height,kind\n" + rows, "width,height,kind\n" + rows + "\n\n"):
        path.write_text(text, encoding="utf-8-sig")
        found = table_sizes(path)
        assert (found.samples, found.features, found.outputs) == (100, 2, 2)
