"""Samples with labels as a task."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.quantities import labelled


def labelled_samples(
    x: np.ndarray, y: np.ndarray, task: str, *, classes: int | None = None, **attributes: Any
) -> xr.Dataset:
    """Return a task of inputs (sample, feature) and labels 0, 1, ... (sample,).

    All samples are equally likely, and their labels certain.
    """
    kinds = int(y.max()) + 1 if classes is None else classes
    data = xr.Dataset(
        {
            "x": (("sample", "feature"), np.asarray(x, np.float64)),
            "y": ("sample", y.astype(np.int64)),
            "p_x": ("sample", np.full(len(y), 1 / len(y))),
            "p_y_given_x": (("sample", "label"), (y[:, None] == np.arange(kinds)).astype(float)),
        },
        coords={"label": np.arange(kinds)},
        attrs={"task": task, **attributes},
    )
    return labelled(data)
