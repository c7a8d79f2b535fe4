"""The recording that comes with the package, and how it is made again.

``python -m sgdphys.study.example small_network.nc`` carries out the study in ``bundled`` and writes
its trajectory to one file.
"""

import sys
import tempfile
from pathlib import Path

import xarray as xr

from sgdphys.trajectory.reader import open_trajectory

_BUNDLED = Path(__file__).parent / "bundled"
RECORDING, STUDY = _BUNDLED / "small_network.nc", _BUNDLED / "small_network.toml"


def load_example() -> xr.DataTree:
    """Open the recorded trajectory that comes with sgdphys, to try functions on.

    Four networks of 47 weights learn the symmetric rule (12 inputs, 3 tanh units, 2 outputs) with
    weight decay and batches drawn with replacement. The weights are recorded once per epoch, every
    64 updates, for 1000 epochs.

    Returns
    -------
    DataTree
        As ``open_trajectory`` returns it, opened lazily: groups weights, gradients, training,
        split, tensors.

    See Also
    --------
    open_trajectory : Opens a recording of your own.
    fit : Compares models of diffusion.

    Notes
    -----
    The networks have learned the rule after some 50 epochs. From then on the weights fluctuate
    about a minimum of the loss: noise of the batches against weight decay and curvature, an
    Ornstein-Uhlenbeck process.

    The file was made by sgdphys itself. Its study stands beside it in the package,
    ``sgdphys/study/bundled/small_network.toml``, as well as in the attribute ``study``, and
    ``python -m sgdphys.study.example small_network.nc`` makes it again.

    Examples
    --------
    >>> import sgdphys as sp
    >>> example = sp.load_example()
    >>> dict(example["weights"].theta.sizes)
    {'step': 1001, 'replica': 4, 'parameter': 47}

    Is a weight of the trained network a Wiener process, or does something hold it back?

    >>> late = example["weights"].theta.sel(step=slice(20_000, None))
    >>> found = sp.fit(late.isel(replica=0, parameter=0), models=["wiener", "ou"])
    >>> found.best.item()
    'ou'
    """
    return open_trajectory(RECORDING)


def make_example(path: Path) -> None:
    """Carry out the study of the example and write its trajectory to a new file."""
    from sgdphys.study.running import run
    from sgdphys.trajectory.writer import write_tree

    with tempfile.TemporaryDirectory() as folder:
        made = run(STUDY, Path(folder) / STUDY.stem, tell=print)
        with made.trajectory as trajectory:
            write_tree(trajectory, path, made.study.record.compression, replace=False)


if __name__ == "__main__":
    make_example(Path(sys.argv[1]))
