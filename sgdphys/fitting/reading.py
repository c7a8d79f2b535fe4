"""Anyone's file as series, along parameters or chosen directions of weight space."""

from pathlib import Path

import numpy as np
import xarray as xr

from sgdphys.errors import InputError, nearest
from sgdphys.trajectory.netcdf import damage_reported, opened
from sgdphys.trajectory.reader import open_trajectory

_MOST_COMPONENTS_OF = 4096


def open_variable(path: Path, variable: str | None, dim: str | None) -> tuple[xr.DataArray, str]:
    """Open one variable of a run, a trajectory or any netCDF file, lazily.

    Parameters
    ----------
    path : Path
    variable : str, optional
        The weights of a trajectory, or the only variable, by default.
    dim : str, optional
        Time-like dimension: "step", or the only one, by default.

    Returns
    -------
    (DataArray, str)
        The variable and its time-like dimension. Times keep the unit of the file.

    Raises
    ------
    InputError
        For a file that is not netCDF, a variable or dimension that is not there (those that are
        get listed).
    """
    data = _group_of(path)
    numeric = [str(n) for n, v in data.data_vars.items() if v.ndim and v.dtype.kind in "iuf"]
    if variable is None:
        if "theta" in numeric:
            variable = "theta"
        elif len(numeric) == 1:
            variable = numeric[0]
        else:
            raise InputError(
                f"give --variable; {path} has {', '.join(numeric) or 'none of numbers'}"
            )
    if variable not in data.data_vars:
        raise InputError(
            f"{path} has no variable {variable!r}; {nearest(variable, numeric)} "
            f"(it has {', '.join(numeric)})"
        )
    theta = data[variable]
    if dim is None:
        dim = "step" if "step" in theta.dims or theta.ndim != 1 else str(theta.dims[0])
    if dim not in theta.dims:
        dims = ", ".join(map(str, theta.dims))
        raise InputError(
            f"{variable!r} has no dimension {dim!r}; give --dim: it has {dims or 'none'}"
        )
    return theta, dim


def _group_of(path: Path) -> xr.Dataset:
    """The weights of a trajectory, or the only group of another file that holds variables."""
    if path.is_dir():
        return open_trajectory(path, ("weights",))["weights"].to_dataset()
    with opened(path) as file:
        is_trajectory = "weights" in file.groups and not file.variables
    if is_trajectory:
        return open_trajectory(path, ("weights",))["weights"].to_dataset()
    with damage_reported(path):
        data = xr.open_dataset(path, decode_times=False, chunks={})
        if data.data_vars:
            return data
        tree = xr.open_datatree(path, decode_times=False, chunks={})
    groups = [n for n in tree.children if tree[n].data_vars]
    if len(groups) != 1:
        raise InputError(f"{path} has groups {', '.join(groups)} and none is 'weights'")
    return tree[groups[0]].to_dataset()


def without_buffers(theta: xr.DataArray) -> tuple[xr.DataArray, str]:
    """Leave out running statistics, which follow their own law, and say so in a sentence."""
    if "kind" not in theta.coords or theta["kind"].dims != ("parameter",):
        return theta, ""
    is_buffer = theta["kind"].to_numpy() == "buffer"
    if not is_buffer.any() or is_buffer.all():
        return theta, ""
    left_out = f"{int(is_buffer.sum())} entries of running statistics (buffers) were left out"
    return theta.isel(parameter=np.flatnonzero(~is_buffer)), left_out


def project(theta: xr.DataArray, along: str, dim: str, rng: int = 0) -> xr.DataArray:
    """Return a trajectory along chosen directions of weight space.

    Parameters
    ----------
    theta : DataArray (dim, ..., parameter)
    along : str
        "pca:k": the k principal components of all paths about their own means. "layer-norm": the
        norm of each layer. "random:k": k random unit vectors.
    dim : str
    rng : int
        Seed of random directions.

    Raises
    ------
    InputError
        For unknown directions, no dimension ``parameter``, more components than parameters.
    """
    name, _, number = along.partition(":")
    if name not in ("pca", "layer-norm", "random"):
        raise InputError(f"--along {along}: {nearest(name, ('pca:10', 'layer-norm', 'random:50'))}")
    if "parameter" not in theta.dims:
        raise InputError(f"--along {along} needs a dimension 'parameter'; there are {theta.dims}")
    if name == "layer-norm":
        if "layer" not in theta.coords:
            raise InputError("--along layer-norm needs a coordinate 'layer' along 'parameter'")
        squares = (theta.astype(np.float64) ** 2).groupby("layer").sum()
        return (squares**0.5).assign_attrs(theta.attrs)
    size = theta.sizes["parameter"]
    if not number.isdigit() or not 1 <= int(number) <= size:
        raise InputError(f"--along {along}: give a number between 1 and {size}, as in {name}:10")
    k = int(number)
    if name == "random":
        vectors = np.random.default_rng(rng).standard_normal((size, k))
        vectors /= np.linalg.norm(vectors, axis=0)
    else:
        vectors = _principal(theta, dim, k)
    directions = xr.DataArray(vectors, dims=("parameter", "component"))
    found = xr.dot(theta.astype(np.float64), directions, dim="parameter")
    keep = {c: theta[c] for c in theta.coords if "parameter" not in theta[c].dims}
    return found.assign_coords(keep).assign_attrs(theta.attrs)


def _principal(theta: xr.DataArray, dim: str, k: int) -> np.ndarray:
    """Principal directions (parameter, k) of all paths about their own means."""
    size = theta.sizes["parameter"]
    if size > _MOST_COMPONENTS_OF:
        raise InputError(
            f"--along pca: {size} parameters are more than {_MOST_COMPONENTS_OF}; use random:{k}"
        )
    gram = np.zeros((size, size))
    others = [d for d in theta.dims if d not in (dim, "parameter")]
    stacked = theta.stack(path=others) if others else theta.expand_dims("path")
    for p in range(stacked.sizes["path"]):
        x = stacked.isel(path=p).transpose(dim, "parameter").to_numpy().astype(np.float64)
        x = x[np.isfinite(x).all(axis=1)]
        if len(x):
            x -= x.mean(axis=0)
            gram += x.T @ x
    return np.linalg.eigh(gram)[1][:, ::-1][:, :k]
