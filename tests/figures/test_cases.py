"""Cases side by side: panels, axes of a control parameter, and that nothing leaves its axis."""

import itertools
import operator
import re

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from sgdphys.analyses.bottleneck import figures as bottleneck
from sgdphys.analyses.catalogue import figures
from sgdphys.analyses.clustering.figures import clustering
from sgdphys.analyses.diffusion import figures as diffusion
from sgdphys.analyses.drawing import cases_shown, draw, names_drawn
from sgdphys.analyses.information import sweeps
from sgdphys.analyses.information.plane import paths
from sgdphys.analyses.learning import figures as transitions
from sgdphys.analyses.recorded_figures import forest, loss_and_accuracy
from sgdphys.errors import InputError
from sgdphys.figures.cases import case_labels, control_axis, panels
from sgdphys.figures.curves import about_values
from sgdphys.figures.style import say_logarithmic, sheet

pytestmark = pytest.mark.thorough(reason="draws the figures of sweeps")

EPOCHS = np.array([0, 1, 10, 100])


def information(cases):
    """Layers by case as lists of bits at the last epoch; NaN for layers that a case has not."""
    names = ("case", "epoch", "replica", "layer")
    ends = np.array(cases, dtype=float)[:, None, None, :]
    fall = np.array([1.0, 1.1, 1.1, 1.0])[:, None, None]
    bits = ends * fall * np.array([0.99, 1.0, 1.01])[:, None]
    return xr.Dataset(
        {"I_XT": (names, bits), "I_TY": (names, bits / 12), "null_I_TY": (names, bits / 20)},
        {
            "case": [f"case {k}" for k in range(len(cases))],
            "epoch": EPOCHS,
            "layer": np.arange(1, ends.shape[-1] + 1),
        },
        {"estimator": "binned", "samples": 4096},
    )


@pytest.mark.parametrize(("cases", "shape"), [(3, (1, 3)), (5, (2, 3)), (9, (3, 3)), (11, (3, 4))])
def test_cases_fill_the_page_and_every_column_ends_in_numbers(cases, shape):
    figure, drawn = panels(information([[12.0]] * cases), sharex=True)
    rows, columns = shape
    assert len(figure.axes) == rows * columns
    for k, (ax, _, _) in enumerate(drawn):
        is_last = k + columns >= cases
        assert ax.xaxis.get_tick_params()["labelbottom"] == is_last


def test_a_control_parameter_that_can_be_zero_has_decades():
    ax = Figure().add_subplot()
    control_axis(ax, "langevin", np.array([0.0, 1e-6, 1e-5, 1e-3]))
    assert ax.get_xscale() == "symlog"
    assert ax.get_xlabel() == "langevin (logarithmic from 1e-06)"
    places = ax.transData.transform([(v, 0.0) for v in (0.0, 1e-6, 1e-5, 1e-3)])[:, 0]
    assert np.diff(places).min() > 0.1 * np.ptp(ax.transAxes.transform([(0, 0), (1, 1)])[:, 0])


def test_no_curve_leaves_the_axis_that_panels_share():
    figure = sweeps.information_of_cases({"information": information([[2.0], [12.0], [3.0]])})
    drawn = [line.get_ydata() for ax in figure.axes for line in ax.lines]
    assert len(drawn) == 3
    assert figure.axes[0].get_ylim()[1] > np.concatenate(drawn).max()


def test_layers_that_no_case_has_are_not_in_the_legend():
    data = information([[12.0, 6.0, np.nan]]).assign_attrs(estimator="noisy")
    figure = sweeps.plane_of_cases({"information": data})
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["layer 1", "layer 2", "permuted\nlabels"]


def test_networks_of_several_depths_all_have_their_intervals():
    figure = sweeps.compression_of_cases(
        {"information": information([[12.0, 4.0, np.nan], [12.0, 6.0, 3.0]])}
    )
    bars = [c for c in figure.axes[0].collections for segment in c.get_segments() if len(segment)]
    assert len(bars) == 5
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["1", "2", "3"]


def test_layers_that_end_together_have_one_text():
    data = information([[12.0, 11.9, 8.0, 2.0]]).isel(case=0, drop=True)
    texts = [t.get_text() for t in paths({"information": data}).axes[0].texts]
    assert texts == ["1, 2", "3", "4 (output)", "1, 2", "3", "4"]  # of paths, and of nulls


def test_names_of_cases_stand_side_by_side():
    names = ("case", "epoch", "replica", "layer")
    data = xr.Dataset(
        {n: (names, np.ones((5, len(EPOCHS), 2, 3))) for n in ("distance_ratio", "binned_entropy")},
        {
            "epoch": EPOCHS,
            "layer": [1, 2, 3],
            "swept_init": ("case", ["fan_in", *["orthogonal"] * 4]),
            "swept_orthonormality": ("case", [0.0, 0.0, 0.01, 0.1, 1.0]),
        },
    )
    with sheet():
        figure = clustering({"clustering": data})
        figure.canvas.draw()
    for row in (figure.axes[:5], figure.axes[5:]):
        for text in ("title", "xaxis.label"):
            boxes = [operator.attrgetter(text)(ax).get_window_extent() for ax in row]
            assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes) if a.width and b.width)


def test_what_lies_either_side_of_the_threshold_stands_apart():
    row = {
        "says": "Compression begins after the gradient noise has passed its mean", "value": -3.466,
        "low": -3.67, "high": -3.29, "above": -1.0, "below": 1.0, "rule": "between -1 and 1",
        "word": "not supported",
    }  # fmt: skip
    data = xr.Dataset({n: ("claim", [v]) for n, v in row.items()}, {"claim": ["c"]})
    with sheet():
        figure = forest({"verdicts": data})
        figure.canvas.draw()
    boxes = [t.get_window_extent() for t in figure.axes[0].get_xticklabels()]
    assert len(boxes) == 3
    a_letter = 0.06 * figure.dpi  # browsers' letters are not exactly as wide
    assert all(a.x1 + a_letter < b.x0 for a, b in itertools.pairwise(boxes))


def test_without_an_accuracy_there_is_a_loss_alone():
    names, shape = ("epoch", "replica"), (len(EPOCHS), 3)
    data = xr.Dataset(
        {n: (names, np.full(shape, value)) for n, value in
         {"loss": 0.5, "test_loss": 0.6, "accuracy": np.nan, "test_accuracy": np.nan}.items()},
        {"epoch": EPOCHS},
    )  # fmt: skip
    data["loss"].attrs["units"] = "nats"
    figure = loss_and_accuracy({"training": data})
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss (nats)"]


def test_a_label_does_not_reach_the_panel_above():
    values = np.array([1.0, 2.0, 3.0])
    data = xr.Dataset(
        {f"{n}{e}": ("case", values) for n in transitions.PANELS for e in ("", "_low", "_high")}
        | {"accuracy": (("case", "replica"), np.ones((3, 2)))},
        {"case": ["a", "b", "c"], "swept_batch_size": ("case", [1, 10, 100])},
    )
    with sheet():
        figure = transitions.order_over_control({"learning": data})
        say_logarithmic(figure)
        figure.canvas.draw()
    for above, below in ((0, 2), (1, 3)):
        label = figure.axes[below].yaxis.label.get_window_extent()
        assert label.y1 < figure.axes[above].get_window_extent().y0


def test_values_on_a_logarithmic_panel_fill_it_whatever_their_intervals():
    ends = {"": [1.0, 10.0, 100.0], "_low": [0.5, 5.0, 1e-9], "_high": [2.0, 20.0, 1e15]}
    data = xr.Dataset(
        {f"{n}{e}": ("case", v) for n in transitions.PANELS for e, v in ends.items()}
        | {"accuracy": (("case", "replica"), np.ones((3, 2)))},
        {"case": ["a", "b", "c"], "swept_batch_size": ("case", [1, 10, 100])},
    )
    figure = transitions.order_over_control({"learning": data})
    assert figure.axes[3].get_yscale() == "log"
    low, high = figure.axes[3].get_ylim()
    assert 0.01 < low < 1
    assert 100 < high < 1e4


def test_lines_that_values_are_compared_with_stay_in_the_panel():
    ax = Figure().subplots()
    ax.plot([0, 1], [-500, 500])
    about_values(ax, xr.DataArray([0.2, 0.3]), 1.0)
    low, high = ax.get_ylim()
    assert -1 < low < 0.2
    assert 1 < high < 2


def test_a_figure_that_shows_nothing_of_a_run_is_refused_and_not_drawn(tmp_path):
    of = {"of": "stationarity", "sampling": "shuffle", "momentum": 0.9, "learning_rate": 0.1}
    alone = xr.Dataset({"direction_variance": ("burst", [0.0])}, attrs=of)
    rates = xr.Dataset(
        {"direction_variance": (("case", "burst"), np.zeros((2, 1)))},
        {"case": ["a", "b"], "swept_learning_rate": ("case", [0.1, 0.2])},
        of,
    )
    for data in (alone, rates):
        assert "phase_diagram" not in names_drawn({"stationarity": data})
        with pytest.raises(InputError, match="'phase_diagram' shows what this run does not hold"):
            draw({"stationarity": data}, tmp_path, names=["phase_diagram"])
    both = rates.assign_coords(swept_momentum=("case", [0.0, 0.9]))
    assert "phase_diagram" in names_drawn({"stationarity": both})


def test_diffusion_of_cases_far_apart_is_in_view():
    shape = {"case": 2, "burst": 2, "lag": 1, "layer": 1}
    values = np.array([1e-8, 1e-3]).reshape(2, 1, 1, 1) * np.ones(tuple(shape.values()))
    names = tuple(shape)
    data = xr.Dataset(
        {f"diffusion{e}": (names, values) for e in ("", "_low", "_high")}
        | {n: (("case", "burst", "layer"), np.ones((2, 2, 1)))
           for n in ("alpha_long", "passes", "tail_index")},
        {"case": ["a", "b"], "swept_sampling": ("case", ["shuffle", "replacement"]),
         "burst_epoch": ("burst", [0.0, 100.0]), "lag": [1], "layer": [1],
         "family": [0, 1]},
        {"confidence": 0.95},
    )  # fmt: skip
    for ax in diffusion.against_epochs({"diffusion": data}).axes[:2]:
        low, high = ax.get_ylim()
        assert low < 1e-8
        assert high > 1e-3


def swept(**keys):
    """A sweep over some keys, of nothing."""
    count = len(next(iter(keys.values())))
    beside = {f"swept_{name}": ("case", values) for name, values in keys.items()}
    return xr.Dataset(coords={"case": [f"case {k}" for k in range(count)], **beside})


@pytest.mark.parametrize(
    ("keys", "labels"),
    [
        ({"activation": ["tanh", ""]}, ["tanh", "no activation"]),
        ({"batch_size": [10, 20]}, ["batch size 10", "batch size 20"]),
        # a legend leaves out what begins with an underscore
        ({"module": ["a:_net", "a:other"]}, ["module _net", "other"]),
        # what is short must not make two cases one
        ({"module": ["a:net", "b:net"]}, ["a:net", "b:net"]),
        (
            {"learning_rate": [0.1, 0.1000001]},
            ["learning rate 0.1", "learning rate 0.1000001"],
        ),
        # two keys of one last name are called by their tables as well
        (
            {"task_seed": [5, 5, 6], "train_seed": [1, 2, 1]},
            ["task seed 5, train seed 1", "task seed 5, train seed 2", "task seed 6, train seed 1"],
        ),
    ],
)
def test_cases_are_named_by_what_differs(keys, labels):
    assert case_labels(swept(**keys)) == labels


def test_a_grid_of_two_keys_of_one_last_name_names_both():
    values = np.arange(4.0)
    data = swept(task_seed=[5, 5, 6, 6], train_seed=[1, 2, 1, 2]).assign(
        {f"{n}{e}": ("case", values) for n in transitions.PANELS for e in ("", "_low", "_high")}
        | {"accuracy": (("case", "replica"), np.ones((4, 2)))}
    )
    assert transitions.has_control(data)
    figure = transitions.order_over_control({"learning": data})
    assert (figure.axes[2].get_xlabel(), figure.axes[0].get_ylabel()) == ("task seed", "train seed")


def diversity(cases):
    layer, replica = np.array([1, 2]), 3
    names = ("unit_overlap", "matched_overlap")
    data = {f"{a}{n}{e}": (("case", "layer"), np.full((cases, 2), 0.5))
            for n in names for a in ("", "first_") for e in ("", "_low", "_high")}  # fmt: skip
    data |= {f"null_{n}": (("case", "layer"), np.full((cases, 2), 0.4)) for n in names}
    data["norm_ratio"] = (("case", "replica", "layer"), np.ones((cases, replica, 2)))
    return xr.Dataset(
        data,
        {
            "case": [f"activation={k}" for k in range(cases)], "layer": layer,
            "swept_activation": ("case", [f"kind {k}" for k in range(cases)]),
        },
        {"of": "diversity"},
    )  # fmt: skip


def texts_of(path):
    return [re.sub(r"<[^>]+>|\s+", " ", t).strip()
            for t in re.findall(r"<text.*?</text>", path.read_text(), re.DOTALL)]  # fmt: skip


@pytest.mark.parametrize(("cases", "shown"), [(2, ""), (6, "4 of 6 cases shown")])
def test_a_figure_says_how_many_cases_it_shows(tmp_path, cases, shown):
    data = diversity(cases)
    (path,) = draw({"diversity": data}, tmp_path, formats=["svg"])
    texts = texts_of(path)
    assert [f"kind {k}" for k in range(cases) if f"kind {k}" in texts] == [
        f"kind {k}" for k in range(min(cases, 4))
    ]
    assert any("cases shown" in t for t in texts) == bool(shown)
    assert cases_shown(figures()["diversity"], data) == shown


def test_cases_that_diverged_are_counted(tmp_path):
    data = diversity(3).assign_attrs(empty_cases='["activation=1"]')
    said = "2 of 3 cases shown; in 1 every network diverged"
    assert cases_shown(figures()["diversity"], data) == said
    (path,) = draw({"diversity": data}, tmp_path, formats=["svg"])
    assert said in texts_of(path)


def test_cases_that_are_not_shown_leave_their_names_to_the_others():
    data = diversity(6)
    few = data.assign_coords(case_label=("case", case_labels(data))).isel(case=[0])
    assert case_labels(few) == ["kind 0"]


def test_diffusion_shows_one_case_a_sampler_and_those_with_noise_first():
    data = swept(sampling=["fixed", "shuffle", "shuffle"], batch_size=[10, 10, 20])
    data["diffusion"] = (("case", "layer"), [[0.0], [1.0], [2.0]])
    assert diffusion.panel_cases(data) == [1, 0]
    assert diffusion.noisy_cases(data) == [1]
    assert cases_shown(figures()["diffusion_epochs"], data) == "1 of 3 cases shown"
    assert diffusion.noisy_cases(data.isel(case=[0])) == [0]


def test_the_bound_is_certified_as_far_as_its_certificate_goes():
    ends = ("epoch", "replica", "layer")
    data = xr.Dataset(
        {n: (ends, np.ones((1, 2, 2))) for n in ("I_XT", "I_TY", "random_I_XT", "random_I_TY")}
        | {f"curve_{n}": ("point", [0.0, 1.0]) for n in ("I_XT", "I_TY")}
        | {"curve_certificate": ("point", [1e-9, 3.2e-7])}
        | {"transition_beta": ("transition", [2.0])},
        {"epoch": [9], "layer": [1, 2], "curve_beta": ("point", [1.0, 3.0])},
    )  # fmt: skip
    assert "certified to 4e-7 bits" in bottleneck.curve({"bottleneck": data}).get_suptitle()
    bare = data.drop_vars("curve_certificate")
    assert "certified" not in bottleneck.curve({"bottleneck": bare}).get_suptitle()


@pytest.mark.thorough(reason="draws a sweep twice: 4 s")
def test_figures_of_cases_that_differ_have_files_that_differ(tmp_path):
    data = information([[12.0, 6.0], [12.0, 5.0]]).assign_attrs(of="information")
    names = ["path=a/b.csv", "path=a?b.csv"]
    long = [f"path={'long' * 100}{k}" for k in range(2)]
    for cases in (names, long):
        paths = draw({"information": data.assign_coords(case=cases)}, tmp_path / cases[0][-5:-4],
                     names=["information"], formats=["svg"])  # fmt: skip
        assert len(set(paths)) == 2
        assert all(path.is_file() for path in paths)
