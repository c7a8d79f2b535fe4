"""The command line: parses, calls, prints, and turns errors into one sentence and an exit code.

0 when done, 1 when the work failed, 2 for a wrong command or input.
"""

import errno
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

import sgdphys
from sgdphys.errors import InputError, WorkError
from sgdphys.supervision import supervised
from sgdphys.terminal import open_streams, print_table, progress, say

app = typer.Typer(
    name="sgdphys",
    help="Training dynamics of neural networks as a physics experiment.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_STOPPED = "stopped; finished segments are kept, and the same command resumes after them"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the command; exits with its status.

    With arguments, which a program gives, it is carried out in the program's own process.
    """
    open_streams()
    if arguments is not None:
        sys.exit(_status(arguments))
    arguments = sys.argv[1:]
    sentence = _STOPPED if arguments[:1] == ["run"] else "interrupted"
    sys.exit(supervised(lambda is_interrupted: _status(arguments, is_interrupted), _tell, sentence))


def _status(arguments: list[str], is_interrupted: Callable[[], bool] = lambda: False) -> int:
    """Carry out a command and return its status; what went wrong is said.

    A library may turn an interruption into an error of its own, which is not worth a sentence.
    """
    # all is drawn to files, whatever a matplotlibrc in this folder names
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
        return _tell_error(error)
    return status if isinstance(status, int) else 0


def _tell(sentence: str) -> None:
    """Say why the command ends, where anybody listens."""
    with suppress(OSError):
        say(f"sgdphys: {sentence}", error=True)


def _tell_error(error: Exception) -> int:
    """Say an error in a sentence and return its exit status."""
    if hasattr(error, "format_message"):  # typer's errors of usage
        _tell(f"{error.format_message().rstrip('.')}; see sgdphys --help")
        return 2
    if isinstance(error, OSError):
        _discard_output()
    if isinstance(error, BrokenPipeError):  # whoever read our output has gone
        return 1
    if isinstance(error, InputError | WorkError):
        _tell(str(error))
    elif isinstance(error, OSError) and error.strerror:
        _tell(_of_system(error))
    elif isinstance(error, UnicodeEncodeError):
        _tell(f"a name is no text in {error.encoding}; set PYTHONUTF8=1, or give another name")
    elif isinstance(error, MemoryError):
        _tell("there is not enough memory for this")
    else:
        text = " ".join(str(error).split()) or "no message"
        _tell(f"{type(error).__name__}: {text} (give --debug for the traceback)")
    return 2 if isinstance(error, InputError) else 1


def _of_system(error: OSError) -> str:
    """What the operating system refused, as a sentence."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if error.errno in _FULL:
        return (
            f"the disk{' of ' * bool(where)}{where} is full; make room, and give the command again"
        )
    reason = (error.strerror or "").lower()
    return f"{where} cannot be read or written: {reason}" if where else f"it failed: {reason}"


def _discard_output() -> None:
    """Let what is still to be printed go nowhere: Python would fail again at its own end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(wanted: bool) -> None:
    if wanted:
        say(f"sgdphys {sgdphys.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Training dynamics of neural networks as a physics experiment.

    Give --debug for the traceback of an error.
    """


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped study.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run.", show_default="runs/NAME")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key: train.replicas=5.", metavar="KEY=VALUE"),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few epochs and replicas, every stage and figure.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads.", show_default="SGDPHYS_THREADS, or all processors"),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh/--resume", help="Begin anew, or carry on with what is there."),
    ] = False,
) -> None:
    """Carry out a study: train, record, draw. Given again, it resumes."""
    from sgdphys.study import running, summary

    started = time.perf_counter()
    with progress() as (tell, advance):
        result = running.run(
            study,
            out,
            settings=settings or (),
            quick=quick,
            fresh=fresh,
            threads=workers,
            tell=tell,
            progress=advance,
        )
    tables = [summary.layer_table(result), summary.verdict_table(result)]
    last = summary.table(result, time.perf_counter() - started)
    for rows in tables:  # once all could be made
        if rows:
            print_table(rows)
            say("")
    print_table(last)


@app.command()
def fit(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A run, a trajectory, any netCDF file, .npy, .npz, .csv, .parquet."
        ),
    ],
    variable: Annotated[
        str | None,
        typer.Option(help="What to fit: a variable, an array, a column.", show_default="theta"),
    ] = None,
    group: Annotated[str | None, typer.Option(help="Group of a netCDF file.")] = None,
    time_axis: Annotated[
        str | None,
        typer.Option(
            "--time",
            help="Dimension, coordinate or column of time; or the spacing of the points.",
            show_default="by its name",
        ),
    ] = None,
    along: Annotated[
        str | None,
        typer.Option(help="Directions: pca:10, layer-norm, random:50.", metavar="DIRECTIONS"),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Series to compare models on.", show_default="400")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write results to this netCDF file.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw to this PNG, SVG or PDF.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON alone.")] = False,
) -> None:
    """Say what kind of diffusion a trajectory is: Wiener, Ornstein-Uhlenbeck, fractional, Levy."""
    from sgdphys.fitting.fits import fit_file
    from sgdphys.fitting.telling import as_json, explanations, refuse_source, table, write

    for target in (out, figure):
        if target is not None:
            refuse_source(target, path)
            if not target.parent.is_dir():
                raise InputError(f"there is no folder {target.parent} for {target.name}")
    if figure is not None and figure.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"--figure {figure}: its name must end in .png, .svg or .pdf")
    fitted = fit_file(
        path,
        variable=variable,
        time=_spacing_or_name(time_axis),
        group=group,
        along=along,
        sample=sample,
    )
    if out is not None:
        write(fitted.results, out, path)
    if figure is not None:
        from sgdphys.figures.fits import panels
        from sgdphys.figures.saving import draw_one
        from sgdphys.fitting.portraits import portrait

        draw_one(panels, portrait(fitted), figure)
    if json:
        from json import dumps

        say(dumps(as_json(fitted.results), indent=2))
        return
    print_table(table(fitted.results))
    for sentence in explanations(fitted.results):
        say(sentence)
    for note in fitted.notes:
        say(note, error=True)


def _spacing_or_name(time: str | None) -> str | float | None:
    """What --time says: a number is the spacing of the points."""
    try:
        return None if time is None else float(time)
    except ValueError:
        return time


@app.command(name="import")
def import_checkpoints(
    checkpoints: Annotated[
        list[str],
        typer.Argument(
            metavar="CHECKPOINTS...",
            help="Files, folders or patterns: .safetensors, .pt, .pth, .npz; or one array file.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Write the trajectory to this netCDF file.")],
    steps: Annotated[
        str | None,
        typer.Option(help="Steps of the checkpoints, as 1,2,3.", show_default="as they say"),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Where the weights are in a file, as ema.net.")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Names to take, as '*step={step}*'; {epoch} likewise.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="A class that may be unpickled.", metavar="PACKAGE.CLASS"),
    ] = None,
    time_axis: Annotated[
        str | None, typer.Option("--time", help="Of arrays: name or axis of time.")
    ] = None,
    over: Annotated[
        str | None, typer.Option(help="Of arrays: name or axis of the replicas.")
    ] = None,
) -> None:
    """Turn saved checkpoints into a trajectory; only numbers and classes you allow are read."""
    from sgdphys.trajectory.checkpoints import read_checkpoints

    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent} for {out.name}")
    try:
        numbers = None if steps is None else [int(s) for s in steps.split(",")]
    except ValueError:
        raise InputError(f"--steps {steps}: give whole numbers, as in --steps 1,2,3") from None
    tree = read_checkpoints(
        checkpoints, steps=numbers, key=key, pattern=pattern, allow=allow or (), time=time_axis,
        over=over, out=out, tell=say,
    )  # fmt: skip
    found, weights = tree["weights"]["step"].to_numpy(), tree["weights"]
    counted = {"updates": "steps", "epochs": "epochs"}.get(str(tree.attrs["clock"]), "numbers")
    say(
        f"{len(found)} checkpoints of {weights.sizes['parameter']} parameters, {counted} "
        f"{found[0]} to {found[-1]}, in {out}"
    )


@app.command()
def figures(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Draw this figure alone.", metavar="NAME")
    ] = None,
    formats: Annotated[
        str | None, typer.Option("--format", help="Any of png,svg,pdf.", show_default="the study's")
    ] = None,
) -> None:
    """Draw the figures of a run."""
    from sgdphys.errors import nearest
    from sgdphys.study.runs import Run

    wanted = [f.strip() for f in formats.split(",")] if formats else None
    for name in wanted or []:
        if name not in ("png", "svg", "pdf"):
            raise InputError(f"--format {name}: {nearest(name, ('png', 'svg', 'pdf'))}")
    for path in Run(run_folder).write_figures(only or None, wanted):
        say(str(path))


@app.command()
def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, side by side.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write the page here.", show_default="RUN/report.html")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
) -> None:
    """Write one self-contained page: verdicts, figures, the plane to be played."""
    from sgdphys.report.page import write_report

    path = write_report(runs, out)
    say(f"{path}, {path.stat().st_size / 1e6:.1f} MB")
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())


@app.command()
def studies() -> None:
    """List the studies that come with sgdphys."""
    from sgdphys.study.files import load_study, shipped_studies

    for name, path in shipped_studies().items():
        say(f"{name:24} {load_study(path)[1].title}")


@app.command()
def info(
    path: Annotated[Path, typer.Argument(help="A netCDF file or the folder of a run.")],
) -> None:
    """Say what a trajectory holds."""
    from sgdphys.study.summary import describe

    for line in describe(path):
        say(line)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A netCDF file or the folder of a run.")],
) -> None:
    """Name every fault of a trajectory; exit status 1 if there is any."""
    from sgdphys.trajectory.reader import check as faults_of
    from sgdphys.trajectory.reader import unprotected

    faults = faults_of(path)
    for fault in faults:
        say(f"{path}: {fault}")
    if faults:
        raise typer.Exit(1)
    without = unprotected(path)
    if without:
        said = without[0] if len(without) == 1 else f"{len(without)} files"
        say(f"{path}: {said}: no checksum, so that damage to its numbers cannot be seen")
    say(f"{path}: valid")
