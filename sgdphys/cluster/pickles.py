"""Functions as bytes, closures too, for processes that have the same modules."""

import functools
import importlib
import io
from typing import Any


def pickled(what: Any) -> bytes:
    """Pickle of an object, which may be or hold a function that has no name of its own.

    A compiled function of a module goes by its name. Numba would send its source, which every
    process compiles anew; under its name it is found where it was compiled before.
    """
    import cloudpickle

    class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # has no types
        def reducer_override(self, given: Any) -> Any:
            function = getattr(given, "py_func", None)
            if function is not None:
                name = (function.__module__, function.__qualname__)
                if _found(*name) is given:
                    return _found, name
            return super().reducer_override(given)

    written = io.BytesIO()
    Pickler(written).dump(what)
    return written.getvalue()


def _found(module: str, name: str) -> Any:
    """An object of a module; None where it is not there."""
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError):
        return None
