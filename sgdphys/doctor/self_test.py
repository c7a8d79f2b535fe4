"""Engine, estimator and file tried on what has a known answer; five seconds once compiled."""

import tempfile
import time
from pathlib import Path

import numpy as np

from sgdphys.doctor.finding import Finding, broken, ok
from sgdphys.errors import InputError, WorkError

_EPOCHS = 3
_FARTHEST = 1e-3
"""Largest difference of weights: another processor adds in another order."""
_KAPPA = 2.0
_REINSTALL = "reinstall sgdphys and numba; if that does not help, report it"


def engine() -> Finding:
    """Train the study of the bundled recording for some epochs, and compare the weights."""
    from sgdphys.study.example import STUDY, load_example
    from sgdphys.study.running import run

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        made = run(STUDY, Path(folder) / "made", settings=[f"train.epochs={_EPOCHS}"], threads=1)
        with made.trajectory as trained, load_example() as known:
            theta = trained["weights"]["theta"].to_numpy()
            right = known["weights"]["theta"].to_numpy()[: len(theta)]
    farthest = float(np.abs(theta - right).max())
    if not farthest < _FARTHEST:  # NaN is wrong, too
        return broken(
            f"weights after {_EPOCHS} epochs differ by {farthest:.2g} from those known", _REINSTALL
        )
    return ok(
        f"{theta.shape[1]} networks trained for {_EPOCHS} epochs, weights as known "
        f"(largest difference {farthest:.1g}), {_since(began)}"
    )


def estimator() -> Finding:
    """Fit an Ornstein-Uhlenbeck process whose relaxation rate is known."""
    from sgdphys.dynamics import fit_ou
    from sgdphys.processes import ornstein_uhlenbeck

    began = time.perf_counter()
    path = ornstein_uhlenbeck(kappa=_KAPPA, dt=0.1, steps=2000, rng=0)
    found = fit_ou(path["theta"], time="time")
    kappa = float(found["kappa"].squeeze())
    said = f"relaxation rate {kappa:.2f} of a process with {_KAPPA:.2f}, {_since(began)}"
    return ok(said) if abs(kappa - _KAPPA) < 0.5 else broken(said, _REINSTALL)


def file() -> Finding:
    """Write a trajectory, check it and read it, and notice a byte that is wrong."""
    from sgdphys.study.example import load_example
    from sgdphys.trajectory.reader import check, open_trajectory
    from sgdphys.trajectory.writer import write_tree

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, load_example() as known:
        path = Path(folder) / "written.nc"
        try:
            write_tree(known, path)
            faults = check(path)
            with open_trajectory(path) as read:
                first, second = (tree["weights"]["theta"].to_numpy() for tree in (read, known))
                is_same = np.array_equal(first, second)
        except (InputError, WorkError, OSError) as error:
            return broken(str(error), f"free some space in {tempfile.gettempdir()}; {_REINSTALL}")
        size = path.stat().st_size
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        is_noticed = bool(check(path))
    if faults or not is_same or not is_noticed:
        why = "; ".join(faults) or ("damage is not noticed" if is_same else "it reads otherwise")
        return broken(f"a written file is not right: {why}", "reinstall netCDF4 and xarray")
    return ok(f"{size / 1e6:.1f} MB written, checked and read, damage noticed, {_since(began)}")


def _since(began: float) -> str:
    return f"{time.perf_counter() - began:.1f} s"
