"""Labelled paths of a process: theta (step, replica, parameter), step, time, and its parameters."""

from typing import Any

import numpy as np
import xarray as xr

from sgdphys.quantities import labelled


def labelled_path(values: np.ndarray, dt: float, process: str, **truth: Any) -> xr.Dataset:
    """Label (step, replica, parameter) and attach the exact parameters as attributes."""
    steps = np.arange(len(values))
    data = xr.Dataset(
        {"theta": (("step", "replica", "parameter"), values)},
        coords={
            "step": steps,
            "time": ("step", steps * float(dt), {"units": "time", "long_name": "time"}),
        },
        attrs={"process": process, "dt": float(dt), **truth},
    )
    return labelled(data)


def corrupt(
    data: xr.Dataset, *, noise: float = 0.0, gaps: float = 0.0, thin: int = 1, rng: Any = 0
) -> xr.Dataset:
    """Corrupt a trajectory: measurement noise, missing values (gaps), thinning.

    Parameters
    ----------
    data : Dataset
        Of one of the processes.
    noise : float
        Standard deviation of the white noise added to every value.
    gaps : float
        Fraction of values that become NaN.
    thin : int
        Keep every ``thin``-th step.
    rng : int, SeedSequence or Generator
        Seed of noise and gaps, independent of the process with the same seed.

    Returns
    -------
    Dataset
        theta (step, replica, parameter) with the attributes of ``data``, which still hold the
        truth, and measurement_noise, gaps, thinned.

    See Also
    --------
    wiener : A process to corrupt.

    Notes
    -----
    Gaps are independent of each other and of the values (missing completely at random).

    Examples
    --------
    >>> import sgdphys as sp
    >>> data = sp.processes.wiener(steps=1000, rng=0)
    >>> data = sp.processes.corrupt(data, gaps=0.2, thin=2, rng=0)
    >>> data.sizes["step"], round(float(data["theta"].isnull().mean()), 1)
    (501, 0.2)
    """
    if not isinstance(rng, np.random.Generator | np.random.SeedSequence):
        rng = np.random.SeedSequence(
            rng, spawn_key=(1,)
        )  # independent of the numbers that made the path
    rng = np.random.default_rng(rng)
    data = data.isel(step=slice(None, None, thin))
    theta = data["theta"] + noise * rng.standard_normal(data["theta"].shape)
    theta = theta.where(rng.uniform(size=theta.shape) >= gaps)
    return data.assign(theta=theta.assign_attrs(data["theta"].attrs)).assign_attrs(
        measurement_noise=noise, gaps=gaps, thinned=thin
    )


def root_of(covariance: np.ndarray) -> np.ndarray:
    """A square root of a covariance that may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))
