"""Progress bars: of long calls, where somebody watches, and nowhere else."""

import io
import sys

import pytest

import sgdphys as sp
from sgdphys import bars

STUDY = {
    "network": {"layers": [3]},
    "train": {"epochs": 3, "replicas": 2},
    "figures": {"formats": []},
}


class Terminal(io.StringIO):
    """Standard error of somebody who watches."""

    def isatty(self):
        return True


def terminal(monkeypatch, after=0.0):
    """Somebody watches from now on: pytest puts its own standard error before each test."""
    monkeypatch.setattr(bars, "_AFTER", after)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def path():
    return sp.processes.wiener(steps=100, rng=0).theta


def test_a_fit_shows_a_bar_on_a_terminal(monkeypatch):
    screen = terminal(monkeypatch)
    sp.fit(path(), models=["wiener"])
    assert "fitting" in screen.getvalue()


def test_a_run_shows_a_bar_on_a_terminal(monkeypatch, tmp_path):
    screen = terminal(monkeypatch)
    sp.run(STUDY, tmp_path / "run")
    assert "training" in screen.getvalue()


def test_false_shows_none(monkeypatch, tmp_path):
    screen = terminal(monkeypatch)
    sp.run(STUDY, tmp_path / "run", progress=False)
    sp.fit(path(), models=["wiener"], progress=False)
    assert not screen.getvalue()


def test_a_short_call_shows_none(monkeypatch):
    screen = terminal(monkeypatch, after=1000.0)
    sp.fit(path(), models=["wiener"])
    assert not screen.getvalue()


def test_a_function_is_told_and_no_bar_is_shown(monkeypatch):
    screen, said = terminal(monkeypatch), []
    sp.fit(path(), models=["wiener"], progress=lambda *numbers: said.append(numbers))
    assert said
    assert not screen.getvalue()


def test_nothing_is_shown_where_output_is_piped(monkeypatch, capsys):
    monkeypatch.setattr(bars, "_AFTER", 0.0)
    sp.fit(path(), models=["wiener"])
    assert capsys.readouterr().err == ""


def test_true_shows_a_bar_where_output_is_piped(monkeypatch, capsys):
    monkeypatch.setattr(bars, "_AFTER", 0.0)
    sp.fit(path(), models=["wiener"], progress=True)
    assert "fitting" in capsys.readouterr().err


def test_a_notebook_is_watched(monkeypatch):
    class ZMQInteractiveShell:
        """The shell of a notebook's kernel, by its name."""

    class Shell:
        get_ipython = staticmethod(ZMQInteractiveShell)

    assert not bars.is_watched()
    monkeypatch.setitem(sys.modules, "IPython", Shell)
    assert bars.is_watched()


def stopped_in_the_middle():
    with bars.shown(True, "work") as told:
        told(1, 2)
        raise ValueError("in the middle")


def test_the_bar_ends_with_an_error(monkeypatch):
    screen = terminal(monkeypatch)
    with pytest.raises(ValueError, match="in the middle"):
        stopped_in_the_middle()
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert screen.getvalue().count(hidden) == screen.getvalue().count(shown) == 1
