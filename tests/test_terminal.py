"""What is printed: no control characters, no markup, and something to print to."""

import io
import os
import subprocess
import sys
import time

import pytest
import xarray as xr
from commands import command, refused

from sgdphys.terminal import plain, print_table, progress, say

HOSTILE = "\x1b]0;owned\x07[red]a\x9b31mb[/x]\r\x7f"


def test_control_characters_are_taken_out():
    everything = "".join(map(chr, range(0x180)))
    kept = plain(everything)
    assert {ord(c) for c in everything} - {ord(c) for c in kept} == {
        *(set(range(0x20)) - {0x09, 0x0A}),
        *range(0x7F, 0xA0),
    }
    assert plain("\u03b8 \u2192 [x]\n\t") == "\u03b8 \u2192 [x]\n\t"


def test_sentences_and_tables(capsys):
    say(HOSTILE)
    print_table([(HOSTILE, "n"), ("b", "\x1b[2J1")])
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "]0;owned[red]a31mb[/x]"
    assert out.splitlines()[-1].split() == ["b", "[2J1"]
    assert "\x1b" not in out


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("name", ["[/x]", "[red]x", ":tea:", "[link=a]b", HOSTILE])
def test_a_name_is_no_markup_on_a_terminal(monkeypatch, name):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress() as (tell, advance):
        tell(f"recording to runs/{name}/trajectory " + "long " * 40)
        advance(1, 2)
    assert f"recording to runs/{plain(name)}/trajectory " + "long " * 40 in screen.getvalue()


def test_lines_of_progress_become_fewer(monkeypatch, capsys):
    """Not a line every ten seconds for a day, in a file that keeps what is printed."""
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    day = 86400
    with progress() as (_, advance):
        for now in map(float, range(0, day, 5)):
            advance(int(now), day)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == [f"training: 0%, {day - seconds} s left" for seconds in (10, 20, 30)]
    assert len(lines) < 300
    assert lines[-1] > "training: 96%"


def test_what_a_file_says_of_itself(tmp_path):
    path = tmp_path / "x.nc"
    data = xr.Dataset({"x": ("step", [0.0, 1.0, 3.0, 2.0] * 5, {"units": HOSTILE})})
    tree = xr.DataTree.from_dict({"/weights": data})
    tree.attrs["title"] = HOSTILE
    tree.to_netcdf(path)
    for arguments in (("info", path), ("fit", path)):
        result = command(*arguments)
        assert not {"\x1b", "\x07", "\x9b", "\r"} & set(result.stdout + result.stderr)


def test_a_study_of_anybody(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text('title = "t"\n[train]\n"epo\\u001b[31mchs" = 3\n')
    assert "\x1b" not in refused(command("run", path), 2, "is not a key")


SMALL = "[network]\nlayers = [2]\n[train]\nepochs = 2\nreplicas = 1\n[figures]\nformats = []\n"


@pytest.mark.thorough(reason="a new process: 4 s")
def test_closed_streams(tmp_path):
    """No file takes the number of a stream, to be written into by a library in C."""
    (tmp_path / "s.toml").write_text(SMALL)
    line = f"{sys.executable} -m sgdphys run s.toml --out run <&- >&- 2>&-"
    assert subprocess.run(line, shell=True, cwd=tmp_path, check=False).returncode == 0


@pytest.mark.thorough(reason="a new process: 3 s")
def test_errors_that_nobody_hears(tmp_path):
    line = f"{sys.executable} -m sgdphys run nowhere 2>&-"
    result = subprocess.run(line, shell=True, cwd=tmp_path, check=False, capture_output=True)
    assert (result.returncode, result.stdout) == (2, b"")


def test_a_full_standard_output(tmp_path):
    """The work is done, and that it cannot be told is told."""
    line = f"{sys.executable} -m sgdphys studies > /dev/full"
    result = subprocess.run(
        line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == "sgdphys: the disk is full; free some space and repeat the command\n"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("bahn-\u03b8", marks=pytest.mark.thorough(reason="two more processes: 5 s")),
        pytest.param("bytes-\udcff", marks=pytest.mark.slow(reason="two more processes: 5 s")),
    ],
)
def test_names_that_netcdf_cannot_be_given(tmp_path, name):
    bare = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    (tmp_path / "s.toml").write_text(SMALL)
    folder = tmp_path / name
    result = command("run", tmp_path / "s.toml", "--out", folder, env=bare)
    refused(result, 2, "no text in ascii; choose another --out, or set PYTHONUTF8=1")
    assert not folder.exists()
    folder.mkdir()
    (folder / "x.nc").write_bytes(b"\x89HDF\r\n\x1a\n")
    refused(command("info", folder / "x.nc", env=bare), 1, "a name cannot be encoded in ascii")


def test_a_wide_heading_is_wrapped_before_a_column_is_moved_below(capsys):
    heading = ("", *["a heading of so many words"] * 6)
    print_table([heading, ("row", *["0.25"] * 6)])
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("row") for line in lines) == 1
    assert all(len(line) <= 100 for line in lines)


def test_claims_stand_once_in_one_table_and_intervals_are_not_broken(capsys):
    heading = ("claim (statistic)", "kind", "estimate [95%]", "supported if", "verdict")
    rows = [
        ("Layers lose what they know about the input, after the fit (bits_lost)",
         "exploratory, after", f"0.46{k} bits [0.0799, 0.855] from 4 of 16 networks",
         "between 175 and 700 epochs", "not judged")
        for k in range(3)
    ]  # fmt: skip
    print_table([heading, *rows])
    said = capsys.readouterr().out
    assert said.count("Layers lose") == 3
    assert said.count("[0.0799, 0.855]") == 3
    assert all(len(line) <= 100 for line in said.splitlines())


def test_lines_that_say_that_work_goes_on_become_fewer(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    with progress("fitting", every=0.05, never_silent=True):
        time.sleep(2)
    assert 3 <= capsys.readouterr().err.count("so far") <= 20


def test_a_long_text_in_brackets_is_broken_between_words(capsys):
    long = "Something (with a parenthesis that has so many words within it that no column holds it)"
    print_table([("what", "n"), (long, "1 " * 30)])
    said = capsys.readouterr().out
    assert {"parenthesis", "column"} <= set(said.replace("(", " ").split())
