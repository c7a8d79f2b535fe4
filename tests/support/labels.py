"""Labels of results, for tests that look at them."""

import re

import xarray as xr


def own_name(name: str) -> str:
    """A name without the end of an interval."""
    return re.sub(r"_(low|high)$", "", name)


def is_labelled(data: xr.Dataset) -> None:
    """Every variable has a unit, a long name of its own and a description."""
    wanted = {
        name: {"units", "long_name", *(["description"] if name in data.data_vars else [])}
        for name in data.variables
    }
    absent = {n: w - {k for k in w if data[n].attrs.get(k)} for n, w in wanted.items()}
    assert not {n: sorted(a) for n, a in absent.items() if a}
    names = [data[n].attrs["long_name"] for n in data.data_vars]
    assert sorted(names) == sorted(set(names))
