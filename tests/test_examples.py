"""Docstrings of public functions: complete, and their examples print what they say."""

import doctest
import inspect
import re
from importlib import import_module

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

PACKAGES = (
    "sgdphys", "sgdphys.dynamics", "sgdphys.figures", "sgdphys.information", "sgdphys.processes",
    "sgdphys.tasks", "sgdphys.transitions",
)  # fmt: skip
"""Packages whose public functions are tested."""
OF_EXTRAS = {"convert": "zarr"}
"""Functions whose examples need what only an extra installs."""
ORDER = [
    "Parameters", "Returns", "Yields", "Raises", "Warns", "See Also", "Notes", "References",
    "Examples",
]  # fmt: skip
"""Sections in the order of numpydoc."""


def public_functions():
    """Public functions of the packages by full name, each once."""
    found = {}
    for package in map(import_module, PACKAGES):
        for name in sorted(package.__all__):
            value = getattr(package, name)
            if inspect.isfunction(value) and value not in found.values():
                found[f"{package.__name__}.{name}"] = value
    return found


@pytest.fixture(autouse=True)
def _drawn_off_screen(tmp_path, monkeypatch):
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)  # where examples that write a file write it
    yield
    plt.close("all")


FUNCTIONS = public_functions()
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())


def sections(function):
    """Text of the sections of a docstring by title, in their order."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.getdoc(function) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(function):
    """Names of the parameters in a docstring."""
    lines = sections(function).get("Parameters", "").splitlines()
    named = [line.split(" : ")[0] for line in lines if line and not line.startswith(" ")]
    return [name.strip(" *`") for line in named for name in line.split(",")]


@every_function
def test_a_docstring_has_all_sections_in_order(function):
    titles = list(sections(function))
    needed = {"See Also", "Examples"}
    if inspect.signature(function).parameters:
        needed.add("Parameters")
    assert needed <= set(titles)
    assert {"Returns", "Yields"} & set(titles)
    assert titles == sorted(titles, key=ORDER.index)


@every_function
def test_a_docstring_has_the_parameters_of_the_signature(function):
    assert documented(function) == list(inspect.signature(function).parameters)


@pytest.mark.thorough(reason="every example")
@every_function
def test_examples(function):
    if function.__name__ in OF_EXTRAS:
        pytest.importorskip(OF_EXTRAS[function.__name__], reason="an extra is not installed")
    text = inspect.getdoc(function)
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    example = doctest.DocTestParser().get_doctest(text, {}, function.__name__, None, 0)
    said = []
    results = doctest.DocTestRunner(optionflags=options).run(example, out=said.append)
    assert results.attempted
    assert not results.failed, "".join(said)


@every_function
def test_related_functions_exist(function):
    package = import_module(f"sgdphys.{function.__module__.split('.')[1]}")
    root = import_module("sgdphys")
    for line in sections(function)["See Also"].splitlines():
        if line and not line.startswith(" "):
            for name in line.split(" : ")[0].split(","):
                *path, last = name.strip(" `").split(".")
                homes = [import_module(".".join(path))] if path else [package, root]
                assert any(last in getattr(home, "__all__", ()) for home in homes), name
