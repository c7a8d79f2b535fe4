"""Every file says when and how it was made, and by which version, in the same words."""

from datetime import UTC, datetime, timedelta

import numpy as np

import sgdphys as sp
from sgdphys.trajectory.provenance import provenance


def test_time_deed_and_version():
    found = provenance("recorded")
    made = datetime.fromisoformat(found["created"])
    assert timedelta() <= datetime.now(UTC) - made < timedelta(minutes=1)
    assert found["sgdphys_version"] == sp.__version__
    assert found["history"] == f"{found['created']} recorded by sgdphys {sp.__version__}"


def test_a_gathered_trajectory_names_its_sources(tmp_path):
    paths = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.nc"
        sp.read_checkpoints([{"w": np.full(2, float(k))} for k in range(3)], out=path)
        paths.append(path)
    attributes = sp.gather(paths).attrs
    made = attributes["created"]
    assert attributes["sgdphys_version"] == sp.__version__
    assert attributes["history"] == (
        f"{made} gathered from {paths[0]}, {paths[1]} by sgdphys {sp.__version__}"
    )
