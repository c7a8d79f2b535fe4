"""The page on clusters: its script for SLURM makes the job that it shows."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "clusters.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("default")
def test_the_script_for_slurm_makes_the_job_that_the_page_shows():
    jobqueue = pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    script = re.search(r"```python\n(from dask_jobqueue.*?)```", PAGE, flags=re.DOTALL)[1]
    shown = re.search(r"```bash\n(#!/usr/bin/env bash.*?)```", PAGE, flags=re.DOTALL)[1]
    made = re.search(r"SLURMCluster\((.*?)\n    \)", script, flags=re.DOTALL)[1]
    options = eval(f"dict({made})")
    with jobqueue.SLURMCluster(**options, scheduler_options={"dashboard": False}) as cluster:
        job = cluster.job_script()
    assert re.sub(r"tcp://\S+", "tcp://HOST:PORT", job).split() == shown.split()
    compile(script, "page", "exec")
