"""Verdicts: the rule, missing data, differences, and what is written."""

import json

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from sgdphys.analyses.catalogue import statistics
from sgdphys.claims import measuring
from sgdphys.claims import verdicts as product
from sgdphys.claims.claim import Claim
from sgdphys.claims.estimates import Estimate, difference, over_replicas
from sgdphys.claims.statistic import Statistic
from sgdphys.claims.verdicts import (
    SUPPORTED,
    as_dataset,
    read_verdicts,
    without_data,
    word_for,
    write_verdicts,
)
from sgdphys.errors import InputError, WorkError
from sgdphys.figures.plots.verdicts import from_threshold

STATISTICS = statistics()


def judge(claims, groups):
    return product.judge(claims, groups, STATISTICS)


def measure(claim, groups):
    return measuring.measure(claim, groups, STATISTICS[claim.statistic])


def claim(**changed):
    keys = {"says": "s", "by": "b", "statistic": "bits_lost", "above": 1.0, "null": "n"}
    return Claim(**{**keys, **changed})


@pytest.mark.parametrize(
    ("low", "high", "rule", "word"),
    [
        (1.1, 2.0, {"above": 1.0}, "supported"),
        (0.5, 1.0, {"above": 1.0}, "not supported"),
        (0.5, 1.5, {"above": 1.0}, "inconclusive"),
        (0.5, 0.9, {"above": None, "below": 1.0}, "supported"),
        (1.0, 1.2, {"above": None, "below": 1.0}, "not supported"),
        (-0.5, 0.5, {"above": -1.0, "below": 1.0}, "supported"),
        (1.5, 2.0, {"above": -1.0, "below": 1.0}, "not supported"),
        (-2.0, -1.0, {"above": -1.0, "below": 1.0}, "not supported"),
        (-2.0, 2.0, {"above": -1.0, "below": 1.0}, "inconclusive"),
        (np.nan, np.nan, {"above": 1.0}, "no data"),
    ],
)
def test_the_word_follows_from_interval_and_threshold(low, high, rule, word):
    assert word_for(Estimate((low + high) / 2, low, high, 10), claim(**rule)) == word


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"above": None}, "has no threshold"),
        ({"above": 2.0, "below": 1.0}, "can never hold"),
        ({"treshold": 1.0}, "Extra inputs"),
    ],
)
def test_claims_that_cannot_be_judged_are_refused(keys, words):
    with pytest.raises(ValidationError, match=words):
        claim(**keys)


def information(lost, replicas=40, seed=0, cases=None):
    """Curves of two layers that lose known bits after epoch 2, by case if there are several."""
    rng = np.random.default_rng(seed)
    epoch = np.array([0, 1, 2, 10, 100])
    shape = np.array([0.5, 0.8, 1.0, 0.5, 0.0])
    made = []
    for case in lost:
        noise = 0.2 * rng.standard_normal((replicas, 2))
        fall = np.asarray(case) + noise
        made.append(3.0 + shape[:, None, None] * fall)
    values = np.stack(made) if cases else made[0]
    dims = (("case",) if cases else ()) + ("epoch", "replica", "layer")
    data = xr.Dataset(
        {"I_XT": (dims, values), "I_TY": (dims, values)},
        coords={"epoch": epoch, "layer": [1, 2]},
        attrs={"of": "information"},
    )
    if cases:
        data = data.assign_coords(case=cases, swept_size=("case", [1, 2]))
    return data


def test_bits_lost_by_layer_and_by_difference_of_cases():
    groups = {"information": information([[1.0, 2.0], [1.0, 5.0]], cases=["a", "b"])}
    one = measure(claim(where={"size": 1, "layer": 2}), groups)
    assert one.low < 2.0 < one.high
    assert one.high - one.low < 0.3
    both = measure(claim(where={"size": 2, "layer": [1, 2]}), groups)
    assert both.low < 3.0 < both.high
    apart = measure(claim(where={"size": 2, "layer": 2}, against={"size": 1}), groups)
    assert apart.low < 3.0 < apart.high
    assert apart.members == 40


@pytest.mark.slow
def test_intervals_of_a_statistic_are_right_as_often_as_they_say():
    hits = 0
    for seed in range(400):
        found = measure(
            claim(where={"layer": 1}), {"information": information([[1.0, 2.0]], 20, seed)}
        )
        hits += found.low <= 1.0 <= found.high
    assert 0.92 <= hits / 400 <= 0.98


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"statistic": "norm_growth"}, "no analysis of 'diversity'"),
        ({"where": {"size": 7}}, "no case has size 7; there are 1, 2"),
        ({"where": {"analysis": "kernels"}}, "there is no analysis 'kernels'"),
        ({"where": {"burst": 1}}, "has no coordinate 'burst'"),
        ({"statistic": "label_bits_above_null"}, "the results lack"),
    ],
)
def test_a_claim_without_data_says_why_and_harms_no_other(keys, words):
    groups = {"information": information([[1.0, 2.0], [1.0, 2.0]], cases=["a", "b"])}
    good = claim(where={"size": 1}, above=0.5)
    verdicts = judge({"bad": claim(**keys), "good": good}, groups)
    assert [v.word for v in verdicts] == ["no data", "supported"]
    assert words in verdicts[0].reason


def test_verdicts_survive_a_file(tmp_path):
    groups = {"information": information([[1.0, 2.0]])}
    verdicts = judge({"a": claim(), "b": claim(statistic="norm_growth")}, groups)
    write_verdicts(verdicts, tmp_path / "verdicts.json")
    again = read_verdicts(tmp_path / "verdicts.json")
    for name, value in again[0]._asdict().items():
        assert value == getattr(verdicts[0], name) or np.isnan(value), name
    assert np.isnan(again[1].value)
    rows = json.loads((tmp_path / "verdicts.json").read_text())["verdicts"]
    assert rows[1]["value"] is None
    assert as_dataset(verdicts)["word"].to_numpy().tolist() == [v.word for v in verdicts]


def test_verdicts_of_before_there_were_digests_are_read(tmp_path):
    path = tmp_path / "verdicts.json"
    write_verdicts(judge({"a": claim()}, {"information": information([[1.0, 2.0]])}), path)
    new = read_verdicts(path)
    path.write_text(json.dumps(json.loads(path.read_text())["verdicts"]))
    assert str(read_verdicts(path)) == str(new)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"1.5", b"1.6"),
        lambda data: data.replace(b"value", b"falue"),
        lambda data: data + b"\xff",
        lambda data: b'["a"]',
        lambda data: b"3",
    ],
)
def test_damaged_verdicts_are_told(tmp_path, damage):
    path = tmp_path / "verdicts.json"
    write_verdicts(judge({"a": claim()}, {"information": information([[1.0, 2.0]])}), path)
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    with pytest.raises(WorkError, match=r"verdicts\.json is damaged; give the command"):
        read_verdicts(path)


def test_what_has_no_data_has_no_verdict_whatever_is_claimed():
    claims = {name: claim(statistic=name) for name in STATISTICS}
    for verdict in without_data(claims, "every network diverged", STATISTICS):
        assert (verdict.word, verdict.reason) == ("no data", "every network diverged")
        assert np.isnan([verdict.value, verdict.low, verdict.high]).all()


def test_places_that_other_cases_have_alone_are_not_chosen():
    # cases with other numbers of updates an epoch leave holes in each other's lags
    data = xr.Dataset(
        {f"diffusion_ratio{e}": (("case", "lag"), [[1.0, np.nan], [np.nan, v]])
         for e, v in (("", 2.0), ("_low", 1.5), ("_high", 2.5))},
        coords={"lag": [3, 7], "lag_epochs": (("case", "lag"), [[1.0, np.nan], [np.nan, 1.0]]),
                "swept_size": ("case", [1, 2])},
        attrs={"of": "diffusion"},
    )  # fmt: skip
    wanted = claim(statistic="diffusion_over_noise", where={"size": 2, "lag_epochs": 1})
    assert measure(wanted, {"diffusion": data})[:3] == (2.0, 1.5, 2.5)


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ({"layer": 9}, "there is no layer 9; there are 1, 2"),
        ({"layer": 0}, "there is no layer 0"),
        ({"layer": -1}, "there is no layer -1"),
        ({"layer": [1, 9]}, "there is no layer 9"),
        ({"layer": 1.4}, "there is no layer 1.4"),
    ],
)
def test_a_place_that_was_not_measured_is_not_replaced_by_the_nearest(where, reason):
    (found,) = judge(
        {"a": claim(statistic="bits_lost", where=where)}, {"information": information([1.0, 2.0])}
    )
    assert found.word == "no data"
    assert found.reason.startswith(reason)


def test_the_records_of_a_clock_are_taken_nearest_to_a_time_and_not_beyond_them():
    epochs = np.unique(np.geomspace(1, 2000, 40).astype(int))
    when = xr.DataArray(
        epochs[:, None] + np.linspace(-0.1, 0.1, 6),
        dims=("epoch", "replica"), coords={"epoch": epochs}, name="when",
    )  # fmt: skip
    statistic = Statistic(lambda results: when, "the epoch itself", ())

    def taken(epoch):
        return measuring.estimate_of("when", statistic, {"epoch": epoch}, {}).value

    assert taken(350) == pytest.approx(epochs[np.abs(epochs - 350).argmin()])
    assert taken(2100) == pytest.approx(2000)
    with pytest.raises(InputError, match="no epoch 5000; they go from 1 to 2000"):
        taken(5000)


@pytest.mark.parametrize(
    ("above", "below", "interval", "ends"),
    [
        (1.0, np.nan, (0.5, 2.0, 3.0), (-0.5, 1.0, 2.0)),
        (np.nan, 1.0, (0.5, 2.0, 3.0), (-2.0, -1.0, 0.5)),
        (-1.0, 1.0, (-0.5, 0.2, 0.8), (0.2, 0.8, 1.0)),
        (-1.0, 1.0, (0.5, 1.5, 2.0), (-1.0, -0.5, 0.5)),
        (-1.0, 1.0, (-4.0, -3.0, -2.0), (-3.0, -2.0, -1.0)),
        (1.0, np.nan, (np.nan, 2.0, np.nan), (np.nan, 1.0, np.nan)),  # one network has no interval
        (-1.0, 1.0, (np.nan, 0.5, np.nan), (np.nan, 0.5, np.nan)),
    ],
)
def test_distances_into_the_side_of_a_claim(above, below, interval, ends):
    assert from_threshold(above, below, *interval) == pytest.approx(ends, nan_ok=True)


def test_differences_of_independent_estimates():
    one, other = Estimate(3.0, 2.0, 4.0, 9), Estimate(1.0, 0.25, 1.75, 7)
    assert difference(one, other) == Estimate(2.0, 0.75, 3.25, 7)


def test_infinite_replicas_are_left_out():
    found = over_replicas(xr.DataArray([1.0, 1.0, np.inf, np.nan], dims="replica"))
    assert (found.value, found.members) == (1.0, 2)


def test_every_statistic_says_what_it_measures():
    for name, statistic in STATISTICS.items():
        assert 10 < len(statistic.measures) < 100, name
        assert not statistic.measures.startswith("The same"), name


def test_a_statistic_names_what_it_reads_and_chooses():
    groups = {"information": information([[1.0, 2.0]])}
    reads = Statistic(lambda r: r.of("information")["I_XT"], "what is read", needs=("phases",))
    with pytest.raises(LookupError, match="must list it in its needs"):
        product.judge({"a": claim(statistic="reads")}, groups, {"reads": reads})
    last = Statistic(
        lambda r: r.of("information")["I_XT"].sel(layer=r.wanted("layer")).isel(epoch=-1),
        "what is chosen", needs=("information",), chooses=("layer",),
    )  # fmt: skip
    for wanted in (1, [1, 2]):
        (found,) = product.judge(
            {"a": claim(statistic="last", where={"layer": wanted})}, groups, {"last": last}
        )
        assert found.word == "supported"
        assert found.measured == "what is chosen"


def test_a_quick_run_has_numbers_and_no_verdict():
    groups = {"information": information([[1.0, 2.0]])}
    (found,) = product.judge({"a": claim(above=-5.0)}, groups, STATISTICS, quick=True)
    assert found.word == "not judged"
    assert found.survives == ""
    assert np.isfinite(found.value)


def test_a_claim_can_need_more_networks_than_there_are():
    groups = {"information": information([[1.0, 2.0]])}
    (found,) = judge({"a": claim(least_members=100)}, groups)
    assert found.word == "no data"
    assert "the claim needs 100" in found.reason


def test_only_blind_claims_of_the_paper_and_its_critics_are_corrected_for_their_number():
    """Adjusted p-values of 0.01, 0.02 and 0.03 among three are all 0.03."""
    groups = {"information": information([[1.0, 2.0]])}
    kinds = [("paper", "before"), ("critic", "before"), ("paper", "before"), ("paper", "after"),
             ("instrument", "before"), ("exploratory", "before")]  # fmt: skip
    claims = {
        f"c{k}": claim(kind=kind, written=when, above=-5.0) for k, (kind, when) in enumerate(kinds)
    }
    verdicts = judge(claims, groups)
    given = [
        v._replace(p_value=p, word="supported")
        for v, p in zip(verdicts, (0.03, 0.01, 0.02, 0.001, 0.9, 0.9), strict=True)
    ]
    adjusted = product.adjusted(given)
    assert [v.q_value for v in adjusted[:3]] == pytest.approx([0.03] * 3)
    assert [v.survives for v in adjusted] == ["yes"] * 3 + [""] * 3


@pytest.mark.parametrize("wrong", [{"detects": 0.5}, {"at_null": 1.5}])
def test_the_effect_is_on_the_side_of_a_claim_and_its_null_is_not(wrong):
    with pytest.raises(ValidationError, match="above 1"):
        claim(**wrong)


def test_a_difference_of_shares_of_few_networks_has_a_width():
    """3 of 3 against 0 of 3 was 1 [1, 1], with a p-value of 0."""
    values = xr.DataArray([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]], dims=("case", "replica"))
    groups = {"made": xr.Dataset({"hit": values}, {"swept_side": ("case", [1, 2])}, {"of": "made"})}
    statistic = Statistic(
        lambda results: results.of("made")["hit"], "share", needs=("made",), kind="share"
    )
    made = claim(statistic="made", where={"side": 1}, against={"side": 2}, above=0.5)
    found = measuring.measure(made, groups, statistic)
    assert found.value == 1
    assert found.low < 0.5


def test_two_means_over_layers_are_of_the_same_layers():
    """A layer that one side alone has changed the mean of that side."""
    values = np.full((2, 8, 2), 4.0) + 0.01 * np.arange(8)[:, None]
    values[1, :, 1] = 100.0
    values[0, :, 1] = np.nan
    found = xr.Dataset(
        {"value": (("case", "replica", "layer"), values)},
        {"case": ["a", "b"], "swept_size": ("case", [1, 2]), "layer": [1, 2]}, {"of": "learning"},
    )  # fmt: skip
    for kind, expected in (("symmetric", 0.0), ("geometric", 1.0)):
        statistic = Statistic(
            lambda r: r.of("learning")["value"], "m", needs=("learning",), kind=kind
        )
        asked = claim(statistic="v", where={"size": 2}, against={"size": 1})
        value = measuring.measure(asked, {"learning": found}, statistic).value
        assert value == pytest.approx(expected)


def test_an_end_is_told_from_the_threshold_in_print():
    (found,) = judged_interval(0.7, 0.5004, 0.9)
    assert found.word == SUPPORTED
    assert "[0.5004," in found.estimate


@pytest.mark.parametrize(("odd", "said"), [(np.nan, " from 4 of 5 networks"), (1.0, "]")])
def test_an_estimate_says_of_how_many_networks_it_is(odd, said):
    values = xr.DataArray([1.0, 1.1, 0.9, 1.2, odd], dims="replica")
    statistic = Statistic(lambda r: values, "m", needs=("learning",), kind="symmetric")
    groups = {"learning": xr.Dataset(attrs={"of": "learning"})}
    (found,) = product.judge({"c": claim(statistic="v", above=0.5)}, groups, {"v": statistic})
    assert found.estimate.endswith(said)


def of_families(values, twins):
    family = np.arange(len(values)) // twins
    return xr.DataArray(values, dims="replica", coords={"family": ("replica", family)})


def test_twins_are_one_network():
    """Copies of two networks are two."""
    copies = of_families(np.repeat([1.0, 3.0], 4), 4)
    found = over_replicas(copies)
    assert (found.value, found.members, found.replicas) == (2.0, 2, 2)
    assert found == over_replicas(xr.DataArray([1.0, 3.0], dims="replica"))
    means = over_replicas(of_families(np.array([1.0, 4.0, 2.0, 8.0, np.nan, 9.0]), 2), "geometric")
    assert (
        means[:4] == over_replicas(xr.DataArray([2.0, 4.0, 9.0], dims="replica"), "geometric")[:4]
    )
    shares = over_replicas(of_families(np.repeat([1.0, 0.0, 1.0], 2), 2), "share")
    assert shares == over_replicas(xr.DataArray([1.0, 0.0, 1.0], dims="replica"), "share")


@pytest.mark.parametrize("as_estimate", [True, False])
def test_claims_count_families(as_estimate):
    values = of_families(np.repeat([1.0, 1.5, 3.0], 4), 4)
    groups = {"learning": xr.Dataset({"v": values}, attrs={"of": "learning"})}

    def of(results):
        found = results.of("learning")["v"].drop_vars("family")
        return over_replicas(found) if as_estimate else found

    statistic = Statistic(of, "m", needs=("learning",), kind="symmetric")
    (found,) = product.judge({"c": claim(statistic="v", above=0.5)}, groups, {"v": statistic})
    alone = over_replicas(xr.DataArray([1.0, 1.5, 3.0], dims="replica"))
    assert (found.value, found.low, found.high, found.members) == alone[:4]


def test_a_difference_says_nothing_of_networks_that_are_missing_on_neither_side():
    one, other = (over_replicas(xr.DataArray(np.arange(n), dims="replica")) for n in (4, 5))
    assert difference(one, other).replicas == 0


def test_an_open_interval_says_that_it_is_open():
    (found,) = judged_interval(0.7, -np.inf, 0.9)
    assert "interval is open" in found.reason


def judged_interval(value, low, high):
    """The verdict on a claim, above 0.5, whose analysis supplies this interval."""
    statistic = Statistic(
        lambda r: Estimate(value, low, high, 0), "m", needs=("learning",), kind="symmetric"
    )
    groups = {"learning": xr.Dataset(attrs={"of": "learning"})}
    return product.judge({"c": claim(statistic="v", above=0.5)}, groups, {"v": statistic})


def test_a_statistic_has_the_unit_of_the_loss_that_it_is_of():
    """A squared error was told in nats."""
    statistic = Statistic(lambda r: r, "it", needs=("learning",), unit="nats", unit_in="x")
    group = xr.Dataset({"x": ((), 1.0, {"units": "1"})}, attrs={"of": "learning"})
    assert statistic.unit_of({"a": group}, is_compared=False) == ""
    assert statistic.unit_of({}, is_compared=False) == "nats"
