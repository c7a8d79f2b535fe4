"""What a study asks for and cannot have: told at once, before anything is made."""

import re
import time

import pytest

import sgdphys as sp
from sgdphys.analyses import settings
from sgdphys.analyses.information.settings import OF_ESTIMATORS
from sgdphys.analyses.pitchfork.settings import FEWEST_SIGNALS
from sgdphys.analyses.stationarity.settings import FEWEST_UPDATES, PRODUCING
from sgdphys.dynamics.diffusion import entropy_production, wiener_tests
from sgdphys.dynamics.slowing.critical_point import FEWEST
from sgdphys.errors import InputError
from sgdphys.study.files import cases_of, load_study, parts_of, shipped_studies
from sgdphys.study.settings import ANALYSES, Task
from sgdphys.tasks import symmetric_rule
from sgdphys.tasks.catalogue import TASKS


def told(keys, settings=()):
    """The sentences with which a study is refused."""
    with pytest.raises(InputError) as caught:
        load_study(keys, settings)
    return str(caught.value).splitlines()


MODULE = {"module": "sgdphys.engines.examples:convolution"}
NO_HIDDEN = {"network": {"layers": []}}
TWINS = {"train": {"replicas": 12, "twins": 2}}
BURSTS = {"record": {"weights": {"burst": 74, "starts": 4}}}
SCALAR = {"task": {"name": "scalar_teacher"}, "train": {"loss": "squared_error"}}
PITCHFORK = {
    "task": {"name": "scalar_teacher"},
    "network": {"layers": [1], "activation": "identity", "bias": False},
    "train": {"learning_rate": 0.05, "weight_decay": 1.0, "loss": "squared_error",
              "sampling": "full", "langevin": 2.5e-6, "replicas": 12},
    "record": {"weights": "step", "gradients": "none"},
}  # fmt: skip

LACKING = [
    ("information", {}, SCALAR, "needs labels; task 'scalar_teacher' has none"),
    ("information", {"estimator": "noisy"}, {}, "needs network.noise above 0"),
    ("information", {"estimator": "net_input"}, {"network": MODULE}, "needs a perceptron"),
    ("information", {"estimator": "noisy"}, {"network": MODULE}, "needs a perceptron"),
    ("information", {"labels": "soft"}, {"network": MODULE}, "reads all patterns and hard labels"),
    ("information", {"estimator": "precision", "patterns": "train"}, {}, "reads all patterns"),
    ("information", {"patterns": "test"}, {"train": {"train_fraction": 1.0}}, "leaves none"),
    ("information", {"range": [1.0, -1.0]}, {}, "the lower first"),
    ("phases", {}, {"record": {"gradients": "none"}}, "record.gradients is 'none'"),
    ("diffusion", {}, BURSTS, "compares twins; set train.twins"),
    ("diffusion", {}, TWINS, "at least 119 consecutive steps, and the longest stretch recorded"),
    ("bottleneck", {}, {"task": {"name": "digits"}}, "task.name = 'symmetric_rule'"),
    ("bottleneck", {}, {"network": MODULE}, "needs a perceptron"),
    ("pitchfork", {}, {}, "needs task.name = 'scalar_teacher', network.layers = [1]"),
    ("pitchfork", {"ramp_steps": 10**6, "ramp_replicas": 1000}, PITCHFORK, "at most 100,000,000"),
    ("entropy", {}, {}, "compares twins with independent starts"),
    ("entropy", {}, {"train": {"replicas": 10, "twins": 2}}, "at least 6 families"),
    ("motion", {}, BURSTS, "compares weights at any two epochs; set record.weights to 'epoch'"),
    ("tails", {"batch_sizes": [32, 4000]}, {}, "draws batches of 4000 of 3482 training samples"),
    ("stationarity", {}, BURSTS, "train.dtype = 'float64'"),
    ("stationarity", {}, {"train": {"dtype": "float64"}}, "at least 60 consecutive steps"),
    ("stationarity", {}, {"train": {"dtype": "float64", "replicas": 1, "sampling": "full"},
                          "record": {"weights": {"burst": 55, "starts": 1}}}, "at least 60"),
    ("stationarity", {}, {**BURSTS, "train": {"dtype": "float64", "optimiser": "adam"}},
     "train.optimiser = 'sgd' without nesterov"),
    ("diversity", {}, {"train": {"replicas": 1}}, "compares networks"),
    ("diversity", {}, {"network": MODULE}, "needs a perceptron"),
    ("clustering", {}, SCALAR, "needs labels"),
    ("one_unit", {}, {"network": MODULE}, "needs a perceptron"),
    ("one_unit", {"largest_weight": 1e300}, {}, "largest_weight times bins"),
    ("rescaling", {}, SCALAR, "needs labels"),
    ("clustering", {}, NO_HIDDEN, "is of hidden layers, and network.layers is []"),
    ("rescaling", {}, NO_HIDDEN, "is of hidden layers, and network.layers is []"),
    ("one_unit", {}, NO_HIDDEN, "is of hidden layers, and network.layers is []"),
    ("linear", {}, {}, "exact for linear networks and teachers"),
    ("linear", {}, {"task": {"name": "teacher_student", "units": 3},
                    "train": {"loss": "squared_error"},
                    "network": {"activation": "identity"}}, "a linear teacher: task.units = 0"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "analysis", "study", "words"), LACKING)
def test_what_an_analysis_lacks_is_said_and_no_folder_is_made(
    tmp_path, kind, analysis, study, words
):
    task = {"task": {"name": "digits"}} if "module" in study.get("network", {}) else {}
    keys = {**task, **study, "analyses": {"mine": {"of": kind, **analysis}}}
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        sp.run(keys, tmp_path / "run")
    assert str(caught.value).startswith("analyses.mine ")
    assert not (tmp_path / "run").exists()


def test_numbers_that_are_written_twice_are_alike():
    """What analyses need is known without the files that compute them, which load for seconds."""
    assert settings.FEWEST_STEPS == wiener_tests.FEWEST
    assert FEWEST_SIGNALS == FEWEST
    x = [[0.0] * PRODUCING] * FEWEST_UPDATES
    with pytest.raises(InputError, match="are too few"):
        entropy_production.entropy_production(x, blocks=5)


def test_tables_of_keys_name_every_choice():
    assert set().union(*(t.reads for t in TASKS.values())) | {"name"} == set(Task.model_fields)
    fields = ANALYSES["information"].model_fields
    assert set(OF_ESTIMATORS) == set(fields["estimator"].annotation.__args__)
    assert set().union(*OF_ESTIMATORS.values()) < set(fields)


@pytest.mark.parametrize("quick", [False, True])
def test_shipped_studies_have_all_they_ask_for(quick):
    for path in shipped_studies().values():
        name, study = load_study(path, quick=quick)
        parts_of(study, path, quick=quick)
        assert name == path.stem


@pytest.mark.parametrize(
    ("keys", "sentences"),
    [
        (
            {"task": {"name": "digits", "information": 0.5, "units": 9, "noise": 3.0,
                      "path": "/nowhere", "labels": "hard"}},
            ["task.information", "task.noise", "task.path", "task.units"],
        ),
        (
            {"task": {"name": "digits"},
             "network": {**MODULE, "layers": [3], "activation": "relu", "noise": 0.5}},
            ["network.activation", "network.layers", "network.noise"],
        ),
        (
            {"network": {"layers": [], "activation": "relu", "noise": 0.5}},
            ["network.activation", "network.noise"],
        ),
        (
            {"analyses": {"information": {"estimator": "kde_upper", "bins": 7,
                                         "edges": "as_published"},
                          "other": {"of": "information", "noise_variance": 0.1}}},
            ["analyses.information.bins", "analyses.information.edges",
             "analyses.other.noise_variance"],
        ),
        ({"train": {"sampling": "full", "batch_size": 4}}, ["train.batch_size"]),
        ({"train": {"batch_size": 4}, "sweep": {"train.sampling": ["full", "fixed"]}}, []),
        ({"sweep": {"train.batch_size": [4, 512]}, "train": {"sampling": "full"}},
         ["train.batch_size"]),
        ({"task": {"units": 3}, "sweep": {"task.name": ["committee", "digits"]}}, []),
        ({"task": {"information": 0.3}, "sweep": {"task.name": ["committee", "digits"]}},
         ["task.information"]),
        ({"contents": {"task.path": "sha256:" + "0" * 64}}, ["contents.'task.path'"]),
        ({"folder": "/nowhere"}, ["folder"]),
    ],
)  # fmt: skip
def test_keys_without_effect_are_refused(keys, sentences):
    if not sentences:
        assert len(cases_of(load_study(keys)[1])) == 2
        return
    found = told(keys)
    assert sorted(s.partition(" has no effect")[0] for s in found) == sentences
    assert all("has no effect" in s and "leave it out" in s for s in found)


def test_the_choice_that_takes_a_key_its_effect_is_named():
    (found,) = told({"task": {"name": "digits", "information": 0.5}})
    assert found == (
        "task.information has no effect with task.name 'digits'; leave it out (in the study)"
    )
    sweep = {"task.name": ["committee", "digits"]}
    (found,) = told({"task": {"information": 0.5}, "sweep": sweep})
    assert "with task.name 'committee' or task.name 'digits'" in found


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"analyses": {"a/b": {"of": "information"}}}, "analyses.'a/b' is no name"),
        ({"analyses": {".": {"of": "information"}}}, "analyses.'.' is no name"),
        ({"analyses": {"": {"of": "information"}}}, "analyses.'' is no name"),
        ({"analyses": {"a b ": {"of": "information"}}}, "is no name"),
        ({"analyses": {"x" * 101: {"of": "information"}}}, "is no name"),
        ({"analyses": {"compression": {"of": "information"}}}, "a group of the run's own"),
        ({"analyses": {"training": {"of": "learning"}}}, "a group of the run's own"),
        ({"analyses": {"phases": {"of": "information"}}}, "name of another kind of analysis"),
        ({"claims": {"a.b": {"says": "s", "by": "b", "statistic": "bits_lost", "above": 0.0,
                             "null": "0"}}}, "claims.'a.b' is no name"),
        ({"parts": {"a": "digits"}, "train": {"epochs": 3}}, "train has no effect in a study of"),
        ({"parts": {"../a": "digits"}}, "names a folder"),
    ],
)  # fmt: skip
def test_names_are_checked(keys, words):
    assert any(words in sentence for sentence in told(keys))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"task": {"information": 0.9999}}, "task.information is 0.9999 bits"),
        ({"task": {"information": 1e-300}}, "it must be at least 1e-09"),
        ({"task": {"name": "committee", "units": 4}}, "an odd number of members"),
        ({"task": {"name": "random_labels", "classes": 1}}, "labels need at least 2"),
        ({"task": {"name": "teacher_student", "relevant": 101},
          "train": {"loss": "squared_error"}}, "task.relevant is 101"),
        ({"task": {"name": "teacher_student"}}, "set train.loss = 'squared_error'"),
        ({"task": {"name": "table"}}, "give task.path"),
        ({"train": {"train_fraction": 1e-5}}, "no sample of 4096 is left"),
        ({"train": {"engine": "vmapped", "langevin": 0.1}}, "train.langevin belongs to the fused"),
        ({"train": {"device": "cuda"}, "network": {"noise": 0.1}},
         "network.noise belongs to the fused engine, which train.device 'cuda' excludes"),
        ({"train": {"device": "cuda", "engine": "fused"}}, "trains on the CPU"),
        ({"network": MODULE, "task": {"name": "digits"}, "train": {"engine": "fused"}},
         "trains perceptrons alone"),
        ({"train": {"schedule": {"every": 1, "factor": 1e9}}}, "lower its factor"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_said(keys, words):
    (sentence,) = told(keys)
    assert words in sentence


def test_the_information_of_soft_labels_reaches_its_ends():
    for bits in (1e-9, 0.999157):
        data = symmetric_rule(bits)
        assert data.attrs["information"] == bits


def test_faults_of_every_kind_are_told_at_once(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(
        """
        [train]
        lr = 1
        replicas = 0
        [network]
        activation = "tanhh"
        layers = ["10", "7"]
        [analyses.criticality]
        [claims.mine]
        says = "x"
        statistic = "bits_lots"
        above = 0.1
        [sweep]
        "network.width" = [3]
        "train.batch_size" = [512, 0]
        """
    )
    found = told(path)
    for words in (
        "train.lr in", "train.replicas is 0", "did you mean 'tanh'", "network.layers is '10'",
        "analyses.criticality in", "claims.mine.by is missing", "claims.mine.null is missing",
        "did you mean 'bits_lost'", "sweep key 'network.width' is not a key",
        "train.batch_size is 0",
    ):  # fmt: skip
        assert sum(words in sentence for sentence in found) == 1, words
    assert len(found) == 10
    assert next(s for s in found if "batch_size is 0" in s).endswith("(the case batch_size=0)")
    assert list(tmp_path.iterdir()) == [path]


def test_faults_of_all_parts_are_told_at_once(tmp_path):
    (tmp_path / "one.toml").write_text("[train]\nlr = 1\n")
    (tmp_path / "two.toml").write_text("[analyses.entropy]\n")
    (tmp_path / "all.toml").write_text(
        '[parts]\na = "one"\nb = "two"\nc = { study = "digits", set = { "train.epoch" = 3 } }\n'
    )
    found = told(tmp_path / "all.toml")
    assert len(found) == 3
    for words in ("one.toml", "two.toml", "did you mean 'epochs'"):
        assert sum(words in sentence for sentence in found) == 1


def test_settings_of_a_part_may_be_tables(tmp_path):
    (tmp_path / "one.toml").write_text("[train]\nepochs = 100\n")
    (tmp_path / "all.toml").write_text(
        '[parts.a]\nstudy = "one"\n[parts.a.set]\n"record.weights" = { burst = 7, starts = 2 }\n'
    )
    study = load_study(tmp_path / "all.toml")[1]
    part = parts_of(study, tmp_path / "all.toml", ["train.epochs=50"])["a"]
    assert (part.record.weights.burst, part.train.epochs) == (7, 50)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("train.learning_rat", "did you mean 'learning_rate'?"),
        ("network.width", "it can be 'layers', 'activation'"),
        ("analyses.information.bin", "did you mean 'bins'?"),
        ("analyses.informatoin.bins", "did you mean 'analyses.information.bins'?"),
        ("record.weights.every", "did you mean 'record.weights'?"),
    ],
)
def test_a_wrong_sweep_key_is_told_the_nearest_right_one(name, nearest):
    keys = {"analyses": {"information": {}}, "sweep": {name: [1, 2]}}
    (sentence,) = told(keys)
    assert sentence.startswith(f"sweep key {name!r} is not a key; {nearest}")


def test_a_fault_of_many_cases_is_told_once():
    sweep = {"train.batch_size": [1, 2, 4], "train.seed": [1, 2, 3]}
    (sentence,) = told({"analyses": {"entropy": {}}, "sweep": sweep})
    assert sentence.endswith("(in the case batch_size=1, seed=1) (in the study)")


def test_too_many_cases_are_counted_and_not_made():
    numbers = [float(k + 1) for k in range(1000)]
    keys = {f"train.{k}": numbers for k in ("learning_rate", "weight_decay", "langevin")}
    begun = time.process_time()
    (sentence,) = told({"sweep": keys})
    assert time.process_time() - begun < 1
    assert sentence.startswith("the sweep has 1000000000 cases, and at most 2000 are carried out")
    (sentence,) = told({"sweep": {**keys, "train.learning_rate": numbers[:3]}})
    assert "3000000 cases" in sentence
    assert len(cases_of(load_study({"sweep": {**keys, "zip": True}})[1])) == 1000


def test_the_same_case_twice_is_refused():
    (sentence,) = told({"sweep": {"train.learning_rate": [0.1, 0.2, 0.1]}})
    assert "the case learning_rate=0.1 twice" in sentence
    (sentence,) = told({"sweep": {"train.learning_rate": [1, 1.0]}})
    assert "twice" in sentence


def test_a_critical_point_needs_its_scan():
    keys = {**PITCHFORK, "analyses": {"pitchfork": {}}}
    load_study(keys)
    (sentence,) = told({**keys, "sweep": {"task.signal": [0.2, 0.4, 0.6]}})
    assert "sweep at least 6, or none" in sentence
    load_study({**keys, "sweep": {"task.signal": [0.2, 0.4, 0.6, 1.2, 1.4, 1.6]}})


def test_a_study_that_is_swept_need_not_be_whole(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("".join(f"{k},{k % 2}\n" for k in range(20)))
    paths = [str(tmp_path / f"{name}.csv") for name in ("a", "b")]
    keys = {"task": {"name": "table"}, "sweep": {"task.path": paths, "train.seed": [1, 2]}}
    assert len(cases_of(load_study(keys)[1])) == 4


WHERE = {
    "layer": (9, "is 9; there are layers 1 to 3, the output layer"),
    "momentum": (0.5, "is 0.5, and no case has that; there are 0.0, 0.9"),
    "layr": (1, "is no key of the results; did you mean 'layer'?"),
    "foo": (
        3,
        "is no key of the results; it can be 'momentum', "
        "'until_epoch', 'until_updates', 'until_time', 'layer', 'analysis', 'epoch'",
    ),
    "until_epoch": (5000, "is 5000; training ends at epoch 20"),
    "epoch": (30, "is 30; training ends at epoch 20"),
    "batch_size": (64, "is a key that the study does not sweep; leave it out, or sweep it"),
    "analysis": ("learnign", "is 'learnign', no analysis; it can be 'information'"),
}


def test_an_analysis_of_another_kind_cannot_be_chosen():
    """The first of the right kind was judged, under the name of the other."""
    claim = {
        "says": "x", "by": "x", "statistic": "bits_lost", "above": 0.1, "null": "none",
        "where": {"analysis": "learning"},
    }  # fmt: skip
    study = {
        "network": {"layers": [4, 3]}, "train": {"epochs": 20},
        "analyses": {"information": {}, "learning": {}}, "claims": {"a": claim},
    }  # fmt: skip
    (said,) = told(study)
    assert "is 'learning', another kind of analysis" in said


@pytest.mark.parametrize(
    ("statistic", "where", "said"),
    [
        ("displacement_exponent", {"waiting_epoch": 1000}, "is 1000; training ends at epoch 20"),
        ("displacement_exponent", {"from_lag": 1000}, "is 1000; training ends at epoch 20"),
        ("early_fit", {"epoch": -5}, "is -5; epochs are counted from 0"),
        ("test_accuracy", {}, "which is of labels, and the task 'teacher_student' has none"),
    ],
)
def test_claims_ask_for_what_the_training_will_have(statistic, where, said):
    """They turned into "no data" once all was trained, or were judged at another epoch."""
    keys = {"task": {"name": "teacher_student"}, "train": {"loss": "squared_error", "epochs": 20},
            "analyses": {"motion": {}, "learning": {}}}  # fmt: skip
    if statistic == "early_fit":
        keys = {"train": {"epochs": 20}, "analyses": {"information": {}}}
    claim = {"says": "x", "by": "x", "statistic": statistic, "above": 0.1, "null": "none"}
    (found,) = told({**keys, "claims": {"a": {**claim, "where": where}}})
    assert said in found


@pytest.mark.parametrize("key", WHERE)
def test_claims_name_only_what_the_results_will_have(key):
    value, said = WHERE[key]
    claim = {"says": "x", "by": "x", "statistic": "bits_lost", "above": 0.1, "null": "none"}
    study = {
        "network": {"layers": [4, 3]}, "train": {"epochs": 20},
        "sweep": {"train.momentum": [0.0, 0.9]}, "analyses": {"information": {}, "learning": {}},
        "claims": {"a": {**claim, "where": {"momentum": 0.9, key: value}}},
    }  # fmt: skip
    assert told(study) == [f"claims.a.where.{key} {said} (in the study)"]
    right = {"layer": [1, 3], "momentum": 0.9, "until_epoch": 20}
    load_study({**study, "claims": {"a": {**claim, "where": right, "against": {"momentum": 0.0}}}})


def test_claims_need_the_analysis_that_brings_their_statistic():
    claim = {"says": "x", "by": "x", "statistic": "bits_lost", "above": 0.1, "null": "none"}
    assert told({"analyses": {"learning": {}}, "claims": {"a": claim}}) == [
        "claims.a is about 'bits_lost', which the analysis 'information' brings; add "
        "[analyses.information] (in the study)"
    ]
