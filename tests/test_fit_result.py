"""What sgdphys.fit returns: its table, its reasons, its figure, what a notebook shows."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from netCDF4 import default_fillvals

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.fitting.fits import fit_file
from sgdphys.fitting.output import models_found, table
from sgdphys.status import words

WALKS = np.random.default_rng(0).standard_normal((3000, 3)).cumsum(axis=0)


def of_xarray(found):
    return xr.Dataset(found.data_vars, found.coords, found.attrs)


@pytest.fixture(scope="module")
def noisy():
    """Walks under noise of measurement, which no model that is compared has."""
    noise = 5 * np.random.default_rng(1).standard_normal(WALKS.shape)
    return sp.fit(WALKS + noise, models=["wiener", "drifted_wiener", "ou", "fbm", "levy"])


def test_the_numbers_are_those_of_the_plain_results():
    found, plain = sp.fit(WALKS, time=0.1), sp.dynamics.fit(WALKS, time=0.1)
    xr.testing.assert_identical(of_xarray(found), plain)
    table = found.summary()
    assert table["best"].tolist() == ["wiener"] * 3
    np.testing.assert_array_equal(table["diffusion"], plain["diffusion"].sel(model="wiener"))
    assert all("wiener" in said and said.endswith(".") for said in table["reason"])


def test_series_are_rows_by_their_coordinates():
    path = sp.processes.ornstein_uhlenbeck(kappa=1, dt=0.2, steps=500, replicas=2, parameters=3)
    table = sp.fit(path["theta"], time="time").summary()
    assert table.index.names == ["replica", "parameter"]
    assert len(table) == 6
    assert (table["best"] == "ou").sum() >= 5
    assert (table["kappa_low"] < table["kappa_high"]).all()


def test_it_says_why_no_model_stands(noisy):
    for best, reason in noisy.summary()[["best", "reason"]].to_numpy():
        assert best == "none"
        assert reason.startswith("An ARMA(1,1) process, as under measurement noise, is ")
        assert reason.endswith(".")


def test_the_reason_of_a_status_is_what_to_do():
    x = WALKS.copy()
    x[:, 0], x[20:, 1] = 1.0, np.nan
    table = sp.fit(x).summary()
    assert table["status"].tolist() == ["constant", "too short to compare models", "ok"]
    assert "leave it out" in table["reason"][0]
    assert "record for longer" in table["reason"][1]


def test_one_series_is_one_row():
    table = sp.fit(WALKS[:, 0]).summary()
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 1
    assert table["best"].item() == "wiener"


def test_part_of_a_fit_is_summarised_and_not_drawn(noisy):
    part = noisy.isel(dim_1=[0])
    assert len(part.summary()) == 1
    with pytest.raises(InputError, match="this part of a fit has no series to draw"):
        part.plot()
    assert len(noisy.plot()) == 4
    for same in (noisy.copy(), noisy.copy(deep=True), noisy.compute(), noisy.assign(a=1)):
        assert len(same.plot()) == 4
    plt.close("all")


def test_a_notebook_shows_the_table_and_the_dataset(noisy):
    shown = noisy._repr_html_()
    assert shown.count("as under measurement noise") >= 3
    assert "all results" in shown
    assert "xarray" in noisy[["kappa"]]._repr_html_()  # no longer a fit, and shown all the same


def test_a_variable_is_chosen_by_name():
    data = xr.Dataset({"a": ("step", WALKS[:, 0]), "b": ("step", WALKS[:, 1] * 2)})
    tree = xr.DataTree.from_dict({"posterior": data})
    right = sp.fit(data["b"])
    for given, name in ((data, "b"), (tree, "posterior/b")):
        xr.testing.assert_identical(of_xarray(sp.fit(given, variable=name)), of_xarray(right))
    for given, name, said in (
        (data, "c", "no variable 'c'; it can be 'a', 'b'"),
        (tree, "posterior", "'posterior' is a group"),
        (WALKS, "a", "is of a Dataset or DataTree; a ndarray was given"),
    ):
        with pytest.raises(InputError, match=said):
            sp.fit(given, variable=name)


def test_parts_of_a_fit_are_shown_as_xarray_shows_them(noisy):
    for part in (noisy.isel(model=[0, 1]), noisy.isel(test=0), noisy.drop_vars("kappa")):
        assert "xarray" in part._repr_html_()
    turned = noisy.isel(model=slice(None, None, -1)).summary()
    assert turned["reason"].tolist() == noisy.summary()["reason"].tolist()


def test_other_series_than_those_fitted_are_not_drawn(noisy):
    with pytest.raises(InputError, match=r"the fit is of .* and the series are"):
        sp.figures.fit(noisy, WALKS[:, :2])
    with pytest.raises(InputError, match=r"the fitted series last 2999 and these 299\.9; give"):
        sp.figures.fit(noisy, WALKS, time=0.1)


def test_a_part_without_what_the_table_needs_says_what_it_lacks(noisy):
    for part, said in (
        (noisy.drop_vars("kappa"), "has no kappa, of which summary"),
        (noisy.isel(model=[0, 1]), "has no model ou, model fbm, model levy, of which"),
        (noisy.sel(model="ou"), "has no model wiener, "),
    ):
        with pytest.raises(InputError, match=said):
            part.summary()


def test_series_with_gaps_are_drawn_as_far_as_they_go():
    x = WALKS[:600].copy()
    x[np.random.default_rng(2).uniform(size=x.shape) < 0.2] = np.nan
    axes = sp.fit(x).plot()
    paths = [np.asarray(line.get_ydata()) for line in axes[0].lines]
    assert sorted(np.isnan(path).sum() for path in paths) == sorted(np.isnan(x).sum(axis=0))
    whole = sp.fit(WALKS[:600]).plot()
    gappy = np.asarray(axes[1].lines[0].get_ydata())
    np.testing.assert_allclose(gappy[:5], whole[1].lines[0].get_ydata()[:5], rtol=0.3)
    x[1::2] = np.nan
    assert [t.get_text() for t in sp.fit(x).plot()[2].texts] == ["no two neighbouring points"]
    plt.close("all")


@pytest.mark.parametrize("factor", [1e300, 0.0, np.nan])
def test_series_without_anything_to_draw_are_refused(factor):
    with pytest.raises(InputError, match="nothing to draw: every series is constant"):
        sp.fit(WALKS[:300] * factor).plot()
    mixed = WALKS[:300].copy()
    mixed[:, 0] *= factor
    assert sp.fit(mixed).plot()[0].get_title() == "all paths"
    plt.close("all")


def test_an_estimate_at_the_end_of_its_range_is_a_bound():
    """White noise is rougher than all exponents, cubed Cauchy steps have heavier tails than all."""
    g = np.random.default_rng(0)
    noise = sp.fit(xr.DataArray(g.standard_normal((300, 3)), dims=("step", "series")))
    steps = g.standard_cauchy((300, 3)) ** 3
    walks = sp.fit(xr.DataArray(steps.cumsum(axis=0), dims=("step", "series")))
    (_, rough), (_, heavy) = (table(found.assign_attrs(duration=300.0)) for found in (noise, walks))
    assert rough[5] == "< 0.01"
    assert heavy[6] == "< 0.8"
    assert (words(walks["status"]) == "at the end of the range").sum() >= 2


def labels_of(axes):
    return [line.get_label() for line in axes.lines]


def test_the_figure_shows_copies_of_the_candidate(noisy):
    for panel in noisy.plot()[1:3]:
        assert any(label.startswith("simulated: fbm (rejected)") for label in labels_of(panel))
    for panel in sp.fit(WALKS, models=["wiener", "ou"]).plot()[1:3]:
        assert any(label.startswith("simulated: wiener") for label in labels_of(panel))
    plt.close("all")


def test_a_candidate_that_gaps_leave_open_is_not_rejected():
    x = np.random.default_rng(3).standard_normal((400, 6)).cumsum(axis=0)
    x[200] = np.nan
    found = sp.fit(x, models=["wiener", "fbm"])
    assert (found.rejected_by == "").all()
    assert "simulated: wiener, quartiles" in labels_of(found.plot()[1])
    plt.close("all")


def test_copies_begin_where_a_series_has_its_first_point():
    stored = WALKS[:300, :3].copy()
    stored[0, 0] = default_fillvals["f8"]
    copies = sp.fit(stored, models=["wiener", "ou"]).simulate(copies=2)
    assert abs(copies).max() < 1e6
    assert copies.isel({copies.dims[1]: 0, copies.dims[2]: 0}).isnull().all()


def test_a_fit_is_drawn_without_copies_where_they_cannot_be_made():
    names = xr.DataArray(WALKS[:200, :3], dims=("time", "weight"))
    found = sp.fit(names, models=["wiener", "ou"])
    for result, series in (
        (found, WALKS[:200, :3]),  # other names of dimensions
        (found[["best", "candidate"]], names),
        (found.isel(model=0, drop=True), names),
    ):
        axes = sp.figures.fit(result, series)
        assert not any("simulated" in label for label in labels_of(axes[1]))
    plt.close("all")


@pytest.mark.parametrize("times", [[0, 1, 2.1], [0, 1, 2.1, 3], [0.0, 0.3, 5, 5.1, 30]])
def test_a_few_uneven_points_are_drawn(times):
    x = np.random.default_rng(0).standard_normal((len(times), 2))
    axes = sp.fit(x, time=np.array(times), models=["wiener"]).plot()
    assert len(axes[1].lines[0].get_xdata()) > 0
    plt.close("all")


def test_a_sparse_start_leaves_no_lag_out():
    t = np.concatenate([[0.0, 100, 200], 300 + 0.1 * np.arange(3000)])
    x = np.random.default_rng(0).standard_normal((len(t), 2)).cumsum(axis=0)
    lags = [
        np.asarray(sp.fit(x, time=times, models=["wiener"]).plot()[1].lines[0].get_xdata())
        for times in (t, 600 - t[::-1])
    ]
    assert [len(lag) for lag in lags] == [len(lags[0])] * 2
    assert len(lags[0]) > 15
    plt.close("all")


def test_displacements_of_uneven_points_are_drawn_by_lag():
    t = np.random.default_rng(6).exponential(size=2000).cumsum()
    dx = np.random.default_rng(7).standard_normal((1999, 30)) * np.sqrt(np.diff(t))[:, None]
    x = np.concatenate([np.zeros((1, 30)), dx.cumsum(axis=0)])
    axes = sp.fit(x, time=t, models=["wiener", "ou"]).plot()
    (median, *_) = axes[1].lines
    lag, msd = (np.asarray(v, float) for v in (median.get_xdata(), median.get_ydata()))
    near = (lag > 0.5) & (lag < 20)  # long lags fluctuate, and the shortest have few pairs
    assert near.sum() > 5
    slope = np.polyfit(np.log(lag[near]), np.log(msd[near]), 1)[0]
    assert abs(slope - 1) < 0.05
    assert [text.get_text() for text in axes[3].texts] == []
    assert len(axes[3].lines) >= 2
    plt.close("all")


def test_white_noise_that_alternates_a_little_keeps_its_centre():
    """Its copies were NaN although it had a candidate."""
    rng = np.random.default_rng(3)
    noise, x = rng.standard_normal(1001), np.zeros(1001)
    for k in range(1, 1001):
        x[k] = -0.1 * x[k - 1] + noise[k]
    found = sp.fit(5 + x, models=["wiener", "ou"])
    assert found.best.item() == "ou"
    assert found.center.item() == pytest.approx(5, abs=0.2)
    assert np.isfinite(found.simulate()).all()


def test_a_sample_names_the_coefficients_of_its_best_model(tmp_path):
    """kappa and the centre were lost as soon as there were more series than the sample."""
    theta = sp.processes.ornstein_uhlenbeck(dt=0.5, steps=800, parameters=6, rng=0)["theta"]
    np.save(tmp_path / "x.npy", theta.values[:, 0])
    for sample in (6, 3):
        fitted = fit_file(tmp_path / "x.npy", sample=sample, models=["wiener", "ou"]).results
        (row,) = [m for m in models_found(fitted) if m["model"] == "ou"]
        assert set(row["coefficients"]) == {"kappa", "center", "deviation", "diffusion"}


def test_a_summary_pairs_no_value_with_the_interval_of_another_model():
    found = sp.fit(WALKS[:, 0], models=["wiener", "drifted_wiener"])
    best = found.best.item()
    for end in ("low", "high"):
        found[f"diffusion_{end}"].loc[{"model": best}] = np.nan
    table = found.summary()
    assert table["diffusion"].iloc[0] == found["diffusion"].sel(model=best).item()
    assert table[["diffusion_low", "diffusion_high"]].isna().all(axis=None)


def test_where_a_series_is_a_wiener_process_in_words():
    ou = sp.processes.ornstein_uhlenbeck(kappa=1, dt=0.1, steps=1500, rng=0).theta.to_numpy()
    walk = np.random.default_rng(0).standard_normal(1501).cumsum()
    x = np.stack([ou.ravel(), walk], axis=1)
    found = sp.fit(x, models=["wiener", "ou"]).wiener_range()
    assert found["at_lags"].tolist() == ["Wiener at no lag", "Wiener at every lag"]
    assert found["in_time"].tolist() == ["in no stretch", "drifted_wiener until 1500"]


def test_a_series_by_itself_is_drawn_in_its_unit_beside_many_copies():
    walk = np.random.default_rng(3).standard_normal(400).cumsum() + 100
    series = xr.DataArray(walk, dims="time", attrs={"units": "um"})
    found = sp.fit(series, models=["wiener", "ou"])
    path, moved, _, functions = found.plot()
    assert path.get_ylabel() == "position (um)"
    assert np.ptp(path.lines[0].get_ydata()) == pytest.approx(np.ptp(walk))
    assert "um$^2$" in moved.get_ylabel()
    assert "simulated: wiener, 95%" in labels_of(moved)
    assert functions.get_xlabel() == "position (um)"
    lag, ends = moved.collections[-1].get_paths()[0].vertices.T
    assert np.ptp(ends[lag == lag.max()]) > 0  # a band, of more copies than one


@pytest.mark.parametrize(
    ("unit", "squared"),
    [("um", "(um$^2$)"), ("m/s", "(m$^2$/s$^2$)"), ("um**2", "(um$^4$)"), ("s.d.", "(s.d.$^2$)")],
)
def test_the_displacement_of_a_series_has_the_square_of_its_unit(unit, squared):
    walk = np.random.default_rng(3).standard_normal(300).cumsum()
    if unit == "s.d.":  # of several series
        walk = np.random.default_rng(3).standard_normal((300, 2)).cumsum(axis=0)
    dims = ("time", "particle")[: walk.ndim]
    series = xr.DataArray(walk, dims=dims, attrs={"units": unit})
    moved = sp.fit(series, models=["wiener", "ou"]).plot()[1]
    assert moved.get_ylabel() == f"MSD {squared}"
