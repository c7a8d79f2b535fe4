"""What a Dask cluster brings and costs, on this machine.

Run by hand, on a machine that does nothing else: ``python tests/benchmarks/cluster.py``; prints
JSON. ``speed_up``: two workers of one thread each compared with one, for a sweep and for a fit.
``processes``: our own worker process compared with those of Dask's LocalCluster.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from dask_commands import machines

import sgdphys as sp

REPEATS = 3
SWEEP = {
    "network": {"layers": [8, 6]},
    "train": {"epochs": 2000, "replicas": 16},
    "record": {"weights": "log"},
    "analyses": {"learning": {}},
    "sweep": {"train.seed": [1, 2, 3, 4, 5, 6]},
    "figures": {"formats": []},
}


def speed_up(folder):
    """Seconds with one worker and with two, and how many times faster two are."""
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["SGDPHYS_THREADS"] = "1"
    paths = sp.processes.ornstein_uhlenbeck(kappa=1, dt=0.1, steps=2000, replicas=3000, rng=0)
    number = 0

    def swept(address):
        nonlocal number
        number += 1
        sp.run(SWEEP, folder / str(number), scheduler=address)

    def fitted(address):
        sp.fit(paths.theta, time="time", scheduler=address)

    seconds = {"training": {}, "fitting": {}}
    for workers in (1, 2):
        words = folder / f"words-{workers}"
        words.mkdir()
        with machines(words, workers) as begun:
            for what, work in (("training", swept), ("fitting", fitted)):
                work(begun.address)  # processes begin, and read what was compiled
                taken = []
                for _ in range(REPEATS):
                    before = time.perf_counter()
                    work(begun.address)
                    taken.append(time.perf_counter() - before)
                seconds[what][workers] = round(statistics.median(taken), 2)
    return {
        what: {"seconds": of, "speed_up": round(of[1] / of[2], 2)} for what, of in seconds.items()
    }


OWN = """
import os, sys, time
sys.path.insert(0, {support!r})
before = time.perf_counter()
import work
from sgdphys.study.workers import Workers
with Workers(2, 1, lambda said: print(said, flush=True)) as workers:
    first = [workers.submit(work.say_process) for _ in range(2)]
    while not all(w.is_done for w in first): time.sleep(0.005)
    print("ready", time.perf_counter() - before, flush=True)
    # one call that lets no other thread use the interpreter
    for k in range(2): workers.submit(work.say_process_and_last, f"{{sys.argv[0]}}.{{k}}")
    workers.finish()
"""
DASK = """
import os, sys, time
sys.path.insert(0, {support!r})
before = time.perf_counter()
if __name__ == "__main__":
    import work
    from distributed import Client, LocalCluster
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            for f in client.map(lambda k: (time.sleep(0.2), os.getpid())[1], range(2), pure=False):
                print(f.result(), flush=True)
            print("ready", time.perf_counter() - before, flush=True)
            import re
            client.gather(client.map(lambda k: re.match("(a+)+$", "a" * 60 + "b"), range(2)))
"""


def processes(folder):
    """Start, memory and end of our own worker processes, and of a LocalCluster's."""
    return {"own": _ends(folder, OWN), "LocalCluster": _ends(folder, DASK)}


def _ends(folder, code):
    """Numbers of one kind: seconds until ready, MB, seconds to end after Ctrl-C and kill -9."""
    found = {}
    for name, number in (("Ctrl-C", signal.SIGINT), ("kill -9", signal.SIGKILL)):
        process = _begun(folder, code)
        said = folder / "said"
        while "ready" not in said.read_text():
            time.sleep(0.01)
            assert process.poll() is None, (folder / "errors").read_text()
        time.sleep(1)
        family = _family(process.pid)
        found["seconds until ready"] = round(
            float(said.read_text().split("ready")[1].split()[0]), 2
        )
        found["processes"] = len(family)
        found["MB in all"] = round(sum(map(_megabytes, family)))
        found["MB of each"] = sorted(round(_megabytes(p)) for p in family)
        before = time.perf_counter()
        process.send_signal(number)
        while any(map(_is_running, family)) and time.perf_counter() - before < 60:
            process.poll()
            time.sleep(0.01)
        found[f"seconds to end after {name}"] = round(time.perf_counter() - before, 2)
        left = [p for p in family if _is_running(p)]
        found[f"left after {name}"] = len(left)
        for one in left:
            os.kill(one, signal.SIGKILL)
        process.wait()
    return found


def _begun(folder, code):
    script = folder / "script.py"
    script.write_text(code.format(support=str(Path(__file__).parents[1] / "support")))
    with (folder / "said").open("w") as said, (folder / "errors").open("w") as errors:
        return subprocess.Popen([sys.executable, script], stdout=said, stderr=errors)


def _family(number):
    """A process and all that it began, and those began."""
    inside = Path(f"/proc/{number}/task/{number}/children")
    tasks = Path(f"/proc/{number}/task").glob("*/children")
    children = {int(c) for path in (inside, *tasks) for c in path.read_text().split()}
    return {number}.union(*map(_family, children))


def _megabytes(number):
    text = Path(f"/proc/{number}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1e3


def _is_running(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        report = {"processes": processes(folder), "speed_up": speed_up(folder)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
