"""Examples in the docstrings of figure functions, run as they stand."""

import doctest
import sys

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

import sgdphys as sp


@pytest.fixture(autouse=True)
def _off_screen():
    mpl.use("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize("name", sp.figures.__all__)
def test_examples_run_as_they_stand(name):
    function = getattr(sp.figures, name)
    module = sys.modules[function.__module__]
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, module=module, globs={})
    assert example.examples
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert not result.failed


@pytest.mark.parametrize("name", sp.figures.__all__)
def test_docstrings_have_all_sections(name):
    text = getattr(sp.figures, name).__doc__
    for section in ("Parameters", "Returns", "See Also", "Examples"):
        assert f"\n    {section}\n    {'-' * len(section)}\n" in text
