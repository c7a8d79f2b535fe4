"""Source of data of every analysis of a study."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sgdphys.engines.base import Ensemble
from sgdphys.sampling import batch_sizes

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


@dataclass(frozen=True)
class Source:
    """A finished recording, and the study it belongs to."""

    trajectory: xr.DataTree
    study: "Study"
    make_task: Callable[[], xr.Dataset]
    make_ensemble: Callable[[xr.Dataset], Ensemble]

    @cached_property
    def task(self) -> xr.Dataset:
        """The data set that was learnt."""
        return self.make_task()

    @cached_property
    def ensemble(self) -> Ensemble:
        """The ensemble that was trained, on its task."""
        return self.make_ensemble(self.task)

    @property
    def batch_sizes(self) -> np.ndarray:
        """Samples in each batch of an epoch."""
        split = self.trajectory["split"]["train"].to_numpy()
        train = self.study.train
        return batch_sizes(int(split[0].sum()), train.batch_size, train.sampling)

    @property
    def weights(self) -> xr.Dataset:
        """Theta (step, replica, parameter), lazy."""
        return self.trajectory["weights"].to_dataset()

    @property
    def whole_epochs(self) -> np.ndarray:
        """Epochs at whose beginning weights were recorded."""
        recorded = self.trajectory["weights"]["epoch"].to_numpy()
        return np.asarray(recorded[recorded == np.rint(recorded)].astype(int))

    def nearest_epochs(self, wanted: Iterable[int]) -> np.ndarray:
        """The recorded epochs nearest to those wanted."""
        whole = self.whole_epochs
        return np.unique([whole[np.abs(whole - e).argmin()] for e in wanted])

    def spread_epochs(self, most: int) -> np.ndarray:
        """Some recorded epochs, evenly spread among them, for what is slow."""
        whole = self.whole_epochs
        places = np.linspace(0, len(whole) - 1, min(most, len(whole)))
        return whole[np.unique(places.round().astype(int))]


def narrowed(
    trajectory: xr.DataTree, *, steps: np.ndarray | None = None, replicas: int | None = None
) -> xr.DataTree:
    """The same trajectory with some of its recorded steps, or its first replicas, alone.

    Parameters
    ----------
    trajectory : DataTree
    steps : int array, optional
        Those that are kept, of those that are there.
    replicas : int, optional
        How many are kept.
    """
    groups = {str(name): node.to_dataset() for name, node in trajectory.children.items()}
    if steps is not None:
        kept = np.isin(groups["weights"]["step"].to_numpy(), steps)
        if not kept.all():
            groups["weights"] = groups["weights"].isel(step=np.flatnonzero(kept))
    if replicas:
        few = slice(0, replicas)
        groups = {n: g.isel(replica=few) if "replica" in g.dims else g for n, g in groups.items()}
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = trajectory.attrs
    return tree
