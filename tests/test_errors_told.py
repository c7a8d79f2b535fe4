"""How the command tells errors: a sentence and a status, whatever was raised."""

import errno
import os

import pytest
import xarray as xr

from sgdphys.analyses import drawing
from sgdphys.cli import main
from sgdphys.errors import InputError, NotEnoughData, WorkError
from sgdphys.study.runs import Run


def full(number=errno.ENOSPC):
    return OSError(number, os.strerror(number), "runs/x/figures/a.svg")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InputError("that is wrong"), 2, "that is wrong"),
        (NotEnoughData("too few"), 2, "too few"),
        (WorkError("it failed"), 1, "it failed"),
        (full(), 1, "the disk of runs/x/figures/a.svg is full; free some space and repeat the "
                    "command"),
        (full(errno.EDQUOT), 1, "the disk of runs/x/figures/a.svg is full; free some space and "
                                "repeat the command"),
        (OSError(errno.ENOSPC, "No space left on device"), 1,
         "the disk is full; free some space and repeat the command"),
        (full(errno.EROFS), 1, "runs/x/figures/a.svg cannot be read or written: read-only file "
                               "system"),
        (OSError(errno.EMFILE, "Too many open files"), 1,
         "the operating system refused: too many open files"),
        (MemoryError(), 1, "there is not enough memory"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, None),
        (UnicodeEncodeError("ascii", "\u03b8", 0, 1, "no"), 1,
         "a name cannot be encoded in ascii; set PYTHONUTF8=1, or give another name"),
        (OSError("NetCDF: HDF error"), 1,
         "OSError: NetCDF: HDF error (give --debug for the traceback)"),
        (KeyError("a\nb\x1b[31m"), 1, r"KeyError: 'a\nb\x1b[31m' (give --debug for the traceback)"),
    ],
)  # fmt: skip
def test_errors(monkeypatch, capsys, error, status, said):
    def raised(*arguments, **options):
        raise error

    monkeypatch.setattr(Run, "write_figures", raised)
    with pytest.raises(SystemExit) as ended:
        main(["figures", "runs/x"])
    assert ended.value.code == status
    heard = capsys.readouterr()
    assert heard.err == ("" if said is None else f"sgdphys: {said}\n")
    assert heard.out == ""


def test_the_traceback_is_there_for_who_asks(monkeypatch):
    def raised(*arguments, **options):
        raise ValueError("three")

    monkeypatch.setattr(Run, "write_figures", raised)
    with pytest.raises(ValueError, match="three"):
        main(["figures", "runs/x", "--debug"])


def test_a_figure_that_cannot_be_written_leaves_nothing(monkeypatch, tmp_path):
    (tmp_path / "training.svg").write_text("the one before")

    def raised(self, path, **options):
        path.write_text("half a figure")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", raised)

    training = xr.Dataset(
        {n: (("epoch", "replica"), [[1.0], [0.5]], {"long_name": n, "units": "1"})
         for n in ("loss", "accuracy", "test_loss", "test_accuracy")},
        coords={"epoch": [0, 1]},
    )  # fmt: skip
    with pytest.raises(WorkError, match=r"training.svg could not be written \(No space left"):
        drawing.draw({"training": training}, tmp_path, names=["training"], formats=["svg"])
    assert [path.name for path in tmp_path.iterdir()] == ["training.svg"]
    assert (tmp_path / "training.svg").read_text() == "the one before"
