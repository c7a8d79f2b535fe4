"""Random study files: whatever is in them is answered in sentences, at once, or is a study."""

import copy
import datetime
import json
import random
import string
import time
import tomllib
from collections import Counter

import numpy as np
import pytest
import tomli_w

from sgdphys.errors import InputError, WorkError
from sgdphys.study.cases import file_name
from sgdphys.study.experiment import ensemble_of, plan_of, task_of
from sgdphys.study.files import (
    cases_of,
    load_study,
    parts_of,
    read_keys,
    resolved_text,
    shipped_studies,
    study_hash,
)
from sgdphys.study.memory import needed
from sgdphys.study.settings import Study, study_from

SECONDS = 2.0
"""Of this process, in which a study is answered."""
TABLES = ("task", "network", "train", "record", "figures")
TYPOS = string.ascii_lowercase + "_. \n\0é"


POSSIBLE = {
    "task.name": ["committee", "digits", "random_labels", "scalar_teacher", "teacher_student"],
    "task.labels": ["hard", "soft", "random"],
    "task.seed": [0, 3, 2**63 - 1],
    "network.layers": [[1], [300], [4, 3], [10**4, 10**4]],
    "network.activation": ["relu", "swish", "identity"],
    "network.bias": [False],
    "network.noise": [0.1],
    "train.epochs": [1, 2, 100, 10**7],
    "train.replicas": [1, 2, 6, 24, 10**5],
    "train.twins": [1, 2, 4],
    "train.batch_size": [1, 4, 10**6],
    "train.sampling": ["full", "fixed", "replacement"],
    "train.learning_rate": [1e-3, 1, 0.1000001, 1e30],
    "train.loss": ["squared_error", "cross_entropy"],
    "train.dtype": ["float64"],
    "train.engine": ["fused", "vmapped"],
    "train.device": ["cuda", "cuda:1"],
    "train.train_fraction": [1.0, 0.5, 0.001],
    "train.schedule": ["cosine", {"every": 3, "factor": 0.5}, {"every": 1, "factor": 1e9}],
    "train.langevin": [1e-3],
    "record.weights": [
        "step",
        "log",
        "log_pairs",
        "log_triples",
        {"every": 7},
        {"burst": 60, "starts": 2},
    ],
    "record.gradients": ["none", "epoch", {"every": 2}],
    "record.compression": ["zlib"],
    "record.store": ["netcdf"],
    "figures.formats": [[], ["pdf"]],
}
"""Values that keys can have, though not all of them together."""


def value_of(rng, depth=0):
    """Something that a key might be given."""
    plain = [
        lambda: rng.choice([0, 1, 2, 3, 7, 50, -1, 10**4, 10**6, 10**9, 2**31, 2**63, 10**30]),
        lambda: rng.choice([0.0, 0.1, 1.0, -0.5, 1e-320, 1e308, 1e30, float("nan"), float("inf")]),
        lambda: rng.choice([True, False]),
        lambda: rng.choice(["", "tanh", "cuda:7", "a/b", "a\nb", "digits", "table", "idx", "log",
                            "full", "no\tsuch", "data.csv", "bad.npz", "images", "my_net:make",
                            "my_net:mak", "os:getcwd", "x" * 5000, "[red]$\\foo$", "../..",
                            "\u202e", "é" * 300]),
        lambda: datetime.date(2020, 1, 2),
    ]  # fmt: skip
    if depth < 2:
        plain += [
            lambda: [value_of(rng, depth + 1) for _ in range(rng.randrange(4))],
            lambda: {rng.choice(["every", "burst", "starts", "factor", "of", "a b", ""]):
                     value_of(rng, depth + 1) for _ in range(rng.randrange(3))},
        ]  # fmt: skip
    return rng.choice(plain)()


def keys_of(rng):
    """A dotted key of some study, or something like one."""
    table = rng.choice(TABLES)
    name = f"{table}.{rng.choice(list(Study.model_fields[table].annotation.model_fields))}"
    if rng.random() < 0.2:
        at = rng.randrange(len(name))
        name = name[:at] + rng.choice(TYPOS) + name[at + rng.randrange(2) :]
    return name


def plausibly_changed(rng, keys):
    """Keys with another value that one of them can have, alone or swept."""
    names = rng.sample(list(POSSIBLE), rng.randrange(1, 3))
    if rng.random() < 0.3:
        keys["sweep"] = {name: POSSIBLE[name] for name in names}
        return keys
    for table, _, key in (name.partition(".") for name in names):
        keys[table] = {**keys.get(table, {}), key: rng.choice(POSSIBLE[f"{table}.{key}"])}
    return keys


def changed(rng, keys):
    """Keys with one thing changed."""
    kind = rng.randrange(8)
    if kind == 0 and keys:
        del keys[rng.choice(list(keys))]
    elif kind == 1:
        keys[rng.choice(["titel", "trian", "task", "sweep", "parts", "contents", "folder",
                         "claims"])] = value_of(rng)  # fmt: skip
    elif kind == 2:
        names = [keys_of(rng) for _ in range(rng.randrange(1, 5))]
        lists = {n: [value_of(rng, 1) for _ in range(rng.randrange(7))] for n in names}
        keys["sweep"] = {**lists, **({"zip": True} if rng.random() < 0.3 else {})}
    elif kind == 3:
        name = rng.choice(["phases", "diffusion", "entropy", "pitchfork", "linear", "weights",
                           "a/b", ".", "", "stationarity", "x" * 300, "information"])  # fmt: skip
        kinds = ["information", "learning", "bottleneck", "rescaling", "clustering", "phases"]
        inside = {"of": rng.choice(kinds)} if rng.random() < 0.5 else {}
        keys["analyses"] = {name: {**inside, **({"bins": 5} if rng.random() < 0.3 else {})}}
    elif kind == 4:
        part = {"study": rng.choice(["digits", "all", "nowhere", "committee"]),
                "set": {keys_of(rng): value_of(rng)}}  # fmt: skip
        keys.clear()
        keys["parts"] = {rng.choice(["one", "a/b", "..", "two"]): part}
    elif kind == 5:
        keys.setdefault("train", {})
        if isinstance(keys["train"], dict):
            keys["train"][rng.choice(["epochs", "replicas", "batch_size"])] = 10 ** rng.randrange(
                12
            )
    else:
        table, _, key = keys_of(rng).partition(".")
        inside = keys.setdefault(table, {})
        if isinstance(inside, dict):
            inside[key] = value_of(rng)
    return keys


def scrambled(rng, text):
    """A file's text with some of it lost or doubled."""
    at = rng.randrange(len(text) + 1)
    length = rng.randrange(1, 12)
    more = rng.choice(["", "9" * 5000, "[" * 3000, "\x00", "é", '"""', text[at : at + 40]])
    return text[:at] + more + text[at + length :]


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Valid studies, and a folder with files that they may name."""
    folder = tmp_path_factory.mktemp("studies")
    rows = [f"{k},{k % 3},{'cat' if k % 2 else 'dog'}" for k in range(30)]
    (folder / "data.csv").write_text("\n".join(rows))
    (folder / "bad.npz").write_bytes(b"PK\x03\x04 no archive")
    (folder / "images").mkdir()
    (folder / "images" / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + b"\xff" * 12)
    (folder / "images" / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x02\0\1")
    (folder / "my_net.py").write_text("def make(inputs, outputs): ...\n")
    np.savez(folder / "arrays.npz", x=np.zeros((9, 2)), target=np.ones((9, 1)))
    keys = [read_keys(path) for path in shipped_studies().values()]
    keys += [
        {"task": {"name": "table", "path": "data.csv"}, "network": {"layers": [2]}},
        {"task": {"name": "table", "path": "arrays.npz"}, "train": {"loss": "squared_error"}},
        {"network": {"module": "my_net:make"}, "analyses": {"information": {}}},
    ]
    return folder, keys


def answer(rng, folder, keys):
    """Have a study answered as the command would, and return it with its cases or parts."""
    source, settings = folder / "study.toml", []
    if rng.random() < 0.1:
        settings = [f"{keys_of(rng)}={json.dumps(value_of(rng), default=str)}"]
    text = ""
    try:
        text = tomli_w.dumps(keys)
    except (TypeError, ValueError):  # what no file can hold is given as a mapping
        source = keys
    if rng.random() < 0.1:
        text = scrambled(rng, text)
    if source is not keys:
        source.write_text(text, encoding="utf-8", errors="replace")
    quick = rng.random() < 0.2
    study = load_study(source, settings, quick=quick)[1]
    parts = parts_of(study, source, settings, quick=quick)
    return study, parts or (cases_of(study) if study.sweep.keys else {"": study})


def attempts(bases, count, seed):
    """Answer many random studies; return how they were answered."""
    folder, valid = bases
    outcomes, slowest = Counter(), 0.0
    for number in range(count):
        rng = random.Random(seed + number)
        keys = copy.deepcopy(rng.choice(valid))
        if rng.random() < 0.5:
            keys = plausibly_changed(rng, keys)
        else:
            for _ in range(rng.randrange(1, 4)):
                keys = changed(rng, keys)
        begun = time.process_time()
        try:
            study, inside = answer(rng, folder, keys)
        except (InputError, WorkError) as error:
            spent = time.process_time() - begun
            outcomes[type(error).__name__] += 1
            said = str(error)
        except Exception as error:
            raise AssertionError(f"study {seed + number}: {keys}") from error
        else:
            outcomes["a study"], said = outcomes["a study"] + 1, "nothing"
            spent = time.process_time() - begun
            text = resolved_text(study)
            assert resolved_text(study_from(tomllib.loads(text), "again")) == text
            assert len(set(map(file_name, inside))) == len(inside)
            assert all(study_hash(one) for one in inside.values())
            small = next(iter(inside.values()))
            if (
                not small.network.module
                and not small.sweep.keys
                and sum(needed(small).values()) < 2e8
            ):
                ensemble = ensemble_of(small, task_of(small))
                plan_of(small, ensemble.updates_per_epoch)
                outcomes["... that was made ready to train"] += 1
        slowest = max(slowest, spent)
        assert said.strip(), number
        assert max(map(len, said.splitlines())) < 3000, number
        assert spent < SECONDS, (seed + number, keys)
    print(f"\n{dict(outcomes)}; the slowest answer took {slowest:.2f} s")
    return outcomes


def test_random_studies_are_answered_at_once(bases, capsys):
    with capsys.disabled():
        outcomes = attempts(bases, 100, seed=0)
    assert outcomes["InputError"] > 30
    assert outcomes["a study"] > 5


@pytest.mark.slow
def test_many_random_studies_are_answered_at_once(bases, capsys):
    with capsys.disabled():
        outcomes = attempts(bases, 2000, seed=10_000)
    assert outcomes["InputError"] > 1000
    assert outcomes["a study"] > 100
