"""Curves cut at equal epochs, updates or training time, and networks that have learnt nothing."""

import numpy as np
import pytest
import xarray as xr

from sgdphys.analyses.catalogue import statistics
from sgdphys.claims.claim import Claim
from sgdphys.claims.estimates import over_replicas
from sgdphys.claims.results import Results, along_control
from sgdphys.claims.statistic import Statistic
from sgdphys.claims.verdicts import judge
from sgdphys.errors import InputError

EPOCH = np.arange(0, 101, 10)


def group(updates_an_epoch, *, learned=(1, 1, 1, 1)):
    """A curve that is the epoch itself, with its clocks."""
    curve = np.broadcast_to(EPOCH[:, None], (len(EPOCH), 4)).astype(float)
    clocks = {
        "updates": ("epoch", EPOCH * float(updates_an_epoch)),
        "flow_time": ("epoch", EPOCH * 0.1 * updates_an_epoch),
    }
    along = {"epoch": EPOCH, "replica": range(4), "learned": ("replica", list(learned))}
    return xr.Dataset(
        {"curve": (("epoch", "replica"), curve)}, {**along, **clocks}, {"of": "information"}
    )


def last(results):
    return results.each_case("information", lambda d: d["curve"].dropna("epoch", how="all")[-1])


LAST = Statistic(last, "the last value of a curve", needs=("information",))


def verdict(groups, **where):
    claim = Claim(says="s", by="b", statistic="last", where=where, above=0.0, null="n")
    return judge({"claim": claim}, groups, {"last": LAST})[0]


@pytest.mark.parametrize(
    ("key", "limit", "epoch"),
    [("until_epoch", 55, 50), ("until_updates", 350, 50), ("until_time", 70.1, 100)],
)
def test_a_curve_ends_at_the_last_record_before_a_limit(key, limit, epoch):
    assert verdict({"information": group(7)}, **{key: limit}).value == epoch


def test_cases_of_a_sweep_are_cut_at_the_same_updates():
    cases = [group(1), group(4)]
    joined = xr.concat(cases, dim="case", coords="different", compat="equals")
    joined = joined.assign_coords(case=["a", "b"], swept_batch_size=("case", [400, 100]))
    groups = {"information": joined.assign_attrs(of="information")}
    assert verdict(groups, batch_size=400, until_updates=100).value == 100
    assert verdict(groups, batch_size=100, until_updates=100).value == 20


def test_a_case_that_ends_before_a_limit_of_epochs_is_refused():
    """It was judged at its own end, under the limit of the longest case."""
    short = group(1).isel(epoch=slice(0, 5))
    joined = xr.concat([group(1), short], dim="case", join="outer")
    joined = joined.assign_coords(case=["a", "b"], swept_batch_size=("case", [400, 100]))
    groups = {"information": joined.assign_attrs(of="information")}
    assert verdict(groups, batch_size=400, until_epoch=80).value == 80
    assert "a run ends at 40" in verdict(groups, batch_size=100, until_epoch=80).reason
    assert verdict(groups, batch_size=100, until_epoch=40).value == 40


def test_a_limit_that_a_run_does_not_reach_is_refused():
    with pytest.raises(InputError, match="until_updates is 2000, and a run ends at 700"):
        Results({"information": group(7)}, ["information"], "", {"until_updates": 2000}).of(
            "information"
        )


def test_an_analysis_without_curves_cannot_be_cut():
    found = group(7).drop_dims("epoch").assign(x=("replica", np.ones(4)))
    with pytest.raises(InputError, match="no curves to cut by until_epoch"):
        Results({"information": found}, ["information"], "", {"until_epoch": 5}).of("information")


def test_a_statistic_that_reads_no_curve_cannot_be_cut():
    """The test accuracy at the end was told as that of the first epoch."""
    end = Statistic(lambda r: r.of("information")["at_end"], "a value", needs=("information",))
    groups = {"information": group(7).assign(at_end=("replica", np.arange(4.0)))}
    claim = Claim(says="s", by="b", statistic="end", where={"until_epoch": 50}, above=0.0, null="n")
    (found,) = judge({"claim": claim}, groups, {"end": end})
    assert found.word == "no data"
    assert "reads no curve, so that until_epoch would cut nothing" in found.reason


def test_networks_at_chance_are_left_out_of_curves():
    assert verdict({"information": group(7, learned=(1, 0, 1, 1))}).members == 3


def test_if_all_are_at_chance_there_is_no_verdict():
    found = verdict({"information": group(7, learned=(0, 0, 0, 0))})
    assert found.word == "no data"
    assert "all stay at chance" in found.reason


def test_neighbouring_cases_are_those_of_neighbouring_values():
    values = xr.DataArray(
        [4.0, 1.0, 3.0], dims="case", coords={"swept_train_fraction": ("case", [0.4, 0.1, 0.3])}
    )
    assert along_control(values).values.tolist() == [1.0, 3.0, 4.0]
    in_step = values.assign_coords(swept_epochs=("case", [9, 9, 5]))
    assert along_control(in_step).values.tolist() == [1.0, 3.0, 4.0]
    product = xr.DataArray(
        np.arange(4.0), dims="case",
        coords={"swept_a": ("case", [1, 1, 2, 2]), "swept_b": ("case", [1, 2, 1, 2])},
    )  # fmt: skip
    with pytest.raises(InputError, match="a, b vary"):
        along_control(product)


@pytest.mark.parametrize("twins", [1, 2])
def test_an_estimate_over_networks_that_reads_no_curve_cannot_be_cut(twins):
    """Of twins it was measured on one network of each family, and compared with all of them."""
    found = group(7).assign(x=("replica", [1.0, 2.0, 3.0, 5.0]))
    if twins > 1:
        found = found.assign_coords(family=("replica", np.arange(4) // twins))
    mean = Statistic(
        lambda r: over_replicas(r.of("information")["x"].drop_vars("family", errors="ignore")),
        "a mean", needs=("information",),
    )  # fmt: skip
    claim = Claim(
        says="s", by="b", statistic="mean", where={"until_epoch": 50}, above=0.0, null="n"
    )
    (found_verdict,) = judge({"claim": claim}, {"information": found}, {"mean": mean})
    assert "reads no curve" in found_verdict.reason


def test_a_claim_about_an_epoch_without_a_record_near_has_no_data():
    """The nearest record was taken, however far it was."""
    claim = Claim(says="s", by="b", statistic="early_fit", where={"epoch": 47}, above=0.0, null="n")
    rising = group(7).rename(curve="I_TY")
    wide = rising.isel(epoch=[0, 2, 10])
    for data, reason in ((rising, ""), (wide, "the epoch of early_fit is 47, and the nearest")):
        (found,) = judge({"claim": claim}, {"information": data}, statistics())
        assert found.word == ("no data" if reason else "supported")
        assert reason in found.reason
