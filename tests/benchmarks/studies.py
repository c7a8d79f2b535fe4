"""Seconds and memory of a study of studies, part by part.

Run by hand, on a machine that does nothing else: ``python tests/benchmarks/studies.py
[opening_the_black_box] --out FOLDER``; prints JSON. ``training`` is the time of each part until the
next one begins, while other processes analyse and draw the parts before it; recordings that an
earlier part made are not made again. ``seconds`` is the whole, ``processor_seconds`` and
``most_gib`` those of all its processes and of the largest one.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

_PART = re.compile(r"part \d+ of \d+: (\S+)")


def main() -> None:
    """Carry out the study once, in a folder that is new."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", nargs="?", default="opening_the_black_box")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.out.exists():
        raise SystemExit(f"{given.out} exists; give a new folder")
    command = [sys.executable, "-m", "sgdphys", "run", given.study, "--out", str(given.out)]
    start = time.perf_counter()
    begun = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            print(line.decode(), end="", file=sys.stderr, flush=True)
            if found := _PART.match(line.decode()):
                begun.append((found[1], time.perf_counter() - start))
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    end = time.perf_counter() - start
    report = {
        "study": given.study,
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "status": process.returncode,
        "seconds": round(end),
        "processor_seconds": round(used.ru_utime + used.ru_stime),
        "most_gib": round(used.ru_maxrss / 2**20, 2),
        "training": {
            one: round(after - before)
            for (one, before), (_, after) in pairwise([*begun, ("", end)])
        },
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
