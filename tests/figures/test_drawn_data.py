"""The numbers beside a figure are those that were given, with their names and the command."""

import csv

import matplotlib as mpl
import numpy as np
import xarray as xr
from PIL import Image

from sgdphys.analyses.drawing import command_of, draw
from sgdphys.figures.drawn_data import drawn_data
from sgdphys.figures.for_print import words_of
from sgdphys.figures.plots.phase_diagram import phase_diagram
from sgdphys.figures.style import sheet, subplots

EPOCHS = np.array([0, 1, 10, 100])


def groups():
    values = np.arange(12.0).reshape(4, 3) + 1
    names = ("loss", "test_loss", "accuracy", "test_accuracy")
    data = {n: (("epoch", "replica"), values * k) for k, n in enumerate(names, 1)}
    return {"training": xr.Dataset(data, {"epoch": EPOCHS})}


def test_curves_bands_and_names_can_be_drawn_again(tmp_path):
    paths = draw(groups(), tmp_path, names=["training"], formats=["png"], run="r", has_data=True)
    assert [path.name for path in paths] == ["training.png", "training.csv", "training.nc"]
    with xr.open_dataset(tmp_path / "training.nc") as data:
        data.load()
    of = data["curve_of_row"]
    kinds, labels, panels = (data[f"curve_{n}"].to_numpy() for n in ("kind", "label", "panel"))
    wanted = np.quantile(np.arange(12.0).reshape(4, 3) + 1, [0.05, 0.5, 0.95], axis=1)
    line = np.flatnonzero((kinds == "line") & (labels == "training samples") & (panels == "a"))
    rows = data.isel(row=np.flatnonzero(of == line[0]))
    np.testing.assert_array_equal(rows["x"], EPOCHS)
    np.testing.assert_allclose(rows["y"], wanted[1])
    band = np.flatnonzero((kinds == "band") & (panels == "a"))
    rows = data.isel(row=np.flatnonzero(of == band[0]))
    np.testing.assert_array_equal(rows["x"], EPOCHS)
    np.testing.assert_allclose(rows["low"], wanted[0])
    np.testing.assert_allclose(rows["high"], wanted[2])
    text = (tmp_path / "training.csv").read_text(encoding="utf-8").splitlines()
    assert "# command: sgdphys figures r --only training --format png" in text
    assert text[0].startswith("# caption: Loss and accuracy of the ensemble")
    table = list(csv.DictReader(line for line in text if not line.startswith("#")))
    assert len(table) == data.sizes["row"]
    first = [row for row in table if row["kind"] == "line" and row["label"] == "training samples"]
    np.testing.assert_allclose([float(row["y"]) for row in first[:4]], wanted[1], rtol=1e-8)
    with Image.open(tmp_path / "training.png") as picture:
        assert picture.info["Source"] == "sgdphys figures r --only training --format png"
        assert picture.info["Description"] == data.attrs["caption"]


def test_intervals_images_bars_points_and_levels_are_numbers():
    with sheet():
        figure, axes = subplots(1, 3, figsize=(7, 2))
    axes[0].errorbar([1.0, 2.0], [3.0, 4.0], [[0.5, 1.0], [1.0, 2.0]], linestyle="", label="a")
    axes[0].axhline(7.0)
    axes[0].scatter([5.0], [6.0], c=[0.25])
    axes[1].imshow([[1.0, 2.0], [3.0, np.nan]], origin="lower")
    axes[2].bar([1.0], [2.0])
    axes[2].fill_between([0.0, 1.0], [1.0, np.nan], [2.0, np.nan])
    found = drawn_data(figure)
    by_kind = {
        (str(panel), str(kind)): found.isel(row=np.flatnonzero(found["curve_of_row"] == k))
        for k, (panel, kind) in enumerate(
            zip(found["curve_panel"].to_numpy(), found["curve_kind"].to_numpy(), strict=True)
        )
    }
    interval = by_kind["a", "interval"]
    np.testing.assert_allclose(interval["low"], [2.5, 3.0])
    np.testing.assert_allclose(interval["high"], [4.0, 6.0])
    assert by_kind["a", "level"]["y"].to_numpy().tolist() == [7.0]
    assert by_kind["a", "points"]["value"].to_numpy().tolist() == [0.25]
    image = by_kind["b", "image"]
    assert image["value"].to_numpy().tolist()[:3] == [1.0, 2.0, 3.0]
    assert image["x"].to_numpy().tolist() == [0.0, 1.0, 0.0, 1.0]
    assert by_kind["c", "bar"]["high"].to_numpy().tolist() == [2.0]


def test_names_stay_in_their_panel_and_reach_errorbars_and_bands():
    with sheet():
        figure, axes = subplots(1, 2, figsize=(7, 2))
    x = np.arange(3.0)
    axes[0].plot(x, x, color="C0", label="_exact, N = 1")
    axes[0].errorbar(x, x, 1.0, fmt="o", color="C0", label="N = 1")
    axes[0].plot(x, x, color="C1")
    axes[0].fill_between(x, x, x + 1, color="C2")
    for k in (1, 0):
        axes[1].plot(x, x, color=f"C{k}", label=f"late {k}")
        axes[1].fill_between(x, x - 1, x + 1, color=f"C{k}", alpha=0.2)
    for ax in axes:
        ax.legend()
    found = drawn_data(figure)
    curves = zip(*(found[f"curve_{n}"].to_numpy() for n in ("panel", "kind", "label")), strict=True)
    assert sorted(curves) == sorted([
        ("a", "line", "exact, N = 1"), ("a", "points", "N = 1"), ("a", "interval", "N = 1"),
        ("a", "line", ""), ("a", "band", ""), ("b", "line", "late 1"), ("b", "band", "late 1"),
        ("b", "line", "late 0"), ("b", "band", "late 0"),
    ])  # fmt: skip


def test_a_phase_diagram_says_its_controls_intervals_shares_and_boundary():
    dims = ("batch", "rate")
    table = np.array([[0.1, 0.9, 0.8], [0.2, 0.4, 0.7]])
    result = xr.Dataset(
        {"order": (dims, table), "order_low": (dims, table - 0.05),
         "order_high": (dims, table + 0.1), "share_dead": (dims, [[0.25, 0, 0], [0, 0, 0]])},
        {"batch": [8, 16], "rate": [0.01, 0.03, 0.1]},
    )  # fmt: skip
    with sheet():
        figure, ax = subplots(figsize=(4, 3))
        phase_diagram(result, boundary=0.5, ax=ax)
    found = drawn_data(figure)
    assert found["x_label"].item() == "place along rate (0 = 0.01, 1 = 0.03, 2 = 0.1)"
    assert found["y_label"].item() == "place along batch (0 = 8, 1 = 16)"
    rows = {
        (str(kind), str(label)): found.isel(row=np.flatnonzero(found["curve_of_row"] == k))
        for k, (kind, label) in enumerate(
            zip(found["curve_kind"].to_numpy(), found["curve_label"].to_numpy(), strict=True)
        )
    }
    image = rows["image", ""]
    np.testing.assert_allclose(image["low"], np.ravel(table - 0.05))
    np.testing.assert_allclose(image["high"], np.ravel(table + 0.1))
    assert rows["bar", "share dead"]["value"].to_numpy().tolist() == [0.25]
    line = rows["contour", "order = 0.5"]
    assert (line["value"] == 0.5).all()
    np.testing.assert_allclose(line["x"].where(line["y"] == 0, drop=True), 0.5)
    assert ("contour", "lower end of order = 0.5") in rows


def test_a_caption_has_one_semicolon_between_lines():
    with sheet():
        figure, _ = subplots(figsize=(2, 2))
    figure.suptitle("8 networks;\nbars 95%")
    assert words_of(figure) == "8 networks; bars 95%."


def test_the_command_names_style_and_size():
    said = command_of("my run", "plane_paths-case=1", "prl", (3.4, 2.6), ["png", "pdf"])
    wanted = "sgdphys figures 'my run' --only plane_paths --style prl --size 3.4x2.6"
    assert said == f"{wanted} --format png,pdf"


def test_words_that_no_file_can_hold_are_replaced(tmp_path):
    mpl.use("agg")
    data = groups()
    data["training"] = data["training"].assign_coords(epoch=EPOCHS)
    for kind in ("png", "svg", "pdf"):
        (path,) = draw(data, tmp_path, names=["training"], formats=[kind], mark="a\x00\ud800b")
        assert path.stat().st_size > 1000
