"""The command line as one application, and how it ends.

The status is 0 for success, 1 when the work failed, 2 for a wrong command or input.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import sgdphys
from sgdphys.failures import tell_end, tell_error
from sgdphys.supervision import supervised
from sgdphys.terminal import open_streams, say

app = typer.Typer(
    name="sgdphys",
    help="Training dynamics of neural networks as a physics experiment.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_STOPPED = "stopped; finished segments are kept, and the same command resumes after them"


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its status.

    With ``arguments``, given by a program, the command runs in the process of that program.
    """
    open_streams()
    if arguments is not None:
        sys.exit(_status(arguments))
    arguments = sys.argv[1:]
    sentence = _STOPPED if arguments[:1] == ["run"] else "interrupted"
    sys.exit(
        supervised(lambda is_interrupted: _status(arguments, is_interrupted), tell_end, sentence)
    )


def _status(arguments: list[str], is_interrupted: Callable[[], bool] = lambda: False) -> int:
    """Carry out a command, report its error, and return its status.

    A library may turn an interruption into an error of its own, which is not reported.
    """
    # figures are drawn to files, whatever backend a matplotlibrc in this folder names
    os.environ.setdefault("MPLBACKEND", "agg")
    debug = "--debug" in arguments
    try:
        status = app(
            args=[a for a in arguments if a != "--debug"], prog_name="sgdphys",
            standalone_mode=False,
        )  # fmt: skip
        sys.stdout.flush()
    except Exception as error:
        if debug:
            raise
        if is_interrupted():
            return 1
        return tell_error(error)
    return status if isinstance(status, int) else 0


def _version(wanted: bool) -> None:
    if wanted:
        say(f"sgdphys {sgdphys.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Training dynamics of neural networks as a physics experiment.

    Add --debug to any command for the traceback of an error.
    """
    if context.invoked_subcommand is None:
        say(context.get_help())
