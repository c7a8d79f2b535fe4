"""Source of data of every analysis of a study."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sgdphys.claims.results import LEARNED
from sgdphys.engines.base import Ensemble
from sgdphys.quantities import attributes
from sgdphys.sampling import batch_sizes

if TYPE_CHECKING:
    from sgdphys.study.settings import Study


_ABOVE_CHANCE = 3.0
"""Standard errors above the level of chance at which a network has learnt something."""


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
    def has_own_labels(self) -> bool:
        """Whether networks, by families, were trained on labels of their own, not on the task's."""
        return self.study.task.labels in ("random", "soft") and self.ensemble.samples.are_labels

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

    @cached_property
    def learned(self) -> np.ndarray:
        """Whether each network has learnt anything by its last record, bool (replica,).

        Of labels: its training accuracy exceeds the share of the commonest label by three standard
        errors, or all are right. Of numbers: its training loss is finite and has fallen.
        """
        training = self.trajectory["training"].to_dataset()
        ends = training.isel(epoch=[0, -1]).load()
        if not self.ensemble.samples.are_labels:
            first, last = ends["loss"].transpose("epoch", "replica").to_numpy()
            with np.errstate(invalid="ignore"):
                return np.asarray(np.isfinite(last) & (last < first))
        replicas = ends["replica"].to_numpy()
        labels = self.ensemble.labels_of(replicas)
        is_train = self.ensemble.samples.is_train[replicas]
        count = is_train.sum(axis=1)
        of_each = [((labels == k) & is_train).sum(axis=1) for k in range(labels.max() + 1)]
        chance = np.max(of_each, axis=0) / count
        accuracy = ends["accuracy"].isel(epoch=-1).to_numpy()
        above = chance + _ABOVE_CHANCE * np.sqrt(chance * (1 - chance) / count)
        # of few samples all may be right without three standard errors
        return np.asarray((accuracy > np.minimum(above, 1 - 0.5 / count)) & (chance < 1))

    def with_clocks(self, result: xr.Dataset) -> xr.Dataset:
        """A result with the updates and the sum of learning rates at its epochs, as coordinates.

        And with ``learned`` along its replicas. A result without epochs or replicas is as it was.
        """
        if "epoch" in result.indexes:
            # of the plan, since few weights may be recorded
            updates = np.rint(result["epoch"].to_numpy() * self.ensemble.updates_per_epoch)
            elapsed = self.ensemble.time_after(updates.astype(np.int64))
            weights = self.trajectory["weights"]
            for name, of, at in (("updates", "step", updates), ("flow_time", "time", elapsed)):
                result = result.assign_coords({name: ("epoch", at, dict(weights[of].attrs))})
        if "replica" in result.sizes:  # some analyses take the first few replicas
            learned = self.learned[result["replica"].to_numpy()].astype(np.int8)
            result = result.assign_coords({LEARNED: ("replica", learned, attributes(LEARNED))})
        return result

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
