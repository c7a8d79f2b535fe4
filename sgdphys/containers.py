"""Conversion of every supported container to arrays, at the entry of every public function.

Containers are recognised by the module that defines their class, so that no library is imported
that the caller does not use.
"""

from collections.abc import Iterable, Sequence
from numbers import Number
from os import PathLike
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.errors import InputError, nearest
from sgdphys.headings import (
    as_dates,
    clock_unit,
    is_clock,
    seeming_times,
    times_among,
    times_of,
    unit_of_all,
)
from sgdphys.missing import missing_as_nan, stored_as_nan, unmasked
from sgdphys.units_of_time import is_counted


def _only_counts(index: pd.Index) -> bool:
    """Whether an index only counts rows, of which some may have been left out."""
    return index.name is None and not isinstance(index, pd.MultiIndex) and index.dtype.kind in "iu"


def by_times(values: Any, time: str | None) -> Any:
    """A table with its column of times as the index, unless its own index says more than a count.

    A column that is named goes before any index.

    Parameters
    ----------
    values
        A DataFrame, or a table of another library; anything else is returned unchanged.
    time : str, optional
        The column; by default the only one that is named as times are.

    Raises
    ------
    InputError
        When several columns may be meant, or the one that is named is not there.
    """
    if hasattr(values, "to_pandas") and not has_names(values):
        values = _as_pandas(values)
    if not isinstance(values, pd.DataFrame):
        return values
    names = [str(c) for c in values.columns]
    if time not in names:  # a column that is named goes before any index
        is_word = time is not None and (is_clock(time) or is_counted(time))
        if len(names) == 1 or is_word or (time is not None and time in values.index.names):
            return values
        if not _only_counts(values.index):
            return values
    clock = times_among(values.columns, time)
    if clock is None:
        return values
    column = values.columns[names.index(clock)]
    times = times_of(values[column], f"column {clock!r}")
    return values.drop(columns=[column]).set_index(pd.Index(times, name=clock))


def has_names(values: Any) -> bool:
    """Whether a container gives names to its dimensions."""
    return isinstance(values, xr.DataArray | xr.Dataset | xr.DataTree) or _is_of(values, "netCDF4")


def labelled_array(values: Any, *axes: str) -> xr.DataArray:
    """Return the real numbers of any container as a DataArray; lazy arrays stay lazy.

    Parameters
    ----------
    values
        A DataArray, or a Dataset or DataTree of one variable; a pandas Series or DataFrame, whose
        index becomes the coordinate of the first axis unless it only counts rows; a NumPy or
        masked array (masked points are NaN); a netCDF4 variable; a PyTorch tensor; a quantity with
        units; a list; anything else that NumPy can read.
    *axes : str
        Names of the axes of a container without names, in order; further ones are "dim_k".

    Raises
    ------
    InputError
        For anything but an array of real numbers, and for an empty one.
    """
    theta = _labelled(values, axes)
    if any(not isinstance(n, int | np.integer) for n in theta.shape):
        raise InputError(
            f"the Dask array has the shape {theta.shape}, with an unknown length; call its "
            "compute_chunk_sizes() first"
        )
    if numbered := [d for d in theta.dims if not isinstance(d, str)]:
        raise InputError(
            f"dimension {numbered[0]!r} has no text for a name; rename it first, as in "
            f"theta.rename({{{numbered[0]!r}: 'step'}})"
        )
    if theta.dtype.kind not in "iufb":
        raise InputError(f"the values are of type {theta.dtype}; real numbers were expected")
    if theta.ndim == 0:
        raise InputError("a single number was given; a series of points was expected")
    if theta.size == 0:
        raise InputError(f"there are no values: the array has the shape {theta.shape}")
    return theta


def array_of(values: Any, name: str = "the values") -> np.ndarray:
    """Return the real numbers of any container as an array, NaN where they are masked.

    Parameters
    ----------
    values
        As in ``labelled_array``; a single number is allowed, an index is ignored.
    name : str
        Name of the values in an error message.

    Raises
    ------
    InputError
        For anything but an array of real numbers.
    """
    found = unmasked(bare_array(values, name))
    if found.dtype.kind not in "iufb":
        raise InputError(f"{name} are of type {found.dtype}; real numbers were expected")
    return missing_as_nan(found)


def finite_array(values: Any, name: str) -> np.ndarray:
    """Return the real numbers of any container as float64; missing ones are an error."""
    found = np.asarray(array_of(values, name), np.float64)
    if not np.isfinite(found).all():
        raise InputError(
            f"{name} are not all finite: some are missing, masked or infinite; leave them out"
        )
    return found


def bare_array(values: Any, name: str = "the values") -> np.ndarray:
    """Return the contents of a container as an array of any dtype, with its mask if it has one."""
    if isinstance(values, xr.DataArray | xr.Dataset | xr.DataTree):
        return np.asarray(_labelled(values, ()).to_numpy())
    if isinstance(values, pd.Series | pd.Index):
        return _column(values, name)
    if isinstance(values, pd.DataFrame):
        return _columns(values)
    if isinstance(values, np.ma.MaskedArray):
        if values.dtype.kind == "O" and any(_is_of(v, "pint") for v in values.compressed()):
            raise InputError(
                "a masked array of quantities was given; make it a quantity of a masked array: "
                "Quantity(array, unit)"
            )
        return values
    if isinstance(values, list | tuple) and any(_is_of(v, "pint") for v in values):
        raise InputError("a list of quantities was given; make one of it: Quantity.from_list(...)")
    if isinstance(values, list | tuple) and any(_is_wrapped(v) for v in values):
        return _stacked([bare_array(v, name) for v in values], name)
    if _is_of(values, "netCDF4"):
        return _read(values)
    if hasattr(values, "to_pandas"):
        return bare_array(_as_pandas(values), name)
    if _is_of(values, "torch"):
        return _from_torch(values)
    if _is_of(values, "pint"):
        return bare_array(values.magnitude, name)
    if isinstance(values, str | bytes | PathLike):
        raise InputError(
            f"{str(values)!r} is text, not numbers; if it is a file, open it first, as in "
            "xarray.open_dataset(path)['name'] or numpy.load(path), or use the command sgdphys fit"
        )
    if isinstance(values, np.lib.npyio.NpzFile):
        return _from_npz(values)
    if hasattr(values, "to_dask_array"):
        raise InputError("the length of a Dask data frame is unknown; call its compute() first")
    try:
        found = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        if isinstance(values, list | tuple):
            raise InputError(f"{name} are lists of unequal length; pad them with NaN") from error
        raise InputError(
            f"a {type(values).__name__} cannot be read as an array of numbers"
        ) from error
    if found.dtype.kind == "V" and found.dtype.names is None:
        return _narrow(found)
    if found.ndim == 0 and found.dtype.kind == "O":
        raise InputError(f"a {type(values).__name__} was given; an array of numbers was expected")
    return found


def units_of(values: Any) -> str | None:
    """Return the units of a pint quantity; None for anything else."""
    if not _is_of(values, "pint"):
        return None
    name = str(values.units)
    return "1" if name == "dimensionless" else name


def index_array(index: pd.Index, dim: str) -> xr.DataArray:
    """Return a pandas index of increasing numbers or dates as a coordinate."""
    bare = xr.DataArray(np.arange(len(index)), dims=dim, attrs={"units": "time"}, name=dim)
    coords = _index_coordinate(index, dim)
    return bare.assign_coords(coords)[dim] if coords else bare


def require_kind(value: Any, kind: type, name: str, *variables: str) -> None:
    """Raise an error for an argument of another type than ``kind``, or without some variables."""
    if not isinstance(value, kind):
        raise InputError(
            f"{name} is a {type(value).__name__}; an xarray {kind.__name__} was expected"
        )
    lacking = [v for v in variables if v not in cast("xr.Dataset", value)]
    if lacking:
        raise InputError(f"{name} has no {', '.join(lacking)}; {', '.join(variables)} are needed")


def require_dimensions(theta: xr.DataArray, *names: str) -> None:
    """Raise an error for an array without one of the dimensions."""
    for name in names:
        if name not in theta.dims:
            known = ", ".join(map(str, theta.dims))
            raise InputError(
                f"there is no dimension {name!r}; {nearest(name, theta.dims)} (it has {known}); "
                "give a DataArray with named dimensions"
            )


def _labelled(values: Any, axes: Sequence[str]) -> xr.DataArray:
    if isinstance(values, xr.Dataset | xr.DataTree):
        values = _only_variable(values)
    if isinstance(values, xr.DataArray):
        plain = _without_quantity(values)
        is_of_file = "source" in values.encoding
        return stored_as_nan(plain) if is_of_file else plain
    if isinstance(values, pd.Series | pd.DataFrame):
        return _from_pandas(values, axes)
    if _is_of(values, "netCDF4"):
        return _from_netcdf(values)
    if hasattr(values, "to_pandas"):  # a table of pyarrow, polars, ...
        return _from_pandas(_as_pandas(values), axes)
    attrs = {}
    if (unit := units_of(values)) is not None:
        attrs, values = {"units": unit}, values.magnitude
    if not hasattr(values, "dask") or hasattr(values, "to_dask_array"):
        values = unmasked(bare_array(values))
    names = [*axes[: values.ndim], *(f"dim_{k}" for k in range(len(axes), values.ndim))]
    if any(not np.isfinite(n) for n in values.shape):
        raise InputError(
            f"the Dask array has the shape {values.shape}, with an unknown length; call its "
            "compute_chunk_sizes() first"
        )
    return xr.DataArray(values, dims=names, attrs=attrs)


def _is_of(value: Any, library: str) -> bool:
    """Whether a value's class, or one that it inherits from, was defined in a library."""
    return any(c.__module__.split(".")[0] == library for c in type(value).__mro__)


def _is_wrapped(value: Any) -> bool:
    """Whether a member of a list is something other than a number or a plain array."""
    if isinstance(value, list | tuple):
        return any(_is_wrapped(v) for v in value)
    if isinstance(value, np.ma.MaskedArray):
        return True
    return not (value is None or isinstance(value, Number | np.generic | np.ndarray | str | bytes))


def _stacked(parts: list[np.ndarray], name: str) -> np.ndarray:
    if len({p.shape for p in parts}) > 1:
        raise InputError(f"{name} are arrays of unequal shape; pad them with NaN")
    if any(isinstance(p, np.ma.MaskedArray) for p in parts):
        return np.ma.stack(parts)
    return np.stack(parts)


def variables_of(data: xr.Dataset | xr.DataTree) -> dict[str, xr.DataArray]:
    """Variables of a Dataset, or of all groups of a DataTree as group/name."""
    groups = {"": data} if isinstance(data, xr.Dataset) else data.to_dict()
    return {
        f"{path}/{name}".lstrip("/"): variable
        for path, group in groups.items()
        for name, variable in group.data_vars.items()
    }


def _only_variable(data: xr.Dataset | xr.DataTree) -> xr.DataArray:
    """The weights of a trajectory, or the one variable of numbers of a Dataset or DataTree."""
    found = {
        name: variable
        for name, variable in variables_of(data).items()
        if variable.ndim and variable.dtype.kind in "iufbO"
    }
    for name in ("theta", "weights/theta"):  # those of a trajectory
        if name in found:
            return found[name]
    if len(found) != 1:
        kind = "dataset" if isinstance(data, xr.Dataset) else "tree"
        raise InputError(
            f"give one variable of the {kind}, as in data[name]; it has "
            f"{', '.join(found) or 'none of numbers'}"
        )
    return next(iter(found.values()))


def _without_quantity(theta: xr.DataArray) -> xr.DataArray:
    """A DataArray of plain numbers; the units of a quantity within it become its attribute."""
    # one element shows the type of the array without reading a file
    corner = theta.variable[tuple(slice(0, 1) for _ in theta.dims)].data
    unit = units_of(corner)
    if unit is None:
        return theta
    return theta.copy(data=theta.data.magnitude).assign_attrs(units=unit)


def _from_netcdf(variable: Any) -> xr.DataArray:
    """A netCDF4 variable with the coordinates that its own group has for its dimensions."""
    group = variable.group()
    coords = {}
    for d in variable.dimensions:
        if d in group.variables and group.variables[d].dimensions == (d,):
            along = group.variables[d]
            attrs = {k: along.getncattr(k) for k in along.ncattrs() if k == "units"}
            coords[d] = (d, unmasked(_read(along)), attrs)
    units = {k: variable.getncattr(k) for k in variable.ncattrs() if k == "units"}
    values = unmasked(_read(variable))
    return xr.DataArray(values, dims=variable.dimensions, coords=coords, attrs=units)


def _read(variable: Any) -> np.ndarray:
    """The values of a netCDF4 variable; integers never written are masked, otherwise NaN."""
    values = variable[...]
    if isinstance(values, np.ma.MaskedArray):
        return values
    return np.asarray(stored_as_nan(np.asarray(values)))


def _from_torch(tensor: Any) -> np.ndarray:
    """A tensor on any device; floats that NumPy lacks, as bfloat16, are widened, which is exact."""
    try:
        plain = tensor.detach().cpu().resolve_conj().resolve_neg()
        try:
            return np.asarray(plain.numpy())
        except TypeError:
            if not plain.dtype.is_floating_point:
                raise
            return np.asarray(plain.float().numpy())
    except (TypeError, RuntimeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the tensor cannot be read as an array of numbers: {reason}") from error


def _narrow(values: np.ndarray) -> np.ndarray:
    """Narrow floats of machine learning, unknown to NumPy, as float32, which is exact."""
    try:
        return values.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the values are of type {values.dtype}; real numbers were expected"
        ) from error


def _from_npz(file: Any) -> np.ndarray:
    if len(file.files) != 1:
        raise InputError(
            f"give one array of the .npz file, as in file[name]; it has {', '.join(file.files)}"
        )
    return np.asarray(file[file.files[0]])


def _from_pandas(table: pd.Series | pd.DataFrame, axes: Sequence[str]) -> xr.DataArray:
    """A Series (time) or a DataFrame (time, column) with its index as the times."""
    dim = axes[0] if axes else str(table.index.name or "dim_0")
    coords: dict[str, Any] = _index_coordinate(table.index, dim)
    if isinstance(table, pd.Series):
        values = _column(table, "the values")
        return xr.DataArray(values, dims=[dim], coords=coords, attrs=_unit_of([table.name]))
    clocks = [c for c in table.columns if is_clock(c)]
    if clocks and not coords:
        raise InputError(
            f"the column {clocks[0]!r} seems to hold the times of the rows; give "
            f"table.set_index({clocks[0]!r}), or drop it"
        )
    if not coords and (clock := seeming_times(table)) is not None:
        raise InputError(
            f"the column {clock!r} increases in every row, as times do; give "
            f"table.set_index({clock!r}), or drop it if it does not hold the times of the rows"
        )
    across = axes[1] if len(axes) > 1 else str(table.columns.name or "column")
    names = ["/".join(map(str, c)) if isinstance(c, tuple) else c for c in table.columns]
    if any(isinstance(n, str) for n in names):
        names = [str(n) for n in names]
    coords[across] = (across, names)
    return xr.DataArray(
        _columns(table), dims=[dim, across], coords=coords, attrs=_unit_of(table.columns)
    )


def _unit_of(names: Iterable[Any]) -> dict[str, str]:
    """The unit that the names of columns say, as an attribute."""
    unit = unit_of_all(names)
    return {} if unit is None else {"units": unit}


def _as_pandas(table: Any) -> pd.Series | pd.DataFrame:
    """A table or column of another library, with the names of its columns."""
    try:
        return cast("pd.Series | pd.DataFrame", table.to_pandas())
    except ImportError as error:
        kind = type(table).__name__
        raise InputError(f"the {kind} cannot be converted to pandas: {error}") from error


def _index_coordinate(index: pd.Index, dim: str) -> dict[str, Any]:
    """Times of the rows as a coordinate; none for an index that only counts rows."""
    if isinstance(index, pd.RangeIndex) and index.name is None:
        if index.start == 0 and index.step == 1:
            return {}
    if isinstance(index, pd.MultiIndex):
        raise InputError(
            "the index has several levels; choose one series, as in table.xs(key), or unstack() "
            "the levels that are not time"
        )
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    index = as_dates(index)
    if isinstance(index, pd.DatetimeIndex) and index.tz is not None:
        index = index.tz_convert(None)
    if index.dtype.kind not in "iufmM":
        raise InputError(
            f"the index holds {index.inferred_type}; numbers or dates were expected: if rows are "
            "evenly spaced in time, give table.reset_index(drop=True)"
        )
    if not index.is_monotonic_increasing or index.has_duplicates or index.hasnans:
        raise InputError(_disorder(index))
    attrs = {} if index.dtype.kind in "mM" else {"units": clock_unit(index.name or "time")}
    return {dim: (dim, index.to_numpy(), attrs)}


def _disorder(index: pd.Index) -> str:
    """Where an index does not increase, and what to do about it."""
    name = f"the times {index.name!r}" if index.name is not None else "the values of the index"
    missing = np.flatnonzero(index.isna())
    if len(missing):
        return f"{name} have no value in row {missing[0] + 1}; fill it in, or drop the row"
    values = index.to_numpy()
    k = int(np.flatnonzero(~(values[1:] > values[:-1]))[0])
    return (
        f"{name} do not increase: row {k + 1} has {values[k]} and row {k + 2} {values[k + 1]}; "
        "sort the rows, as by sort_index() in pandas, and drop repeated ones"
    )


def _columns(table: pd.DataFrame) -> np.ndarray:
    """The columns of a table (row, column), missing entries NaN."""
    if not table.shape[1]:
        return np.empty(table.shape)
    for name, dtype in table.dtypes.items():
        if dtype.kind in "mM":
            raise InputError(
                f"column {name!r} holds dates; give --time {name}, or in Python table.set_index"
                f"({name!r}), if they are the times of the rows, and leave it out otherwise"
            )
    parts: Iterable[np.ndarray] = (
        _column(table.iloc[:, k], f"the values of column {name!r}")
        for k, name in enumerate(table.columns)
    )
    return np.stack([missing_as_nan(p) for p in parts], axis=1)


def _column(series: pd.Series | pd.Index, name: str) -> np.ndarray:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        if dtype.kind == "O":
            raise InputError(f"{name} are objects ({series.dtype}); real numbers were expected")
        return np.asarray(series.to_numpy())
    if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)):
        raise InputError(f"{name} are of type {dtype}; real numbers were expected")
    return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
