"""Memory that a study needs is told before anything is made of it."""

import time

import pytest

import sgdphys as sp
from sgdphys.engines import choice
from sgdphys.errors import WorkError
from sgdphys.study import memory
from sgdphys.study.files import load_study
from sgdphys.study.memory import available_memory, needed, require_memory
from sgdphys.study.settings import study_from


def total(keys):
    return sum(needed(study_from(keys, "s")).values())


@pytest.mark.parametrize(
    ("keys", "lower"),
    [
        ({"train": {"replicas": 100_000_000}}, "train.replicas"),
        ({"network": {"layers": [10**9]}}, "network.layers"),
        ({"network": {"layers": [10**5, 10**5]}}, "network.layers"),
        ({"train": {"epochs": 999_999_999, "replicas": 50_000}}, "record.weights|train.replicas"),
        ({"task": {"name": "random_labels", "features": 10**9}}, "task.samples|task.features"),
        ({"task": {"name": "random_labels", "classes": 10**9}}, "task.classes"),
        ({"task": {"name": "teacher_student", "units": 10**9}, "train": {"loss": "squared_error"}},
         "task.units"),
        ({"record": {"weights": {"burst": 10**9, "starts": 10**5}}, "train": {"twins": 2,
          "replicas": 100_000}, "analyses": {"diffusion": {}}}, "leave it out|record.weights"),
        ({"analyses": {"phases": {"resamples": 100_000}}, "record": {"gradients": "epoch"}},
         "record or resample less"),
    ],
)  # fmt: skip
def test_what_no_machine_has_is_refused_in_words_at_once(tmp_path, keys, lower):
    begun = time.process_time()
    with pytest.raises(WorkError, match=lower) as caught:
        sp.run(keys, tmp_path / "run")
    assert time.process_time() - begun < 1
    assert "of memory" in str(caught.value)
    assert "are available" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_sentence_says_how_much_is_needed_and_there():
    keys = {"train": {"replicas": 1_000_000}}
    study = study_from(keys, "s")
    with pytest.raises(WorkError) as caught:
        require_memory(study, 4.2e9)
    assert str(caught.value) == (
        f"training 1000000 networks needs about {total(keys) / 1e9:.1f} GB of memory and 4.2 GB "
        "are available; lower train.replicas"
    )
    require_memory(study, 1e15)
    require_memory(study, None)


@pytest.mark.parametrize(
    ("keys", "measured"),
    [
        # peak of resident memory above that of a tiny run, on 2 processors with 8 float32 lanes
        ({"train": {"epochs": 2, "replicas": 20_000}}, 2505e6),
        ({"train": {"epochs": 2, "replicas": 4}, "network": {"layers": [1000, 1000]}}, 972e6),
        ({"train": {"epochs": 2, "replicas": 8}, "network": {"layers": [300, 30]}}, 222e6),
        ({"train": {"epochs": 30, "replicas": 2000}, "record": {"gradients": "none"}}, 304e6),
        ({"train": {"epochs": 1000}, "record": {"weights": "log", "gradients": "epoch"}}, 105e6),
        ({"task": {"name": "scalar_teacher"}, "network": {"layers": [1], "activation": "identity"},
          "train": {"epochs": 3_000_000, "replicas": 1, "loss": "squared_error"},
          "record": {"weights": "log", "gradients": "none"}}, 97e6),
    ],
)  # fmt: skip
def test_the_estimate_is_near_what_was_measured(keys, measured):
    assert 0.7 < total(keys) / measured < 1.5


def test_shipped_scales_fit_a_small_machine():
    for name in ("information_plane", "entropy", "stationarity", "critical_slowing"):
        require_memory(load_study(name)[1], 4e9)


def test_the_worst_case_of_a_sweep_counts():
    with pytest.raises(WorkError, match="training 100000000 networks"):
        load_study({"sweep": {"train.replicas": [1, 100_000_000, 2]}})


def test_wide_networks_are_those_of_the_engine():
    assert memory.WIDE == choice.WIDE


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


SYSTEM = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n"}
SECOND = {"proc/self/cgroup": "0::/mine/inner\n"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (SYSTEM, 8_192_000),
        ({**SYSTEM, **SECOND}, 8_192_000),
        ({**SYSTEM, **SECOND, "sys/fs/cgroup/mine/memory.max": "max",
          "sys/fs/cgroup/mine/memory.current": "5"}, 8_192_000),
        ({**SYSTEM, **SECOND, "sys/fs/cgroup/mine/memory.max": "1000",
          "sys/fs/cgroup/mine/memory.current": "700",
          "sys/fs/cgroup/mine/memory.stat": "file 9\ninactive_file 200\n"}, 500),
        ({**SYSTEM, "proc/self/cgroup": "4:cpu,memory:/mine\n0::/\n",
          "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
          "sys/fs/cgroup/memory/memory.usage_in_bytes": "600",
          "sys/fs/cgroup/memory/mine/memory.limit_in_bytes": "5000",
          "sys/fs/cgroup/memory/mine/memory.usage_in_bytes": "600"}, 4400),
        ({**SYSTEM, **SECOND, "sys/fs/cgroup/memory.max": "900",
          "sys/fs/cgroup/memory.current": "100"}, 800),
    ],
)  # fmt: skip
def test_limits_of_the_system_and_of_its_groups(tmp_path, files, expected):
    write(tmp_path, files)
    assert available_memory(tmp_path) == expected


def test_without_a_word_of_the_system_its_pages_are_counted(tmp_path):
    found = available_memory(tmp_path)
    assert found is None or found > 1e6
    assert available_memory() > 1e7
