"""Studies: every key checked, every fault told at once, overrides, the resolved text."""

import datetime
import tomllib

import numpy as np
import pytest

from sgdphys.errors import InputError
from sgdphys.study.experiment import ensemble_of, learning_rates, plan_of, task_of
from sgdphys.study.files import (
    find_study,
    load_study,
    override,
    resolved_text,
    shipped_studies,
    study_hash,
)
from sgdphys.study.quick import quicken
from sgdphys.study.recording import SEGMENT_BYTES, Recording, segment_ends
from sgdphys.study.settings import Study, study_from
from sgdphys.trajectory.schedules import log_epochs


def faults(keys):
    with pytest.raises(InputError) as caught:
        study_from(keys, "s.toml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"train": {"learning_rat": 0.1}},
            "train.learning_rat in s.toml is not a key; did you mean 'learning_rate'?",
        ),
        ({"trian": {}}, "trian in s.toml is not a key; did you mean 'train'?"),
        (
            {"network": {"activation": "tanhh"}},
            "network.activation is 'tanhh' in s.toml; did you mean 'tanh'?",
        ),
        (
            {"sweep": {"network.layers": []}},
            "sweep.network.layers is [] in s.toml; it must be a list with at least one entry",
        ),
        ({"network": {"layers": [3, 0]}}, "network.layers is 0 in s.toml; it must be at least 1"),
        (
            {"train": {"batch_size": 0}},
            "train.batch_size is 0 in s.toml; it must be at least 1",
        ),
        (
            {"train": {"train_fraction": 0.0}},
            "train.train_fraction is 0.0 in s.toml; it must be above 0.0",
        ),
        (
            {"train": {"train_fraction": 1.5}},
            "train.train_fraction is 1.5 in s.toml; it must be at most 1.0",
        ),
        (
            {"train": {"learning_rate": -0.1}},
            "train.learning_rate is -0.1 in s.toml; it must be above 0.0",
        ),
        (
            {"train": {"learning_rate": float("nan")}},
            "train.learning_rate is nan in s.toml; it should be a finite number",
        ),
        ({"train": {"epochs": 1.5}}, "train.epochs is 1.5 in s.toml; it should be a valid integer"),
        (
            {"train": {"epochs": True}},
            "train.epochs is True in s.toml; it should be a valid integer",
        ),
        (
            {"train": {"schedule": "cosin"}},
            "train.schedule is 'cosin' in s.toml; did you mean 'cosine'?",
        ),
        (
            {"train": {"replicas": 5, "twins": 2}},
            "train.replicas is 5, not a multiple of train.twins, 2; families must be complete "
            "(in s.toml)",
        ),
        ({"train": {"nesterov": True}}, "train.nesterov needs train.momentum above 0 (in s.toml)"),
        (
            {"network": {"layers": ["10", "7"]}},
            "network.layers is '10' in s.toml; it should be a valid integer",
        ),
        (
            {"analyses": {"information": {"epochs": [-1, -2]}}},
            "analyses.information.epochs is -1 in s.toml; it must be at least 0",
        ),
        (
            {"analyses": {"information": {"range": [1.0, 2.0, 3.0]}}},
            "analyses.information.range is [1.0, 2.0, 3.0] in s.toml; it can be 'epoch'; otherwise "
            "it must be a list with at most 2 entries",
        ),
        ({"train": 3}, "train is 3 in s.toml; it must be a table"),
        (
            {"analyses": {"information": 3}},
            "analyses.information is 3 in s.toml; it must be a table",
        ),
        ({"title": 3}, "title is 3 in s.toml; it should be a valid string"),
        ({1: 2}, "the study in s.toml has the key 1; keys are names"),
        (
            {"record": {"weights": 5}},
            "record.weights is 5 in s.toml; it can be 'step', 'epoch', 'log', 'log_pairs', "
            "'log_triples', or a table {every = n} or {burst = k, starts = n}",
        ),
        (
            {"train": {"device": "gpu"}},
            "train.device is 'gpu'; it can be 'cpu', 'cuda', or 'cuda:1' and so on (in s.toml)",
        ),
        (
            {"network": {"module": "models.make"}},
            "network.module is 'models.make'; write it as package.module:function (in s.toml)",
        ),
        ({"tra\nin": {}}, "'tra\\nin' in s.toml is not a key; did you mean 'train'?"),
        (
            {"train": {"seed": 2**63}},
            "train.seed is 9223372036854775808 in s.toml; it must be at most 9223372036854775807",
        ),
        (
            {"train": {"epochs": 10**9}},
            "train.epochs is 1000000000 in s.toml; it must be below 1000000000",
        ),
        (
            {"train": {"replicas": 10**30}},
            "train.replicas is 1000000000000000000000000000000 in s.toml; it must be at most "
            "1000000000",
        ),
        (
            {"record": {"weights": {"burst": 3, "starts": 10**9}}},
            "record.weights.starts is 1000000000 in s.toml; it must be at most 100000",
        ),
    ],
    ids=str,
)
def test_one_fault_is_one_sentence(keys, sentence):
    assert faults(keys) == [sentence]


def test_a_table_of_a_wrong_shape_is_told_its_shapes():
    (sentence,) = faults({"record": {"weights": {"evry": 3}}})
    assert "{every = n} or {burst = k, starts = n}" in sentence


def test_values_are_quoted_in_few_letters():
    for value in ("x" * 100_000, ["x" * 100] * 1000, {"a" * 1000: 1}):
        (sentence,) = faults({"train": {"epochs": value}})
        assert len(sentence) < 130
    (sentence,) = faults({"t" * 100_000: 1})
    assert len(sentence) < 300
    (sentence,) = faults({"train": {"epochs": 10**5000}})
    assert sentence == (
        "train.epochs is a number of about 4999 digits in s.toml; it must be below 1000000000"
    )


def test_every_integer_has_an_end():
    """Nothing that is counted overflows later."""

    def ends(schema, name):
        for inside in schema.get("anyOf", []) + list(filter(None, [schema.get("items")])):
            yield from ends(inside, name)
        yield from (
            found for inside in schema.get("prefixItems", []) for found in ends(inside, name)
        )
        if schema.get("type") == "integer":
            yield name, schema.get("maximum", schema.get("exclusiveMaximum"))

    schema = Study.model_json_schema()
    tables = {"Study": schema, **schema["$defs"]}
    found = [
        end
        for table, model in tables.items()
        for key, inside in model.get("properties", {}).items()
        for end in ends(inside, f"{table}.{key}")
    ]
    assert len(found) > 30
    assert [name for name, end in found if end is None or end >= 2**63] == []


def test_long_numbers_and_deep_nests_are_told(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[train]\nepochs = " + "9" * 5000 + "\n")
    with pytest.raises(InputError, match=r"s\.toml holds a number of thousands of digits"):
        load_study(path)
    path.write_text("title = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(InputError, match="nested too deeply"):
        load_study(path)
    for value in ("9" * 5000, "[" * 5000 + "]" * 5000):
        with pytest.raises(InputError, match="thousands of digits, or nested too deeply"):
            load_study({}, [f"train.epochs={value}"])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"sweep": {"network.layers": [[None]]}}, "sweep.network.layers holds None in"),
        ({"analyses": {"information": {}}, "sweep": {"analyses.information.range":
                                                     [None, [0.0, 1.0]]}}, "holds None in"),
        ({"sweep": {"train.seed": list(np.arange(3))}}, "holds np.int64(0) of type int64"),
        ({"claims": {"a": {"says": "s", "by": "b", "statistic": "bits_lost", "above": 0.0,
                           "null": "0", "where": {"layer": {1, 2}}}}}, "of type set"),
        ({"title": "\ud800"}, "which is no text"),
        ({"title": datetime.date(2020, 1, 2)}, "of type date"),
    ],
)  # fmt: skip
def test_values_that_no_file_can_hold_are_told(keys, words):
    with pytest.raises(InputError) as caught:
        load_study(keys)
    (sentence,) = str(caught.value).splitlines()
    assert words in sentence
    assert sentence.endswith("use text, numbers, lists and tables")


def test_none_leaves_out_what_may_be_left_out():
    study = load_study({"analyses": {"information": {"range": None}}})[1]
    assert study.analyses["information"].range is None
    assert load_study(study)[1] == study


def test_all_faults_at_once():
    found = faults(
        {"train": {"learning_rat": 0.1, "batch_size": 0}, "network": {"activation": "tanhh"}}
    )
    assert len(found) == 3


def test_settings_override_and_are_named_in_faults(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text("[train]\nreplicas = 7\n")
    name, study = load_study(path, ["train.replicas=5", "network.layers=[4, 3]", "title=two words"])
    assert (name, study.train.replicas, study.network.layers) == ("s", 5, (4, 3))
    assert study.title == "two words"
    with pytest.raises(InputError, match=r"train\.replicas is 0 in .*s\.toml with --set"):
        load_study(path, ["train.replicas=0"])
    with pytest.raises(InputError, match="write it as table"):
        override({}, ["train.replicas"])
    with pytest.raises(InputError, match="title is a value, not a table"):
        override({"title": "a"}, ["title.x=1"])


def test_files_that_are_no_study(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("[train\n")
    with pytest.raises(InputError, match="is not valid TOML"):
        load_study(bad)
    with pytest.raises(InputError, match="did you mean 'information_plane'"):
        find_study("information_plain")


def test_shipped_studies_are_sound_and_found_by_name():
    assert "information_plane" in shipped_studies()
    for path in shipped_studies().values():
        assert load_study(path)[1].title != "untitled"
    assert find_study("studies/information_plane.toml").is_file()
    assert find_study("information_plane").is_file()


def test_defaults_are_those_of_the_information_plane():
    _, shipped = load_study("information_plane")
    default = study_from({}, "nothing")
    for part in ("task", "network", "train", "record"):
        assert getattr(shipped, part) == getattr(default, part)


def test_resolved_text_reads_back():
    study = study_from(
        {"train": {"schedule": {"every": 3, "factor": 0.5}}, "record": {"weights": {"every": 2}}},
        "s",
    )
    assert study_from(tomllib.loads(resolved_text(study)), "again") == study


def test_hash_follows_what_is_recorded_alone():
    base = study_from({}, "s")
    assert study_hash(study_from({"title": "other", "figures": {"formats": ["pdf"]}}, "s")) == (
        study_hash(base)
    )
    assert study_hash(study_from({"train": {"seed": 2}}, "s")) != study_hash(base)


def test_quick_keeps_families_whole():
    study = study_from({"train": {"replicas": 60, "twins": 6}}, "s")
    assert quicken(study).train.replicas == 36
    assert quicken(study).train.epochs == 500


def test_quick_sweeps_are_smaller_and_slow_estimators_read_three_epochs():
    slow = {"of": "information", "estimator": "kde_upper", "epochs": [0, 3, 30, 100, 5000, 10_000]}
    keys = {"sweep": {"train.batch_size": [4, 512]}, "analyses": {"slow": slow}}
    quick = quicken(study_from(keys, "s"))
    assert (quick.train.replicas, quick.train.epochs) == (8, 200)
    assert quick.analyses["slow"].epochs == (0, 30, 100)
    assert quick.figures.formats == ("svg",)
    bursts = {**keys, "record": {"weights": {"burst": 74, "starts": 4}}}
    assert quicken(study_from(bursts, "s")).train.epochs == 500


def test_about_275_log_spaced_epochs():
    epochs = log_epochs(10_000)
    assert 230 < len(epochs) < 300
    assert epochs[[0, 1, -1]].tolist() == [0, 1, 10_000]
    assert log_epochs(1).tolist() == [0, 1]


def test_schedules():
    rates = {
        kind: learning_rates(study_from({"train": {"epochs": 4, "schedule": value}}, "s").train)
        for kind, value in (
            ("constant", "constant"),
            ("cosine", "cosine"),
            ("step", {"every": 2, "factor": 0.1}),
        )
    }
    assert rates["constant"] == pytest.approx([0.1] * 4)
    assert rates["cosine"] == pytest.approx(0.05 * (1 + np.cos(np.pi * np.arange(4) / 4)))
    assert rates["step"] == pytest.approx([0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize(
    ("weights", "steps"),
    [
        ("epoch", [0, 7, 14, 21]),
        ("step", list(range(22))),
        ("log", [0, 7, 14, 21]),
        ({"every": 5}, [0, 5, 10, 15, 20]),
        ({"burst": 1, "starts": 2}, [*range(8), *range(14, 22)]),
        ({"burst": 9, "starts": 2}, list(range(22))),
    ],
    ids=str,
)
def test_schedules_of_recording(weights, steps):
    study = study_from({"train": {"epochs": 3}, "record": {"weights": weights}}, "s")
    assert plan_of(study, 7).weight_steps.tolist() == steps


def test_soft_labels_are_drawn_once_a_family():
    study = study_from(
        {
            "task": {"labels": "soft", "information": 0.5},
            "train": {"replicas": 40, "twins": 2},
        },
        "s",
    )
    task = task_of(study)
    targets = ensemble_of(study, task).samples.targets
    assert targets.shape == (20, 4096)
    p = task["p_y_given_x"].sel(label=1).to_numpy()
    # mean over 20 draws of each pattern: within 5 standard errors on average over patterns
    assert (targets.mean(axis=0) - p).mean() == pytest.approx(0, abs=5 * 0.5 / np.sqrt(20 * 4096))
    assert np.mean((targets.mean(axis=0) - p) ** 2) == pytest.approx(
        np.mean(p * (1 - p)) / 20, rel=0.1
    )


def test_splits_are_random_disjoint_and_of_the_size_asked():
    study = study_from({"train": {"replicas": 4, "train_fraction": 0.05}}, "s")
    task = task_of(study)
    is_train = ensemble_of(study, task).samples.is_train
    assert is_train.sum(axis=1).tolist() == [205] * 4
    # not the first patterns in counting order, whose share of ones is 0.117
    assert (is_train @ task["y"].to_numpy() / 205).min() > 0.4


def test_a_split_without_samples_is_refused():
    study = study_from({"train": {"train_fraction": 1e-5}}, "s")
    with pytest.raises(InputError, match="no sample of 4096 is left"):
        ensemble_of(study, task_of(study))


@pytest.mark.parametrize("weights", ["epoch", "step", "log"])
def test_segments_cover_the_run_in_small_parts(weights):
    study = study_from({"record": {"weights": weights}}, "s")
    ensemble = ensemble_of(study, task_of(study))
    plan = plan_of(study, ensemble.updates_per_epoch)
    ends = segment_ends(ensemble, plan)
    assert (np.diff(ends, prepend=0) > 0).all()
    assert ends[-1] == study.train.epochs
    assert len(ends) >= 20
    rows = np.diff(np.searchsorted(plan.weight_steps, ends * 7, side="right"), prepend=0)
    assert (rows * 50 * 294 * 4).max() <= SEGMENT_BYTES + 50 * 294 * 4


def test_size_told_is_the_size_written(tmp_path):
    keys = {"train": {"replicas": 10, "epochs": 400}, "task": {"samples": 512}}
    study = study_from(keys | {"record": {"weights": "step"}}, "s")
    recording = Recording(study, tmp_path)
    recording.segments.mkdir()
    recording.run()
    written = sum(p.stat().st_size for p in recording.segments.iterdir())
    assert recording.bytes == pytest.approx(written, rel=0.1)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"record": {"weights": "pairs"}}, "record.weights 'pairs' is now called 'log_pairs'"),
        ({"analyses": {"information": {"edges": "idnns"}}}, "'idnns' is now called 'as_published'"),
    ],
)
def test_former_values_name_the_present_ones(keys, words):
    with pytest.raises(InputError, match=words):
        study_from(keys, "s.toml")


@pytest.mark.parametrize("sweep", [{"train.seed": [1, 2]}, {"train": {"seed": [1, 2]}}])
def test_a_setting_changes_a_sweep_however_it_is_written(sweep):
    study = load_study({"sweep": sweep}, ["sweep.train.seed=[3, 4, 5]"])[1]
    assert study.sweep.keys == {"train.seed": (3, 4, 5)}
