"""Figures of small real results: what is drawn, its labels, and that the user's style wins."""

import inspect
import json
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

import sgdphys as sp
from sgdphys.claims.verdicts import Verdict
from sgdphys.errors import InputError
from sgdphys.figures.colours import LEAST_CONTRAST, contrast
from sgdphys.figures.curves import points
from sgdphys.status import UNDECIDED, flagged, words

pytestmark = pytest.mark.thorough(reason="draws every figure")

RNG = np.random.default_rng(0)
STEP = {"units": "step", "long_name": "step"}


@pytest.fixture(autouse=True)
def _off_screen():
    mpl.use("agg")
    yield
    plt.close("all")


def series(points=400, replicas=6, reversion=0.1):
    """Autoregressive paths in micrometres, and random walks where nothing pulls them back."""
    x = np.zeros((points, replicas))
    for k in range(1, points):
        x[k] = (1 - reversion) * x[k - 1] + RNG.standard_normal(replicas)
    return xr.DataArray(
        x, dims=("step", "replica"), attrs={"units": "um"},
        coords={"step": ("step", np.arange(points), STEP)},
    )  # fmt: skip


def bits():
    """Information of three layers that fit and then compress."""
    names, epoch = ("epoch", "replica", "layer"), np.array([0, 1, 3, 10, 30, 100])
    fall = np.array([1.0, 1.1, 1.1, 1.05, 1.0, 0.9])[:, None, None]
    values = fall * np.array([4.0, 3.0, 1.0]) * np.array([0.9, 1.0, 1.1, 1.0])[:, None]
    told = {n: (names, values / d, {"units": "bits", "long_name": n})
            for n, d in (("I_XT", 1), ("I_TY", 5), ("null_I_TY", 20))}  # fmt: skip
    return xr.Dataset(told, {"epoch": epoch, "layer": [1, 2, 3]}, {"samples": 64})


def norms():
    """Gradients whose mean falls below their noise, with a layer's own rate."""
    names, epoch = ("epoch", "replica", "layer"), np.arange(40)
    mean = np.exp(-epoch[:, None, None] / (5.0 * np.array([1, 2])))
    mean = mean * np.linspace(0.9, 1.1, 8)[:, None]
    flat = np.full(mean.shape, 0.3)
    return xr.Dataset(
        {"mean_norm": (names, mean), "noise_norm": (names, flat), "noise_trace": (names, flat),
         "weight_norm": (names, 1 + 0 * flat, {"units": "weight", "long_name": "weight norm"})},
        {"epoch": epoch, "layer": [1, 2]},
    )  # fmt: skip


def training():
    names = ("epoch", "replica")
    loss = np.exp(-np.arange(20.0))[:, None] * np.ones(4)
    told = {"loss": loss, "test_loss": 2 * loss, "accuracy": 1 - loss, "test_accuracy": 1 - loss}
    data = xr.Dataset({n: (names, v) for n, v in told.items()}, {"epoch": range(20)})
    data["loss"].attrs["units"] = "nats"
    return data


def scan():
    control = xr.DataArray([0.2, 0.5, 0.8, 0.9, 1.1, 1.2, 1.5, 1.8], dims="r", name="signal")
    tau = 1 / np.abs(control - 1.0)
    return control, tau.rename("time").assign_attrs(units="step", long_name="time")


def with_ends(data, name, width):
    return data.assign({f"{name}_low": data[name] - width, f"{name}_high": data[name] + width})


def collapsed():
    """A collapse of two sizes, whose last points lie outside the window of the fit."""
    sizes, control, dims = np.array([64, 256]), np.linspace(0.9, 1.1, 5), ("size", "control")
    scaled = (control - 1) * np.sqrt(sizes)[:, None]
    data = xr.Dataset(
        {"order": (dims, np.exp(scaled) / sizes[:, None] ** 0.25),
         "scaled_order": (dims, np.exp(scaled)), "scaled_control": (dims, scaled),
         "in_window": (dims, np.array([[True] * 4 + [False]] * 2)),
         "critical_point": 1.0, "exponent_control": 0.5, "exponent_order": 0.25, "status": 0},
        {"size": sizes, "control": control},
    )  # fmt: skip
    for name in ("order", "scaled_order", "critical_point", "exponent_control", "exponent_order"):
        data = with_ends(data, name, 0.01)
    return data


def crossed():
    sizes, control = np.array([64, 256]), np.linspace(0.9, 1.1, 5)
    data = xr.Dataset(
        {"binder": (("size", "control"), 0.27 + (control - 1) * np.sqrt(sizes)[:, None] / 4,
                    {"long_name": "Binder cumulant"}),
         "crossing": ("pair", [1.01]), "critical_point": 1.0},
        {"size": sizes, "control": control, "smaller_size": ("pair", [64])},
    )  # fmt: skip
    for name in ("binder", "crossing", "critical_point"):
        data = with_ends(data, name, 0.01)
    return data


def loops():
    control, speed = np.linspace(-1, 1, 21), np.array([0.001, 0.008, 0.064])
    up, down = np.tanh(9 * control - 2), np.tanh(9 * control + 2)
    data = xr.Dataset(
        {"order": (("speed", "direction", "control"), np.array([[up, down]] * 3)),
         "area": ("speed", 0.4 + speed ** (2 / 3)), "area_at_zero_speed": 0.4, "exponent": 2 / 3,
         "is_fitted": ("speed", [1, 1, 0])},
        {"speed": speed, "direction": ["up", "down"], "control": control},
    )  # fmt: skip
    for name in ("order", "area", "area_at_zero_speed", "exponent"):
        data = with_ends(data, name, 0.01)
    return data.isel(speed=[1, 0])


def verdict():
    row = {"says": "it slows down", "value": 1.0, "low": 0.9, "high": 1.1, "above": 0.5,
           "below": np.nan, "rule": "above 0.5", "word": "supported"}  # fmt: skip
    return xr.Dataset({n: ("claim", [v]) for n, v in row.items()}, {"claim": ["slow"]})


P_XY = np.array([[0.4, 0.1], [0.1, 0.4]])
D, INFO = sp.dynamics, sp.information
# each: arguments of the figure, panels, lines of the first panel, and units on its axes
CASES = {
    "autocorrelation": (lambda: (D.autocorrelation(series(), time="step"),), 1, 2, "(step)", ""),
    "bottleneck_curve": (
        lambda: (INFO.bottleneck_curve(P_XY, [3.0, 4.0, 8.0]),), 1, 1, "(bits)", "(bits)",
    ),
    "collapse": (lambda: (collapsed(),), 2, 3, "control", "order"),
    "crossing": (lambda: (crossed(),), 2, 3, "control", "cumulant"),
    "critical_point": (lambda: (D.critical_point(*scan()), *scan()), 1, 4, "signal", "(step)"),
    "diffusion_vs_lag": (
        lambda: (D.diffusion_vs_lag(series(), time="step", over="replica"),), 1, 2,
        "(step)", "(um**2/step)",
    ),
    "early_warning": (
        lambda: (D.early_warning(series(), time="step", resamples=19),), 1, 1, "tau", "number",
    ),
    "fit": (lambda: ((x := series()), (D.fit(x, time="step"), x))[1], 4, 6, "(steps)", "(s.d.)"),
    "gradient_phases": (
        lambda: (D.gradient_phases(norms(), batch_size=10, batches=4),), 1, 7, "epoch", "noise",
    ),
    "hysteresis": (lambda: (loops(),), 2, 4, "control", "order"),
    "information_plane": (lambda: (bits(),), 1, 7, "(bits)", "(bits)"),
    "information_snapshot": (lambda: (bits(),), 1, 5, "(bits)", "(bits)"),
    "information_vs_epoch": (lambda: (bits(),), 2, 3, "epoch", "(bits)"),
    "kramers_moyal": (
        lambda: (D.kramers_moyal(series(), time="step", over="replica", bins=10),), 2, 2,
        "(um)", "(um/step)",
    ),
    "msd": (lambda: (D.msd(series(), time="step"),), 1, 2, "(step)", "(um**2)"),
    "phase_diagram": (
        lambda: (sp.transitions.order_parameter(xr.DataArray(
            RNG.standard_normal((24, 2, 3)), dims=("replica", "batch", "rate"),
            coords={"batch": [16, 8], "rate": [0.1, 0.2, 0.4]},
        )).assign(share_dead=(("batch", "rate"), [[0.0, 0.25, 0.5], [0.0, 0.0, 1.0]])),),
        1, 0, "rate", "batch",
    ),
    "predictive_checks": (
        lambda: (D.predictive_checks(series(replicas=1), time="step", copies=50),), 5, 1,
        "(step)", "(um**2)",
    ),
    "relaxation_time": (lambda: (D.relaxation_time(series(), time="step"),), 1, 1, "", "(step)"),
    "rolling_indicators": (
        lambda: (D.rolling_indicators(series(), time="step", window=100),), 2, 1,
        "step", "(um**2)",
    ),
    "scan": (
        lambda: (sp.transitions.order_parameter(xr.DataArray(
            RNG.standard_normal((24, 4)) + np.arange(4.0), dims=("replica", "signal"),
            coords={"signal": [4.0, 1.0, 2.0, 3.0]}, attrs={"units": "weight"},
        )),), 3, 1, "signal", "order",
    ),
    "segments": (
        lambda: (D.segments(series(replicas=1), time="step"),), 1, 1, "(step)", "(um**2/step)",
    ),
    "training_curves": (lambda: (training(),), 2, 2, "epoch", "(nats)"),
    "trajectory_components": (
        lambda: (D.trajectory_components(series(), time="step", coordinates="replica",
                                         resamples=20),), 3, 2, "component", "fraction",
    ),
    "verdicts": (lambda: (verdict(),), 1, 3, "", ""),
    "weight_entropy": (
        lambda: (D.weight_entropy(series(replicas=24).expand_dims(parameter=2), time="step",
                                  modes=1),), 1, 1, "step", "(nats)",
    ),
    "weight_norms": (lambda: (norms(),), 1, 2, "epoch", "(weight)"),
}  # fmt: skip


def test_every_figure_function_is_tried():
    assert set(CASES) | {"use"} == set(sp.figures.__all__)


@pytest.fixture(scope="module", params=sorted(CASES))
def case(request):
    given, panels, lines, x, y = CASES[request.param]
    return getattr(sp.figures, request.param), given(), panels, lines, x, y


def flat(drawn):
    return list(np.atleast_1d(np.asarray(drawn, dtype=object)).ravel())


def test_a_new_figure_is_drawn_in_the_users_style(case):
    function, given, panels, lines, x, y = case
    style = {"axes.grid": True, "font.size": 17, "axes.facecolor": "#123456"}
    with mpl.rc_context(style):
        before = dict(mpl.rcParams)
        axes = flat(function(*given))
        assert dict(mpl.rcParams) == before
    assert len(axes) == panels
    figure = axes[0].get_figure()
    assert figure.number in plt.get_fignums()
    assert figure.get_suptitle() == ""
    for ax in axes:
        assert mpl.colors.to_hex(ax.get_facecolor()) == "#123456"
        assert ax.xaxis.label.get_size() == 17
    drawn = [line for line in axes[0].lines if len(line.get_xdata())]
    assert len(drawn) == lines
    assert x in axes[0].get_xlabel()
    assert y in axes[0].get_ylabel()
    assert "logarithmic" not in axes[0].get_xlabel() + axes[0].get_ylabel()
    figure.canvas.draw()


def test_axes_of_the_user_are_used(case):
    function, given, panels, lines, _, _ = case
    wanted = [Figure().add_subplot() for _ in range(panels)]
    open_before = plt.get_fignums()
    axes = flat(function(*given, ax=wanted if panels > 1 else wanted[0]))
    assert axes == wanted
    assert plt.get_fignums() == open_before
    assert len([line for line in axes[0].lines if len(line.get_xdata())]) == lines


def test_options_go_to_the_main_artist(case):
    function, given, *_ = case
    if function.__name__ in ("information_plane", "early_warning", "phase_diagram"):
        drawn = flat(function(*given, zorder=7.5))[0]
        artists = [*drawn.collections, *drawn.patches, *drawn.images]
    else:
        artists = flat(function(*given, zorder=7.5))[0].lines
    assert max(artist.get_zorder() for artist in artists) == pytest.approx(7.5, abs=0.2)


def test_every_curve_has_enough_contrast_on_white(case):
    function, given, *_ = case
    axes = flat(function(*given))
    found = []
    for ax in axes:
        for line in ax.lines:
            alpha = 1 if line.get_alpha() is None else line.get_alpha()
            colours = [line.get_color()] if line.get_linestyle() not in ("None", "") else []
            if line.get_marker() not in ("None", "", None):
                colours.append(line.get_markeredgecolor())
            found += [(contrast(c, alpha), c) for c in colours if c != "white"]
        for several in ax.collections:
            if not isinstance(several, PolyCollection):  # a band is seen by its curve
                rgba = [*several.get_edgecolor(), *several.get_facecolor()]
                found += [(contrast(c[:3], c[3]), c) for c in rgba]
        found += [(contrast(t.get_color()), t) for t in ax.texts if not ax.images]
    assert found or axes[0].images or axes[0].patches
    assert not [f for f in found if f[0] < LEAST_CONTRAST]


def test_the_data_are_what_is_drawn():
    found = D.msd(series(), time="step")
    ax = sp.figures.msd(found, slope=2)
    x, y = ax.lines[0].get_data()
    np.testing.assert_array_equal(x, found["lag"])
    np.testing.assert_allclose(y, found["msd"].median("replica"))
    x, y = ax.lines[1].get_data()
    assert np.polyfit(np.log(x), np.log(y), 1)[0] == pytest.approx(2)


def test_bands_hold_the_fraction_that_is_asked_for():
    ax = sp.figures.information_vs_epoch(bits(), panels="I_XT", band=0.5)
    (path,) = ax.collections[0].get_paths()
    at_start = path.vertices[path.vertices[:, 0] == 0, 1]
    assert at_start.min() == pytest.approx(bits()["I_XT"][0, :, 0].quantile(0.25).item())
    assert at_start.max() == pytest.approx(bits()["I_XT"][0, :, 0].quantile(0.75).item())


def test_layers_differ_by_marker_and_the_output_stands_out():
    lines = sp.figures.weight_norms(norms()).lines
    assert len({line.get_marker() for line in lines}) == len(lines)
    grey = mpl.colors.rgb_to_hsv(mpl.colors.to_rgb(lines[-1].get_color()))[2]
    assert lines[-1].get_label() == "layer 2 (output)"
    assert grey < 0.6


def test_the_fitted_law_passes_through_exact_data():
    control, tau = scan()
    ax = sp.figures.critical_point(D.critical_point(control, tau), control, tau)
    below = ax.lines[1]
    x, y = (np.asarray(v) for v in below.get_data())
    np.testing.assert_allclose(y, 1 / np.abs(x - 1), rtol=1e-4)


def test_an_open_interval_is_an_arrow_at_its_lower_end():
    found = xr.Dataset(
        {"relaxation_time": ("r", [2.0, np.inf]), "relaxation_time_low": ("r", [1.0, 5.0]),
         "relaxation_time_high": ("r", [3.0, np.inf])}, {"r": [0.0, 1.0]},
    )  # fmt: skip
    ax = sp.figures.relaxation_time(found)
    heights = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines])
    assert np.isfinite(heights).all()
    assert 5.0 in heights
    assert len(ax.lines) > 1  # the caret


def test_the_certificate_is_the_measured_one():
    found = INFO.bottleneck_curve(P_XY, [3.0, 4.0])
    found["certificate"][:] = [1e-9, 3.2e-7]
    assert "certified to 4e-7 bits" in sp.figures.bottleneck_curve(found).lines[0].get_label()
    found["certificate"][:] = np.nan
    assert "certified" not in sp.figures.bottleneck_curve(found).lines[0].get_label()


def test_a_wrong_number_of_axes_and_a_wrong_result_are_sentences():
    ax = Figure().add_subplot()
    with pytest.raises(InputError, match="ax has 1 axes and there are 2 panels: I_XT, I_TY"):
        sp.figures.information_vs_epoch(bits(), ax=ax)
    with pytest.raises(InputError, match="msd"):
        sp.figures.msd(bits())
    with pytest.raises(InputError, match="the nearest that has is 3"):
        sp.figures.information_snapshot(bits(), epoch=4)


FOREIGN = {
    "bits": bits,
    "training": training,
    "norms": norms,
    "msd of two dimensions": lambda: D.msd(series().expand_dims(a=2), time="step"),
    "kramers_moyal of each": lambda: D.kramers_moyal(series(), time="step", bins=8),
    "critical points": lambda: xr.concat([D.critical_point(*scan())] * 2, dim="r"),
    "curve": lambda: INFO.bottleneck_curve(P_XY, [3.0, 4.0]),
    "empty": xr.Dataset,
    "array": lambda: series(),
    "list": lambda: [1, 2],
}


@pytest.fixture(scope="module")
def foreign():
    return {name: make() for name, make in FOREIGN.items()}


def test_results_of_other_functions_are_drawn_or_refused_in_a_sentence(case, foreign):
    function, given, *_ = case
    refused = 0
    for result in foreign.values():
        try:
            function(result, *given[1:])
        except InputError:
            refused += 1
        plt.close("all")
    assert refused >= 8


def test_wrong_options_are_refused_before_a_figure_is_made(case):
    function, given, *_ = case
    open_before = plt.get_fignums()
    for options, said in (
        ({"ax": "left"}, "ax is a str; matplotlib Axes were expected"),
        ({"ax": Figure()}, "ax is a Figure; matplotlib Axes"),
        ({"ax": [1, 2]}, "ax is a int; matplotlib Axes"),
        ({"colour": "red"}, "colour is no option of this figure, nor of .*; did you mean 'color'"),
        ({"zzz": 1}, "zzz is no option of this figure, nor of .*; its own are "),
        ({"alpha": 7}, "alpha is 7, which matplotlib refuses"),
    ):
        if function.__name__ == "phase_diagram" and "colour" in options:
            continue  # an image has no colour of its own
        with pytest.raises(InputError, match=said):
            function(*given, **options)
    if "band" in inspect.signature(function).parameters:
        for band in (0, 1.5, 90, "wide"):
            with pytest.raises(InputError, match=f"band is {band}; it must lie between 0 and 1"):
                function(*given, band=band)
        with pytest.raises(InputError, match="did you mean 'band'"):
            function(*given, bnad=0.5)
    assert plt.get_fignums() == open_before


def test_bands_of_the_cumulant_do_not_flatten_the_crossing():
    control, sizes = np.linspace(0.9, 1.1, 9), np.array([64, 256])
    u = 0.27 + (control - 1) * np.sqrt(sizes)[:, None] / 4
    result = xr.Dataset(
        {"binder": (("size", "control"), u), "binder_low": (("size", "control"), u - 50),
         "binder_high": (("size", "control"), u + 0.1), "crossing": ("pair", [1.0]),
         "critical_point": 1.0, "critical_point_low": 0.99, "critical_point_high": 1.01},
        {"size": sizes, "control": control},
    )  # fmt: skip
    low, high = sp.figures.crossing(result, panels="binder").get_ylim()
    assert low < u.min()
    assert u.max() < high
    assert high - low < 2 * (u.max() - u.min())


def test_the_law_of_a_loop_is_that_of_the_result_or_the_reason():
    found = loops()
    found["area"] = ("speed", [0.1, 0.2])  # below the area at zero speed
    ax = sp.figures.hysteresis(found, panels="area")
    law = next(line for line in ax.lines if "A_0" in line.get_label())
    np.testing.assert_allclose(law.get_ydata(), 0.4)  # c is never negative
    for about in ({"p_value": 0.001}, {"area_at_zero_speed": np.nan}):
        refused = found.assign(status=flagged(xr.DataArray(UNDECIDED)), **about)
        refused.attrs["reason"] = "the areas rise and fall"
        ax = sp.figures.hysteresis(refused, panels="area")
        (said,) = ax.get_legend_handles_labels()[1]
        assert (
            " ".join(said.split()) == f"{words(refused['status']).item()}: the areas rise and fall"
        )
        assert not [line for line in ax.lines if len(line.get_xdata()) > 10]
        assert not ax.patches
    undecided = found.assign(status=flagged(xr.DataArray(UNDECIDED)), p_value=0.5)
    assert sp.figures.hysteresis(undecided, panels="area").patches


def test_a_legend_of_many_sizes_covers_no_curve():
    m = xr.DataArray(
        np.random.default_rng(0).standard_normal((8, 10, 4)), dims=("replica", "size", "signal"),
        coords={"size": 2 ** np.arange(10), "signal": [1.0, 2.0, 3.0, 4.0]},
    )  # fmt: skip
    result = sp.transitions.order_parameter(m, size="size")
    ax = sp.figures.scan(result, panels="order")
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert box.y0 >= ax.get_window_extent().y1
    assert box.y1 <= ax.figure.bbox.y1
    few = sp.figures.scan(result.isel(size=slice(4)), panels="order")
    few.figure.canvas.draw()
    assert few.get_legend().get_window_extent().y1 <= few.get_window_extent().y1


def test_names_that_are_not_there_are_refused():
    km = D.kramers_moyal(series(), time="step", bins=8)
    for call, said in (
        (
            lambda: sp.figures.kramers_moyal(km),
            r"position has .* replica, bin; one is drawn: "
            r"select the others, as in result.isel\(replica=0",
        ),
        (lambda: sp.figures.rolling_indicators(km, panels="count", time="stp"), "'stp'"),
        (lambda: sp.figures.scan(km.isel(bin=0), panels="drift", control="c"), "'c'"),
        (lambda: sp.figures.information_vs_epoch(bits(), panels="I_XX"), "no I_XX"),
        (lambda: sp.figures.trajectory_components(km), "has no component_share"),
        (
            lambda: sp.figures.information_plane(bits().expand_dims(case=3)),
            r"case, epoch, replica, layer; the figure shows .*as in result.isel\(case=0\)",
        ),
        (lambda: sp.figures.early_warning(km.rename(count="kendall"), level=5), "level is 5"),
        (lambda: sp.figures.msd(D.msd(series(), time="step"), color="r", c="b"), "give one of"),
    ):
        with pytest.raises(InputError, match=said):
            call()
    assert len(sp.figures.kramers_moyal(km.isel(replica=0))) == 2
    for by in ("epoch", "layer"):  # of one layer
        assert sp.figures.information_plane(bits().isel(layer=0), by=by).lines


def test_a_list_of_verdicts_is_drawn_as_the_dataset_is():
    names = inspect.signature(Verdict).parameters
    row = {n: verdict()[n].item() for n in verdict() if n in names}
    needed = [n for n, one in names.items() if one.default is inspect.Parameter.empty]
    fields = dict.fromkeys(needed, "") | row | {"claim": "slow"}
    drawn = sp.figures.verdicts([Verdict(**fields)])
    assert drawn.get_yticklabels()[0].get_text() == "it slows down"
    with pytest.raises(InputError, match="no verdicts"):
        sp.figures.verdicts([])


@pytest.mark.thorough(reason="draws every figure of a run: 3 s")
def test_figures_of_runs_leave_the_users_backend_and_style_alone():
    code = """
import json, sys, matplotlib as mpl
import numpy as np, xarray as xr
from sgdphys.analyses.drawing import drawn
names = ("epoch", "replica")
data = {n: (names, np.ones((4, 3))) for n in ("loss", "test_loss", "accuracy", "test_accuracy")}
settings = [k for k in mpl.rcParams if k != "backend"]  # to read it is to choose one
before = {k: mpl.rcParams[k] for k in settings}
figures = drawn({"training": xr.Dataset(data, {"epoch": range(4)})})
same = {k: mpl.rcParams[k] for k in settings} == before
sizes = [t.get_size() for ax in figures["training"].axes for t in ax.get_xticklabels()]
print(json.dumps([sorted(figures), same, "matplotlib.pyplot" in sys.modules, sorted(set(sizes))]))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == [["training"], True, False, [7.0]]


def test_an_interval_without_an_upper_end_is_drawn_down_to_its_lower_one():
    """The bar began at the value: at least 20, where the interval reaches down to 9."""
    data = xr.Dataset(
        {
            "relaxation_time": ("signal", [20.0, 10.0]),
            "relaxation_time_low": ("signal", [9.0, 8.0]),
            "relaxation_time_high": ("signal", [np.inf, 12.0]),
        },
        {"signal": [0.5, 0.6]},
    )
    _, ax = plt.subplots()
    points(ax, data["signal"].to_numpy(), data, "relaxation_time")
    (bars,) = ax.containers
    (segments,) = [lines.get_segments() for lines in bars[2]]
    assert [sorted(end[1] for end in bar) for bar in segments] == [[9.0, 40.0], [8.0, 12.0]]
    assert ax.lines[-1].get_marker() == "^"
    plt.close("all")


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        (0.4, 0.0, "0.4\n\u00b10"), (0.94, 0.0, "0.94\n\u00b10"),
        (1e-5, 2e-6, "1.0e-05\n\u00b12e-06"),
        (0.5, 0.02, "0.50\n\u00b10.02"), (120.0, 7.0, "120\n\u00b17"),
    ],
)  # fmt: skip
def test_cells_of_a_phase_diagram_have_the_digits_of_their_values(value, width, text):
    result = xr.Dataset(
        {f"order{end}": (("rate", "batch"), np.full((2, 2), value + sign * width))
         for end, sign in (("", 0), ("_low", -1), ("_high", 1))},
        {"rate": [0.1, 0.2], "batch": [8, 16]},
    )  # fmt: skip
    ax = sp.figures.phase_diagram(result)
    assert text in {one.get_text() for one in ax.texts}
    plt.close("all")


def test_the_line_of_reference_goes_through_the_first_point():
    result = xr.Dataset({"msd": ("lag", [np.nan, 4.0, 16.0])}, {"lag": [1.0, 2.0, 4.0]})
    ax = sp.figures.msd(result, slope=2)
    x, y = (np.asarray(v, float) for v in ax.lines[-1].get_data())
    assert y[x == 2.0] == pytest.approx(4.0)
    plt.close("all")


@pytest.fixture(scope="module")
def magnets():
    m = sp.processes.curie_weiss(
        [64, 128, 256, 512], np.linspace(0.85, 1.15, 13), replicas=100, rng=1
    )
    return m["m"]


@pytest.mark.parametrize(
    ("attrs", "label"),
    [
        ({}, r"order parameter $\langle|m|\rangle$"),
        ({"symbol": "q"}, r"order parameter $\langle|q|\rangle$"),
        ({"long_name": "overlap"}, r"overlap $\langle|m|\rangle$"),
        ({"long_name": "overlap", "symbol": "q"}, r"overlap $\langle|q|\rangle$"),
        ({"long_name": "", "symbol": ["a", "b"]}, r"order parameter $\langle|m|\rangle$"),
    ],
)
def test_axes_have_the_name_and_symbol_of_the_samples(magnets, attrs, label):
    m = magnets.drop_attrs().assign_coords(magnets.coords).assign_attrs(attrs)
    ax = sp.figures.scan(sp.transitions.order_parameter(m, size="size"), panels="order")
    assert ax.get_ylabel() == label


def test_a_corrected_collapse_says_how_many_points_it_shows(magnets):
    found = sp.transitions.collapse(magnets, resamples=20, rng=0)
    _, corrected = sp.figures.collapse(found)
    (said,) = [line for line in corrected.texts[0].get_text().split("\n") if "points" in line]
    shown = sum(int(n) for n in [found["in_window"].sum()])
    assert said == f"{shown} of {13 * 4} points fitted"
    assert shown < 13 * 4


def test_a_legend_of_verdicts_has_the_words_that_occur():
    rows = {"says": "s", "value": 1.0, "low": 0.9, "high": 1.1, "above": 0.5, "below": np.nan,
            "rule": "above 0.5", "word": "supported"}  # fmt: skip
    data = xr.Dataset({n: ("claim", [v]) for n, v in rows.items()}, {"claim": ["c"]})
    ax = sp.figures.verdicts(data)
    assert [t.get_text() for t in ax.figure.legends[0].get_texts()] == ["supported"]
    few = data.assign(members=("claim", [4]), replicas=("claim", [5]))
    assert any(" from 4 of 5," in t.get_text() for t in sp.figures.verdicts(few).texts)


def test_panels_that_share_a_scale_show_the_values_of_all():
    epoch, dims = np.arange(200), ("epoch", "replica", "layer")
    ones = np.ones((200, 8, 2))
    mean = 10 * np.exp(-epoch / 40)[:, None, None] * ones
    norms = {"mean_norm": mean, "noise_norm": 0.01 * ones, "noise_trace": 0.1 * ones,
             "weight_norm": ones}  # fmt: skip
    norms = xr.Dataset({n: (dims, v) for n, v in norms.items()}, {"epoch": epoch, "layer": [1, 2]})
    result = sp.dynamics.gradient_phases(norms, batch_size=10, batches=4)
    panels = ("mean_over_weight", "noise_over_weight")
    _, axes = plt.subplots(1, 2, sharey=True)
    sp.figures.gradient_phases(result, panels=panels, ax=axes)
    low, high = axes[0].get_ylim()
    assert low < result["noise_over_weight"].min()
    assert high > result["mean_over_weight"].max()


def test_one_long_bar_does_not_stretch_the_axis():
    epoch, dims = np.arange(20), ("epoch", "layer")
    values = np.ones((20, 1))
    result = xr.Dataset(
        {"gradient_ratio": (dims, values), "gradient_ratio_low": (dims, values / 2),
         "gradient_ratio_high": (dims, np.where(epoch == 3, 1e9, 2)[:, None])},
        {"epoch": epoch, "layer": [1]},
    )  # fmt: skip
    result["gradient_ratio"][5] = 3.0
    ax = sp.figures.gradient_phases(result, panels="gradient_ratio")
    assert ax.get_ylim()[1] < 100
