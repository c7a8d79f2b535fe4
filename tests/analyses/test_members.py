"""Networks that diverged: every statistic leaves them out, and judges nothing by none or one."""

import functools

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.catalogue import statistics
from sgdphys.claims import verdicts as product
from sgdphys.claims.claim import Claim
from sgdphys.claims.delays import compression_after_transition
from sgdphys.claims.estimates import of_intervals, over_replicas
from sgdphys.intervals import mean_with_interval

OF_ALL = ("cover_gap", "separable_gap", "separated_beyond", "capacity_point", "capacity_exponent",
          "learning_order")  # fmt: skip
"""Statistics in which a diverged network counts, as one that has learnt nothing."""
STATISTICS = {name: of for name, of in statistics().items() if name not in OF_ALL}
REPLICAS, LAYERS = 8, 4
EPOCHS = np.arange(0, 101, 5)
SOUND = [0, 2, 4, 6]
"""Replicas that do not diverge."""
EXACT = ("one_unit_fall",)
"""Statistics in closed form, of no network."""
AXES = {
    "epoch": EPOCHS, "replica": np.arange(REPLICAS), "layer": np.arange(1, LAYERS + 1),
}  # fmt: skip


class Made:
    """Variables of made-up results, over named axes."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)

    def between(self, low, high, *dims, **more):
        sizes = {name: len(values) for name, values in AXES.items()} | more
        return dims, self.rng.uniform(low, high, [sizes[d] for d in dims])

    def with_ends(self, name, *dims, **more):
        middle = self.between(0.3, 0.5, *dims, **more)
        return {name: middle, f"{name}_low": (dims, middle[1] - 0.1),
                f"{name}_high": (dims, middle[1] + 0.1)}  # fmt: skip

    def falling(self, high=(6.0, 9.0)):
        """Curves that fall from a peak at epoch 1, by bits and at times of their own."""
        lost, begin, took = (
            self.between(*ends, "replica", "layer")[1] for ends in ((0.5, 3), (1, 30), (3, 40))
        )
        gone = 1 - np.exp(-np.maximum(EPOCHS[:, None, None] - begin, 0) / took)
        rise = (EPOCHS == 0)[:, None, None]
        curves = self.rng.uniform(*high, (REPLICAS, LAYERS)) - lost * gone - 0.1 * rise
        return ("epoch", "replica", "layer"), curves

    def crossing(self):
        """Ratios that fall below 1 at epochs of their own."""
        at = self.between(8, 40, "replica", "layer")[1]
        noise = self.rng.lognormal(0, 0.01, (len(EPOCHS), REPLICAS, LAYERS))
        return ("epoch", "replica", "layer"), at / np.maximum(EPOCHS, 1)[:, None, None] * noise


@functools.cache
def results(seed=0):
    made = Made(seed)
    curves, each = ("epoch", "replica", "layer"), ("replica", "layer")
    rising = (curves, np.sort(made.between(0.1, 0.9, *curves)[1], axis=0))
    groups = {
        "information": {
            "I_XT": made.falling(), "I_TY": rising, "null_I_TY": made.between(0, 0.1, *curves),
            "order_violations": (("epoch", "replica"),
                                 made.rng.integers(0, 2, (len(EPOCHS), REPLICAS))),
        },
        "phases": {
            "own_followed_ratio": made.crossing(), "own_gradient_ratio": made.crossing(),
            "own_displacement_cosine": made.between(-0.9, 0.9, *curves),
            "own_drift_ratio": made.crossing(), "own_sample_ratio": made.crossing(),
            "transition_noise_scale": made.between(5, 50, *each),
            **{n: made.between(0.5, 2, *each) for n in
               ("late_gradient_ratio", "first_sample_ratio", "late_sample_ratio",
                "late_diffusion")},
        },
        "learning": {
            **{n: made.between(0.2, 0.9, "replica") for n in
               ("error_epoch", "final_test_accuracy", "overtraining", "final_loss")},
            "last_epoch": ((), 100.0),
        },
        "diffusion": {
            **made.with_ends("passes", "burst", "layer", burst=2),
            **made.with_ends("diffusion_ratio", "burst", "layer", burst=2),
            "null_passes": ((), 0.9),
        },
        "entropy": {
            **made.with_ends("entropy", "mark", "layer", "cloud", mark=4, cloud=2),
            "twin_variance": made.between(0, 1, "mark", "replica", "layer", mark=4),
        },
        "stationarity": {
            **made.with_ends("full_ratio", "burst", burst=3),
            **made.with_ends("entropy_production", "burst", burst=3),
            **made.with_ends("sharpness", "burst", burst=3),
            "direction_variance": made.between(0.1, 1, "burst", "replica", "mode", burst=3, mode=6),
            "direction_curvature": made.between(4, 20, "burst", "replica", "mode", burst=3, mode=6),
            "burst_steps": (("burst",), [500, 500, 500]),
        },
        "motion": {
            "distance": (("epoch", "replica"),
                         np.cumsum(made.between(0.5, 1, "epoch", "replica")[1], axis=0)),
            "squared_displacement": (
                ("waiting_epoch", "lag_epochs", "replica"),
                np.cumsum(made.between(0.5, 1, "wait", "lag", "replica", wait=3, lag=12)[1], 1),
            ),
        },
        "tails": {n: made.between(1, 2, "epoch", "size", "replica", size=2) for n in
                  ("across", "along", "null_across", "null_along")},
        "diversity": {
            **made.with_ends("unit_overlap", "layer"), **made.with_ends("matched_overlap", "layer"),
            **{f"null_{n}": made.between(0.2, 0.3, "layer") for n in
               ("unit_overlap", "matched_overlap")},
            "norm_ratio": made.between(1, 3, *each),
        },
        "bottleneck": {
            **{n: made.between(0.1, 1, *curves) for n in
               ("gap", "random_gap", "residual", "random_residual")},
            "beta_bound": made.between(1, 9, *curves), "beta_fit": made.between(2, 9, *curves),
            "transition_beta": (("transition",), [1.5, 4.0, 9.5]),
            "lowest_loss_epoch": ((), 50.0), "last_epoch": ((), 100.0),
        },
        "pitchfork": {
            **made.with_ends("exponent"), **made.with_ends("critical"),
            "relaxation_time": ((), 3.0),
        },
        "one_unit": {"unit_I_XT": (("weight",), [0.0, 2.0, 1.0])},
        "rescaling": {n: made.between(1, 5, *each) for n in ("I_XT", "rescaled_I_XT")},
        "critical_batch": {
            **{n: made.between(50, 90, "replica") for n in ("steps_to_loss", "mean_noise_scale")},
            "mean_batch_size": ((), 64.0),
        },
        "linear": {
            "I_XT": made.falling(), "I_irrelevant": made.falling((1.0, 2.0)),
            "generalisation_error": made.between(0.1, 1, "epoch", "replica"),
        },
        "clustering": {
            "distance_ratio": made.between(0.5, 1, *curves),
            "binned_entropy": made.between(1, 5, *curves),
        },
    }  # fmt: skip
    found = {}
    for name, variables in groups.items():
        data = xr.Dataset(variables)
        data = data.assign_coords({n: v for n, v in AXES.items() if n in data.dims})
        if "epoch" in data.dims:
            data = data.assign_coords(flow_time=("epoch", 0.7 * EPOCHS))
        found[name] = data.assign_attrs(of=name, modes=2)
    found["entropy"] = found["entropy"].assign_coords(
        mark_epoch=("mark", [1.0, 10.0, 50.0, 100.0]), cloud=["noise", "starts"]
    )
    found["motion"] = found["motion"].assign_coords(
        waiting_epoch=[5, 10, 50], lag_epochs=2 * np.arange(1, 13)
    )
    found["stationarity"] = found["stationarity"].assign_coords(
        swept_momentum=0.9, swept_learning_rate=0.1
    )
    return found


EARLY = ("transition_noise_scale", "error_epoch",
         "first_sample_ratio", "final_test_accuracy")  # fmt: skip
"""What a network that diverges half-way may have before it does, or in spite of it."""


def diverged(groups, replicas, value=np.nan, *, half_way=True):
    """The same results with some networks diverged, half-way or from the start."""
    late = xr.DataArray(EPOCHS > (50 if half_way else -1), dims="epoch")
    gone = xr.DataArray(np.isin(np.arange(REPLICAS), replicas), dims="replica")
    found = {}
    for name, data in groups.items():
        changed = {}
        for variable, values in data.data_vars.items():
            if "replica" not in values.dims or values.dtype.kind != "f":
                continue
            if "epoch" in values.dims:
                changed[variable] = values.where(~(gone & late), value)
            elif not (half_way and variable in EARLY):
                changed[variable] = values.where(~gone, value)
        found[name] = data.assign(changed)
    return found


def without_estimates(groups):
    """No interval came of an analysis, as where every network diverged."""
    return {
        name: data.map(
            lambda v: v if "replica" in v.dims or v.dtype.kind != "f" else v * np.nan
        ).assign_attrs(data.attrs)
        if name in ("diffusion", "entropy", "stationarity", "diversity", "pitchfork")
        else data
        for name, data in groups.items()
    }


@functools.cache
def with_diverged(replicas, value=np.nan, *, half_way=True, estimates=True):
    """The results with some networks diverged, once for all statistics."""
    groups = results() if estimates else without_estimates(results())
    return diverged(groups, replicas, value, half_way=half_way)


SETTINGS, OVER_SETTINGS = 6, ("onset_per_transition", "onset_time_factor")
"""Cases of a sweep, and statistics whose independent members they are."""


def scan(groups):
    """Four cases of a sweep, each with more bits and sooner than the last, as a scan needs."""
    data = groups["information"]
    sooner = [np.minimum(np.arange(len(EPOCHS)) * (4 + k) // 4, len(EPOCHS) - 1) for k in range(4)]
    cases = [
        data.assign(I_XT=data["I_XT"].copy(data=(k + 1) * data["I_XT"].to_numpy()[at]))
        for k, at in enumerate(sooner)
    ]
    joined = xr.concat(cases, dim="case", data_vars="all").assign_coords(case=list("abcd"))
    return {**groups, "information": joined.assign_attrs(of="information")}


def settings(groups):
    """Six cases of a sweep, each with bits and times of its own, as a scan needs."""
    rng, found = np.random.default_rng(3), dict(groups)
    pace = rng.lognormal(0, 0.3, SETTINGS)
    for name in ("information", "phases"):
        data = groups[name]
        cases = [
            (data.assign(I_XT=data["I_XT"] * (k + 1)) if name == "information" else data)
            .assign_coords(flow_time=data["flow_time"] * pace[k] ** (1 + (name == "phases")))
            for k in range(SETTINGS)
        ]  # fmt: skip
        joined = xr.concat(
            cases, dim="case", data_vars="all", coords="different", compat="equals"
        )  # fmt: skip
        found[name] = joined.assign_coords(case=list("abcdef")).assign_attrs(of=name)
    batches, costs = np.repeat([16.0, 64.0, 256.0, 1024.0], 3), np.tile([1.5, 1.0, 1.5], 4)
    law = xr.DataArray(costs * (1 + 100 / batches), dims="case")
    found["critical_batch"] = (
        groups["critical_batch"]
        .assign(steps_to_loss=lambda d: law * d["steps_to_loss"])
        .assign(mean_noise_scale=lambda d: 0 * law + d["mean_noise_scale"])
        .assign(mean_batch_size=("case", batches))
        .assign_coords(swept_batch_size=("case", batches),
                       swept_learning_rate=("case", np.tile([0.1, 0.2, 0.4], 4)))
    )  # fmt: skip
    return found


SCANS = {"bound_gap_step": "gap", "birth_distance": "beta_fit", "bits_lost_with_dose": "I_XT",
         "clustering_with_dose": "distance_ratio"}  # fmt: skip
"""Statistics of a scan, and the variable that grows along that of the tests."""


def scan_of(groups, name):
    """Four cases of a sweep with other values of one variable, as a scan needs."""
    (kind,) = STATISTICS[name].needs
    data, grows = groups[kind], SCANS[name]
    cases = [data.assign({grows: data[grows] * (k + 1)}) for k in range(4)]
    cases[2] = cases[2].assign({grows: cases[2][grows] ** 1.1})
    joined = xr.concat(cases, dim="case", data_vars="all")
    joined = joined.assign_coords(case=list("abcd"), swept_orthonormality=("case", np.arange(4.0)))
    return {**groups, kind: joined.assign_attrs(of=kind)}


def tuned(groups):
    """Two learning rates, as the choice of one needs."""
    data = groups["learning"]
    joined = xr.concat([data, data * 2], dim="case", data_vars="all").assign_coords(
        case=["a", "b"], swept_learning_rate=("case", [0.1, 1.0])
    )
    return {**groups, "learning": joined.assign_attrs(of="learning")}


SWEEPS = {
    "largest_step": scan, "time_with_steps": scan, "epochs_to_error_tuned": tuned,
    "onset_per_transition": settings, "onset_time_factor": settings,
    "critical_batch_over_noise_scale": settings,
}  # fmt: skip
"""Statistics of several cases."""


def judge(claims, groups):
    return product.judge(claims, groups, STATISTICS)


def verdict(name, groups):
    groups = scan_of(groups, name) if name in SCANS else groups
    groups = SWEEPS.get(name, lambda same: same)(groups)
    claim = Claim(says="s", by="b", statistic=name, above=0.0, null="n", where=where_of(name))
    return judge({"claim": claim}, groups)[0]


def where_of(name):
    return {"epoch": 20} if name == "early_fit" else {}


@functools.cache
def of_sound_alone(name):
    """The verdict on the networks that do not diverge."""
    groups = results().items()
    return verdict(
        name, {n: d.isel(replica=SOUND) if "replica" in d.dims else d for n, d in groups}
    )


def numbers(v):
    return v.value, v.low, v.high, v.members


@pytest.mark.parametrize("name", STATISTICS)
def test_a_statistic_has_an_interval_where_all_is_well(name):
    found = verdict(name, results())
    assert found.word != "no data", found.reason
    assert np.isfinite(numbers(found)).all()


@pytest.mark.thorough(reason="every statistic")
@pytest.mark.parametrize(
    ("value", "half_way"),
    [
        (np.nan, True),
        (np.inf, False),
        pytest.param(np.nan, False, marks=pytest.mark.slow(reason="each alone is tested above")),
        pytest.param(np.inf, True, marks=pytest.mark.slow(reason="each alone is tested above")),
    ],
)
@pytest.mark.parametrize("name", [n for n in STATISTICS if n not in EXACT])
def test_without_a_network_that_is_finite_there_is_no_data(name, value, half_way):
    groups = with_diverged(range(REPLICAS), value, half_way=half_way, estimates=False)
    found = verdict(name, groups)
    assert found.word == "no data"
    assert found.members == 0
    assert len(found.reason) > 20


@pytest.mark.parametrize("name", [n for n in STATISTICS if n not in EXACT])
def test_one_network_is_no_interval(name):
    groups = with_diverged(range(1, REPLICAS), estimates=False)
    found = verdict(name, groups)
    assert found.word == "no data"
    assert found.members <= 1
    assert found.reason


@pytest.mark.thorough(reason="every statistic")
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", STATISTICS)
def test_networks_that_diverge_half_way_are_as_if_they_had_not_been(name, value):
    odd = tuple(r for r in range(REPLICAS) if r not in SOUND)
    found = verdict(name, with_diverged(odd, value))
    assert numbers(found) == pytest.approx(numbers(of_sound_alone(name)), nan_ok=True)
    assert found.members in (0, 1, SETTINGS if name in OVER_SETTINGS else len(SOUND))


def test_epochs_of_other_cases_are_no_divergence():
    """Of two cases the first is half as long; its end is its own last epoch."""
    long = results()["information"]
    short = long.isel(epoch=EPOCHS <= 40)
    joined = xr.concat([short, long], dim="case", join="outer", data_vars="all")
    joined = joined.assign_coords(case=["a", "b"], swept_epochs=("case", [40, 100]))
    groups = {"information": joined.assign_attrs(of="information")}
    for name in ("bits_lost", "label_bits_gained", "early_fit", "order_violations"):
        where = {"epochs": 40, **where_of(name)}
        claim = Claim(says="s", by="b", statistic=name, above=0.0, null="n", where=where)
        (found,) = judge({"claim": claim}, groups)
        assert numbers(found) == pytest.approx(numbers(verdict(name, {"information": short})))
        both = verdict(name, groups)
        ends = [verdict(name, {"information": d}).value for d in (short, long)]
        assert both.value == pytest.approx(np.mean(ends))


def test_the_reason_says_how_many_networks_there_are():
    one = results()["information"].isel(replica=[0])
    assert "one network has a finite value" in verdict("bits_lost", {"information": one}).reason
    none = one.assign(I_XT=one["I_XT"] * np.nan)
    assert "no network has a finite value" in verdict("bits_lost", {"information": none}).reason


def test_means_over_members_count_the_finite_ones():
    values = xr.DataArray([[1.0, 2.0, 3.0], [5.0, np.nan, np.nan]], dims=("layer", "replica"))
    found = mean_with_interval(values.rename("x"), kind="symmetric")
    assert found["x"].to_numpy().tolist() == [2.0, 5.0]
    assert np.isfinite(found["x_low"]).to_numpy().tolist() == [True, False]
    few = over_replicas(xr.DataArray([1.0, 2.0, 4.0, np.nan, np.inf], dims="replica"))
    assert few.replicas == 5
    assert few._replace(replicas=3) == over_replicas(xr.DataArray([1.0, 2.0, 4.0], dims="replica"))


def test_estimates_count_where_they_have_an_interval():
    data = xr.Dataset(
        {"value": ("layer", [1.0, 9.0, np.inf]), "low": ("layer", [0.0, np.nan, 1.0]),
         "high": ("layer", [2.0, 9.0, 2.0])}
    )  # fmt: skip
    assert of_intervals(data)[:3] == (1.0, 0.0, 2.0)


def test_the_mean_curve_of_compression_is_of_networks_that_lived():
    groups = results()
    gone = diverged(groups, [1, 3, 5, 7])
    found, alone = (
        compression_after_transition(information, phases)
        for information, phases in (
            (gone["information"], gone["phases"]),
            (groups["information"].isel(replica=SOUND), groups["phases"].isel(replica=SOUND)),
        )
    )
    for name in ("bits_lost_ensemble", "bits_lost_ensemble_low", "peak_epoch_ensemble_high"):
        np.testing.assert_array_equal(found[name], alone[name])
    none = compression_after_transition(
        diverged(groups, range(REPLICAS))["information"], groups["phases"]
    )
    assert np.isnan(none["bits_lost_ensemble"]).all()
    assert np.isnan(none["bits_lost_ensemble_low"]).all()


@pytest.mark.parametrize("name", ["reaches_label", "one_unit_fall", "rate_with_ratio"])
def test_several_cases_are_refused_or_averaged_and_stop_no_verdicts(name):
    groups = {
        n: xr.concat([d, d], dim="case", data_vars="all").assign_coords(
            case=["a", "b"], swept_size=("case", [1, 2])
        )
        for n, d in results().items()
    }  # fmt: skip
    found = verdict(name, groups)
    if name == "rate_with_ratio":
        assert found.value == pytest.approx(verdict(name, results()).value)
    else:
        assert "one case" in found.reason


def test_a_case_is_chosen_by_the_whole_name_of_a_key_and_by_its_whole_value():
    data = results()["information"]
    joined = xr.concat([data, data * 2], dim="case", data_vars="all").assign_coords(
        case=["a", "b"], swept_task_seed=("case", [5, 6]), swept_init=("case", ["fan", "out"])
    )
    groups = {"information": joined.assign_attrs(of="information")}

    def judged(**where):
        claim = Claim(says="s", by="b", statistic="bits_lost", above=0.0, null="n", where=where)
        return judge({"claim": claim}, groups)[0]

    second = verdict("bits_lost", {"information": (data * 2).assign_attrs(of="information")})
    assert judged(**{"task.seed": 6}).value == pytest.approx(second.value)
    assert judged(task_seed=6).value == pytest.approx(second.value)
    assert "no case has init 'fan_in'; there are fan, out" in judged(init="fan_in").reason
    assert "no case has task_seed 5.5" in judged(task_seed=5.5).reason
