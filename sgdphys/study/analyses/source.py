"""What every analysis of a study works on."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.sampling import batch_sizes
from sgdphys.study.keys import Study


class Source(NamedTuple):
    """A finished recording, the study it belongs to, and the analysis that asks for it."""

    trajectory: xr.DataTree
    study: Study
    name: str
    """Of the analysis, for messages."""
    threads: int | None

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
