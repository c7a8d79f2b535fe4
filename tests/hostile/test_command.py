"""The command from outside: exit statuses, one-sentence errors, interruption, exact resumption."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import command, refused
from safetensors.numpy import save_file
from typer.testing import CliRunner

from sgdphys import open_trajectory
from sgdphys.analyses.catalogue import figures
from sgdphys.cli import app
from sgdphys.trajectory.segments import segment_paths

UNDRAWN = ["--set", "figures.formats=[]"]
VECTORS = ["--set", "figures.formats=['svg']"]  # quicker to draw than pixels
SMALL = ["--set", "train.epochs=60", "--set", "train.replicas=3", *UNDRAWN]
FEW = ["--set", "analyses={learning={}}"]  # whose figures are drawn in a few seconds


def started(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "sgdphys", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def arrays(folder):
    with open_trajectory(folder) as tree:
        return {
            f"{node.name}/{name}": (variable.dtype, variable.to_numpy())
            for node in tree.children.values()
            for name, variable in node.to_dataset().variables.items()
        }


def same(first, second):
    assert first.keys() == second.keys()
    for name, (dtype, values) in first.items():
        assert dtype == second[name][0], name
        assert np.array_equal(values, second[name][1], equal_nan=values.dtype.kind == "f"), name


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    both = ["--set", "figures.formats=['png', 'svg']"]
    result = command("run", "information_plane", *SMALL, *FEW, *both, "--out", folder)
    assert result.returncode == 0, result.stderr
    return folder, result


def test_a_run_says_what_it_did_and_leaves_it(finished):
    folder, result = finished
    assert "3 networks 12-10-7-5-4-3-2, 60 epochs of 7 updates" in result.stderr
    assert "recording" in result.stderr
    assert "MB to" in result.stderr
    assert "test accuracy" in result.stdout
    for name in ("training", "weight_norms"):
        for suffix in ("png", "svg"):
            assert (folder / "figures" / f"{name}.{suffix}").stat().st_size > 1000
    told = float(result.stderr.split("recording ")[1].split()[0]) * 1e6
    written = sum(path.stat().st_size for path in segment_paths(folder))
    assert written == pytest.approx(told, rel=0.25)


def test_opened_it_is_labelled(finished):
    tree = open_trajectory(finished[0])
    weights, gradients = tree["weights"], tree["gradients"]
    assert weights["theta"].dims == ("step", "replica", "parameter")
    assert weights["theta"].attrs["units"] == "weight"
    assert weights["step"].to_numpy().tolist() == list(range(0, 421, 7))
    assert weights["epoch"].to_numpy().tolist() == list(range(61))
    assert weights["time"].to_numpy() == pytest.approx(0.7 * np.arange(61))
    assert gradients["layer"].to_numpy().tolist() == [1, 2, 3, 4, 5, 6]
    assert gradients["layer_name"].to_numpy().tolist() == [f"layer{n}" for n in range(1, 7)]
    assert tree["split"]["train"].sum("sample").to_numpy().tolist() == [3482] * 3
    assert {"study", "study_hash", "seed", "engine", "cpu", "libraries"} <= set(tree.attrs)
    assert "replicas = 3" in tree.attrs["study"]


def test_a_finished_run_is_not_done_again(finished):
    folder, _ = finished
    before = {p: p.stat().st_mtime_ns for p in segment_paths(folder)}
    again = command("run", "information_plane", *SMALL, *FEW, "--out", folder)
    assert again.returncode == 0
    assert "nothing to train" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in segment_paths(folder)} == before


def test_the_run_of_another_study_is_not_touched(finished):
    folder, _ = finished
    before = (folder / "study.toml").read_bytes()
    result = command("run", "information_plane", *SMALL, "--set", "train.seed=2", "--out", folder)
    refused(result, 2, "holds a run of another study", "train.seed", "--fresh")
    assert (folder / "study.toml").read_bytes() == before


def test_fresh_replaces_it(tmp_path):
    out = ["--out", tmp_path / "run"]
    few = ["--set", "train.epochs=2", "--set", "train.replicas=1", "--set", "analyses={}"]
    short = [*few, *UNDRAWN]
    assert command("run", "information_plane", *short, *out).returncode == 0
    other = command("run", "information_plane", *short, "--set", "train.seed=2", *out, "--fresh")
    assert other.returncode == 0, other.stderr
    assert open_trajectory(tmp_path / "run").attrs["seed"] == 2


@pytest.mark.thorough(reason="two more processes: 3 s")
def test_what_a_study_does_not_draw_is_drawn_when_it_is_asked_for(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0], run, ignore=shutil.ignore_patterns("figures", ".*"))
    given_again = command("run", "information_plane", *SMALL, *FEW, "--out", run)
    assert given_again.returncode == 0, given_again.stderr
    assert not (run / "figures").exists()
    drawn = command("figures", run, "--only", "training, weight_norms")
    assert "weight_norms" in drawn.stdout
    drawn = command("figures", run, "--only", "training")
    written = ("png", "svg", "csv", "nc")
    assert drawn.stdout.split() == [str(run / "figures" / f"training.{k}") for k in written]


def test_info_check_and_figures(finished):
    folder, _ = finished
    info = command("info", folder)
    assert info.returncode == 0
    assert "step 0 to 420, 61 recorded" in info.stdout
    assert info.stdout.endswith("the run: 60 of 60 epochs recorded, analysed\n")
    check = command("check", folder)
    assert (check.returncode, check.stdout) == (0, f"{folder}: valid\n")
    drawn = command("figures", folder, "--only", "training", "--format", "pdf", "--no-data")
    assert drawn.stdout.split() == [str(folder / "figures" / "training.pdf")]
    journal = ["figures", folder, "--only", "training", "--format", "svg"]
    drawn = command(*journal, "--style", "prl", "--size", "3.4x2.6")
    drawn_in = folder / "figures" / "prl"
    names = [f"training.{k}" for k in ("svg", "csv", "nc")]
    assert drawn.stdout.split() == [str(drawn_in / name) for name in names]
    assert 'width="244.8pt" height="187.2pt"' in (drawn_in / names[0]).read_text()
    refused(command(*journal, "--style", "plr"), 2, "did you mean 'prl'?")
    refused(command(*journal, "--size", "3x2"), 2, "--size needs --style")
    refused(command(*journal, "--style", "prl", "--size", "3"), 2, "--size is '3'")
    refused(command("figures", folder, "--only", "trainin"), 2, "did you mean 'training'?")
    said = refused(command("figures", folder, "--only", "no_such"), 2, "it can be")
    assert "'training'" in said
    assert "'capacity'" not in said  # which this run cannot draw
    refused(command("figures", folder, "--format", "gif"), 2, "--format gif")


def test_wrong_commands(tmp_path):
    refused(command("rnu"), 2, "No such command 'rnu'")
    refused(command("run", "--qick", "x"), 2, "--qick")
    refused(command("run"), 2, "Missing argument")
    refused(command("run", "no_such"), 2, "there is no study no_such")
    refused(command("info", tmp_path / "nothing"), 2, "no such file or folder")
    refused(command("figures", tmp_path), 2, "is not the folder of a run")


def test_a_misspelt_key(tmp_path):
    """C23: exit 2, the key and the nearest right one."""
    path = tmp_path / "s.toml"
    path.write_text("[train]\nlearning_rat = 0.1\nbatch_size = 0\n")
    last = refused(command("run", path), 2, "batch_size is 0")
    assert last.endswith("train.learning_rat in " + str(path) + " is not a key; "
                         "did you mean 'learning_rate'?")  # fmt: skip
    assert not (tmp_path / "runs").exists()


def test_folders_that_cannot_be_used(tmp_path):
    """C24: a read-only place, a folder of other things."""
    refused(command("run", "information_plane", "--out", "/sys/sgdphys"), 1, "cannot be written")
    file = tmp_path / "file"
    file.write_text("")
    refused(command("run", "information_plane", "--out", file / "x"), 1, "cannot be written")
    refused(command("run", "information_plane", "--out", tmp_path), 2, "holds no run")
    assert list(tmp_path.iterdir()) == [file]


def test_a_disk_too_small_is_told_before_the_start(tmp_path):
    result = command(
        "run", "information_plane", "--set", 'record.weights="step"', "--set", "train.batch_size=1",
        "--out", tmp_path / "run",
    )  # fmt: skip
    refused(result, 1, "the recording needs", "GB free", "record less")


def _wait_for_segments(process, folder, count):
    deadline = time.monotonic() + 240
    while len(segment_paths(folder)) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


LONG = [
    "--set", "train.epochs=900", "--set", "train.replicas=20", "--set", "train.momentum=0.5",
    "--set", "analyses={}", *UNDRAWN,
]  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    assert command("run", "information_plane", *LONG, "--out", folder).returncode == 0
    return arrays(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kill",
    [
        signal.SIGKILL,
        # what both say and leave is tested by tests/hostile/test_signals.py too
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_resumes_to_the_same_arrays(tmp_path, unbroken, kill):
    folder = tmp_path / "run"
    process = started("run", "information_plane", *LONG, "--out", folder)
    _wait_for_segments(process, folder, 3)
    process.send_signal(kill)
    _, errors = process.communicate(timeout=60)
    if kill != signal.SIGKILL:
        assert process.returncode == 1
        assert "the same command resumes" in errors.splitlines()[-1]
        assert "Traceback" not in errors
    done = len(segment_paths(folder))
    assert 3 <= done < 10
    again = command("run", "information_plane", *LONG, "--out", folder)
    assert again.returncode == 0, again.stderr
    assert "resuming after epoch" in again.stderr
    same(arrays(folder), unbroken)
    assert not list((folder / "trajectory").glob("*.partial"))


@pytest.mark.slow
def test_a_truncated_segment_is_told_and_trained_again(tmp_path):
    folder = tmp_path / "run"
    assert command("run", "information_plane", *SMALL, "--out", folder).returncode == 0
    before = arrays(folder)
    last = segment_paths(folder)[-1]
    os.truncate(last, last.stat().st_size // 2)
    checked = command("check", folder)
    assert checked.returncode == 1
    assert last.name in checked.stdout
    result = command("run", "information_plane", *SMALL, "--out", folder)
    assert result.returncode == 0
    told = next(line for line in result.stderr.splitlines() if last.name in line)
    assert "truncated or damaged; epochs" in told
    assert told.endswith("are trained again")
    same(arrays(folder), before)
    assert command("check", folder).returncode == 0


@pytest.mark.slow
def test_watching_a_run_harms_nobody(tmp_path, unbroken):
    """P05: info and open_trajectory, again and again, while the run writes."""
    folder = tmp_path / "run"
    process = started("run", "information_plane", *LONG, "--out", folder)
    _wait_for_segments(process, folder, 1)
    looks = 0
    while process.poll() is None:
        with open_trajectory(folder) as tree:
            assert np.isfinite(tree["weights"]["theta"][-1].to_numpy()).all()
        assert command("info", folder).returncode == 0
        looks += 1
    assert process.returncode == 0
    assert looks >= 1
    process.communicate()
    same(arrays(folder), unbroken)


@pytest.mark.slow
def test_two_runs_do_not_share_a_folder(tmp_path):
    folder = tmp_path / "run"
    process = started("run", "information_plane", *LONG, "--out", folder)
    _wait_for_segments(process, folder, 1)
    refused(command("run", "information_plane", *LONG, "--out", folder), 1, "another process")
    process.kill()
    process.communicate()


@pytest.mark.thorough(reason="draws every figure of a study: 11 s")
def test_one_epoch_of_one_replica(tmp_path):
    short = ["--set", "train.epochs=1", "--set", "train.replicas=1", *VECTORS]
    result = command("run", "information_plane", *short, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    names = {path.stem for path in (tmp_path / "run" / "figures").iterdir()}
    # P47: epochs 0 and 1 alone draw every figure of this study but those of sweeps, components,
    # and tasks without labels
    there = ("training", "gradients", "information", "phases", "learning", "verdicts")
    of_sweeps = {"plane_of_cases", "information_of_cases", "converged_layers", "noise_scale",
                 "dose_response", "order_diagram", "order_parameter", "test_loss"}  # fmt: skip
    assert names == {n for n, e in figures().items() if e.needs[0] in there} - of_sweeps
    assert "Warning" not in result.stderr


@pytest.mark.thorough(
    reason="draws every figure of a study: 6 s; test_diverged.py has it without the command"
)
def test_a_diverging_replica_is_told(tmp_path):
    """C19: the run goes on, the replica is named, the figures are drawn."""
    wild = [
        *("--set", "network.activation=relu", "--set", "train.learning_rate=30.0"),
        *("--set", "train.loss=squared_error", "--set", "network.layers=[40, 40]"),
    ]
    drawn = [*SMALL, *VECTORS, *wild]
    result = command("run", "information_plane", *drawn, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "Diverged networks:" in result.stdout
    assert "Warning" not in result.stderr
    assert command("check", tmp_path / "run").returncode == 0
    assert "diverged at update" in command("info", tmp_path / "run").stdout


@pytest.mark.slow  # compiles every kernel anew
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can give rights away")
def test_a_user_who_can_write_nowhere_but_in_the_temporary_folder(tmp_path):
    """P49: read-only home and package: the kernels are cached elsewhere.

    Root without its capabilities is held to permissions like anybody else.
    """
    home, temporary, work = (tmp_path / name for name in ("home", "temporary", "work"))
    for folder in (home, temporary, work):
        folder.mkdir()
    home.chmod(0o555)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary)}
    powerless = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]

    def attempt(*arguments):
        return subprocess.run(
            [*powerless, sys.executable, "-m", "sgdphys", *arguments],
            capture_output=True, text=True, check=False, env=environment, cwd=work, timeout=300,
        )  # fmt: skip

    assert subprocess.run([*powerless, "touch", home / "x"], check=False).returncode != 0
    assert attempt("--help").returncode == 0
    short = ["--set", "train.epochs=2", "--set", "train.replicas=1", *UNDRAWN]
    result = attempt("run", "information_plane", "--quick", *short)
    assert result.returncode == 0, result.stderr
    assert (temporary / f"cache-of-user-{os.getuid()}" / "sgdphys").is_dir()
    assert list(home.iterdir()) == []


HEAVY = {"torch", "statsmodels", "scipy.stats", "dask", "xarray", "numba", "matplotlib"}


@pytest.mark.parametrize(
    "code", ["import sgdphys", "from sgdphys.cli import main; main(['--help'])"]
)
def test_nothing_heavy_is_imported_before_it_is_needed(code):
    probe = (
        f"import sys\ntry:\n    {code.replace('; ', chr(10) + '    ')}\nexcept SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"


WITHOUT_TORCH = """
import sys, numpy as np, sgdphys as sp
from sgdphys.cli import main
walks = np.random.default_rng(0).standard_normal((300, 3)).cumsum(axis=0)
np.save("walks.npy", walks)

def command(*arguments):
    try:
        main(list(arguments))
    except SystemExit as end:
        assert not end.code, arguments

for name, step in {
    "fit": lambda: sp.fit(walks),
    "fit command": lambda: command("fit", "walks.npy", "--json"),
    "dynamics": lambda: [getattr(sp.dynamics, name) for name in sp.dynamics.__all__],
    "information": lambda: [getattr(sp.information, name) for name in sp.information.__all__],
    "safetensors": lambda: sp.read_checkpoints("*.safetensors", out="mine.nc"),
    "trajectory": lambda: sp.open_trajectory("mine.nc")["weights"]["theta"].load(),
    "info": lambda: command("info", "mine.nc"),
}.items():
    step()
    if "torch" in sys.modules:
        sys.exit(f"torch is there after {name}")
"""


@pytest.mark.thorough(
    reason="all analyses in a new process: 8 s; the contract of imports says the same"
)
def test_plain_analysis_never_loads_torch(tmp_path):
    for step in (1, 2, 3):
        weights = np.random.default_rng(step).standard_normal((2, 3)).astype(np.float32)
        save_file({"layer.weight": weights}, tmp_path / f"model-{step}.safetensors")
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False,
        cwd=tmp_path, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_no_noise_is_drawn_and_said(tmp_path):
    """P46: full batch, one batch an epoch; constant hidden units besides. No warning, exit 0."""
    full = ["--set", "train.sampling=full", "--set", "train.learning_rate=1e-12"]
    drawn = [*SMALL, *VECTORS, *full]
    result = command("run", "information_plane", "--out", tmp_path / "run", *drawn)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    assert "none" in result.stdout
    assert (
        "no noise: one batch per epoch"
        in (tmp_path / "run" / "figures" / "gradient_ratio.svg").read_text()
    )


@pytest.mark.thorough(reason="several commands: 8 s")
def test_a_new_study_is_written_checked_and_listed(tmp_path):
    made = command("new", "mine", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "sgdphys run mine.toml --quick" in made.stdout
    refused(command("new", "mine", cwd=tmp_path), 2, "exists and is not changed")
    assert command("check", "mine.toml", cwd=tmp_path).stdout == "mine.toml: valid\n"
    refused(command("runs", cwd=tmp_path), 2, "there is no folder runs")
    (tmp_path / "bad.toml").write_text("[train]\nepochs = 0\n")
    refused(command("check", "bad.toml", cwd=tmp_path), 2, "train.epochs is 0")


def test_a_sweep_without_analyses_says_why_there_is_no_figure(tmp_path):
    study = tmp_path / "bare.toml"
    study.write_text(
        "[network]\nlayers = [3]\n[train]\nepochs = 1\nreplicas = 1\n"
        '[sweep]\n"train.seed" = [1, 2]\n'
    )
    result = command("run", study, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "drew no figure: the study has no [analyses]" in result.stderr


@pytest.mark.thorough(reason="several commands: 3 s")
def test_the_shell_completes_commands_and_names_of_studies(tmp_path):
    for words, number, wanted in (("sgdphys do", 1, "doctor"), ("sgdphys run cap", 2, "capacity")):
        environment = {
            "_SGDPHYS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number),
        }  # fmt: skip
        result = command(cwd=tmp_path, env=os.environ | environment)
        assert wanted in result.stdout.split(), result.stderr


COMMANDS = (
    "run", "fit", "import", "figures", "report", "verdicts", "new", "schema", "runs", "doctor",
    "studies", "statistics", "info", "check",
)  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example(name):
    text = CliRunner().invoke(app, [name, "--help"]).stdout
    assert f"Example: sgdphys {name}" in text


def test_statistics_are_listed_by_the_analysis_that_brings_them():
    listed = CliRunner().invoke(app, ["statistics", "--of", "tails"]).stdout
    assert "tails: Tail index of gradient noise" in " ".join(listed.split())
    assert "bits_lost" not in listed
    refused(command("statistics", "--of", "tial"), 2, "did you mean 'tails'?")
    listed = CliRunner().invoke(app, ["statistics", "bits_lost"]).stdout
    assert "bits_lost  information: I(X;T) at the peak" in listed
    assert len(listed.splitlines()) == 2
    refused(command("statistics", "bits_los"), 2, "did you mean 'bits_lost'?")
