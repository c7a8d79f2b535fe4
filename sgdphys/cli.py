"""The command line: parse, call, print, and exit with a status.

The status is 0 for success, 1 when the work failed, 2 for a wrong command or input.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import sgdphys
from sgdphys.errors import InputError
from sgdphys.failures import tell_end, tell_error
from sgdphys.supervision import supervised
from sgdphys.terminal import open_streams, print_paragraph, print_table, progress, say

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


def _studies_named(begun: str) -> list[str]:
    """Included studies and files of the working folder, for the completion of a shell."""
    from sgdphys.study.files import shipped_studies

    there = [*shipped_studies(), *map(str, Path().glob("*.toml"))]
    return [name for name in there if name.startswith(begun)]


_STYLE = "Style of figures: prl and prl-two, one and two columns of Physical Review; slides."
_SIZE = "Inches, as in 3.4x2.6."
_Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="A Dask scheduler whose workers do it: tcp://HOST:8786."),
]


@app.command(epilog="Example: sgdphys run information_plane --quick")
def run(
    study: Annotated[
        str,
        typer.Argument(
            help="A TOML file, or the name of an included study.", autocompletion=_studies_named
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run.", show_default="runs/NAME")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Override a key of the study: train.replicas=5. May be repeated.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Use few epochs and replicas; every stage and figure is kept."
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processors to use: threads that train, and processes that analyse and draw.",
            show_default="SGDPHYS_THREADS, or all",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="What the recording is kept in: netcdf, or zarr.", show_default="netcdf"),
    ] = None,
    scheduler: _Scheduler = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh/--resume", help="Start again, or resume the run in the folder."),
    ] = False,
) -> None:
    """Carry out a study: train, record, analyse, draw. The same command resumes it."""
    from sgdphys.study import running, summary

    started = time.perf_counter()
    with progress() as (tell, advance):
        result = running.run(
            study,
            out,
            settings=[*(settings or ()), *([] if store is None else [f"record.store={store}"])],
            quick=quick,
            fresh=fresh,
            threads=workers,
            scheduler=scheduler,
            tell=tell,
            progress=advance,
        )
    tables = summary.tables(result)
    lines = summary.closing_lines(result, time.perf_counter() - started)
    for title, rows in tables:  # once all could be made
        say(title)
        print_table(rows)
        say("")
    for line in lines:
        print_paragraph(line)


@app.command(epilog="Example: sgdphys fit beads.csv --time t --figure fit.png")
def fit(
    file: Annotated[
        str,
        typer.Argument(
            help="A run, a trajectory, or a netCDF, Zarr, .npy, .npz, .csv or .parquet file.",
        ),
    ],
    variable: Annotated[
        str | None,
        typer.Option(help="The variable, array or column to fit.", show_default="theta"),
    ] = None,
    group: Annotated[str | None, typer.Option(help="Group of a netCDF file or Zarr store.")] = None,
    time_axis: Annotated[
        str | None,
        typer.Option(
            "--time",
            help="Dimension, coordinate, column or array of times; or the spacing of the points, "
            "as in 0.5 or '0.5 s'.",
            show_default="found by its name",
        ),
    ] = None,
    along: Annotated[
        str | None,
        typer.Option(
            help="Project the weights: pca:10, layer-norm or random:50.", metavar="DIRECTIONS"
        ),
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option(
            help="Number of series on which models are compared, or all.", show_default="400"
        ),
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="The models to compare, as in wiener,ou,fbm.", show_default="all"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the results to this netCDF file.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw a figure to this PNG, SVG or PDF file.")
    ] = None,
    style: Annotated[str | None, typer.Option(help=_STYLE, show_default="the report's")] = None,
    size: Annotated[str | None, typer.Option(help=_SIZE, metavar="WIDTHxHEIGHT")] = None,
    scheduler: _Scheduler = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Compare models of diffusion of every series: which is the best, or why none is.

    First table, medians over the series, of each process whether or not it is the best. apparent D:
    Var(dX)/(2 dt) from point to point, that of a Wiener process with drift, and its quartiles over
    the series. drift / sigma: absolute drift of that process over its noise amplitude. kappa T:
    relaxation rate times duration, the number of relaxation times in the recording. H: Hurst
    exponent, MSD ~ t^(2H), 0.5 for a Wiener process. tail index: stability index of the increments,
    2 if Gaussian. best: the share of series for which each model is best, and of none where the
    best model is rejected. Then the coefficients of the best models, and why series have none.
    docs/models.md says what the models are.
    """
    with progress("fitting", every=2.0, never_silent=True) as (tell, advance):
        from sgdphys.trajectory.locations import is_remote, location
        from sgdphys.trajectory.segments import parts_of

        path = location(file)
        # before anything is loaded; a recording that goes on, or was cut off, has parts alone
        if not (is_remote(path) or path.exists() or parts_of(path).exists()):
            raise InputError(f"there is no file or folder {file}")
        tell(f"loading, then reading {file}")
        from sgdphys.fitting import output
        from sgdphys.fitting.fits import fit_file

        for target in (out, figure):
            if target is not None:
                output.refuse_source(target, path)
                if not target.parent.is_dir():
                    raise InputError(f"there is no folder {target.parent} for {target.name}")
        _require_store(out)
        inches = _inches(style, size)
        if figure is not None and figure.suffix not in (".png", ".svg", ".pdf"):
            raise InputError(f"--figure {figure}: the name must end in .png, .svg or .pdf")
        fitted = fit_file(
            path,
            variable=variable,
            time=_spacing_or_name(time_axis),
            group=group,
            along=along,
            sample=_number_or_all(sample),
            models=None if models is None else [name.strip() for name in models.split(",")],
            scheduler=scheduler,
            tell=tell,
            progress=advance,
        )
        if out is not None:
            output.write(fitted.results, out, path)
        if figure is not None:
            from sgdphys.figures.fits import panels
            from sgdphys.figures.portraits import portrait
            from sgdphys.figures.saving import draw_one

            tell(f"drawing {figure}")
            portrayed = portrait(fitted.results, fitted.sample, time=fitted.time)
            draw_one(panels, portrayed, figure, style, inches)
    if json:
        from json import dumps

        say(dumps(output.as_json(fitted.results), indent=2))
    else:
        print_table(output.table(fitted.results))
        for rows in (output.models_table, output.rejections_table):
            if found := rows(fitted.results):
                say("")
                print_table(found, text_last=True)
        if explained := output.explanations(fitted.results):
            say("")
        for sentence in explained:
            print_paragraph(sentence)
    for note in fitted.notes:
        say(note, error=True)


def _require_store(out: Path | None) -> None:
    """Refuse a name by which other programs would take a netCDF file for something else."""
    if out is not None and out.suffix not in (".nc", ".zarr"):
        raise InputError(f"--out {out}: the name must end in .nc or .zarr")


def _number_or_all(sample: str | None) -> int | str | None:
    """Value of --sample: a number, or "all"."""
    if sample is None or sample == "all":
        return sample
    try:
        return int(sample)
    except ValueError:
        raise InputError(f"--sample is {sample!r}; give a number, or all") from None


def _spacing_or_name(time: str | None) -> str | float | None:
    """Value of --time: a number is the spacing of the points."""
    try:
        return None if time is None else float(time)
    except ValueError:
        return time


@app.command(name="import", epilog="Example: sgdphys import checkpoints/ --out mine.nc")
def import_checkpoints(
    checkpoints: Annotated[
        list[str],
        typer.Argument(
            metavar="CHECKPOINTS...",
            help="Files, folders or patterns: .safetensors, .pt, .pth, .bin, .ckpt, .npz; or one "
            "file of arrays: .npz, .npy, .nc.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Write the trajectory to this netCDF file.")],
    steps: Annotated[
        str | None,
        typer.Option(
            help="Steps of the checkpoints: 1,2,3.", show_default="read from the checkpoints"
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Key of the weights in each file: ema.net.")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(help="Pattern of the file names: '*step={step}*' or '*epoch={epoch}*'."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Class that may be unpickled. May be repeated.", metavar="PACKAGE.CLASS"),
    ] = None,
    time_axis: Annotated[
        str | None, typer.Option("--time", help="Array files: name or axis of time.")
    ] = None,
    over: Annotated[
        str | None, typer.Option(help="Array files: name or axis of the replicas.")
    ] = None,
) -> None:
    """Convert saved checkpoints to a trajectory; only numbers and allowed classes are unpickled."""
    from sgdphys.trajectory.checkpoints import read_checkpoints

    _require_store(out)
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


@app.command(epilog="Example: sgdphys figures runs/information_plane --only training --format pdf")
def figures(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Draw only this figure. May be repeated.", metavar="NAME"),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Formats, separated by commas: png,svg,pdf.",
            show_default="the study's",
        ),
    ] = None,
    style: Annotated[str | None, typer.Option(help=_STYLE, show_default="the report's")] = None,
    size: Annotated[str | None, typer.Option(help=_SIZE, metavar="WIDTHxHEIGHT")] = None,
    data: Annotated[
        bool | None,
        typer.Option(
            "--data/--no-data",
            help="Write the numbers of each figure beside it, as CSV and netCDF.",
            show_default="the study's",
        ),
    ] = None,
    scheduler: _Scheduler = None,
) -> None:
    """Draw the figures of a run, and write the numbers that each one shows beside it."""
    from sgdphys.errors import nearest
    from sgdphys.study.runs import Run

    wanted = [f.strip() for f in formats.split(",")] if formats else None
    for name in wanted or []:
        if name not in ("png", "svg", "pdf"):
            raise InputError(f"--format {name}: {nearest(name, ('png', 'svg', 'pdf'))}")
    inches = _inches(style, size)
    for path in Run(run_folder).write_figures(
        only or None, wanted, style=style, size=inches, data=data, scheduler=scheduler
    ):
        say(str(path))


def _inches(style: str | None, size: str | None) -> tuple[float, float] | None:
    """Value of --size: width and height; and whether --style is known."""
    from sgdphys.figures.presets import preset_of

    if size is None:
        if style is not None:
            preset_of(style)
        return None
    if style is None:
        raise InputError("--size needs --style, as in --style prl --size 3.4x2.6")
    width, _, height = size.partition("x")
    try:
        inches = float(width), float(height)
    except ValueError:
        raise InputError(f"--size is {size!r}; give width and height in inches: 3.4x2.6") from None
    preset_of(style, inches)
    return inches


@app.command(epilog="Example: sgdphys report runs/information_plane --open")
def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Folders of runs; several are shown side by side."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Write the page to this file.", show_default="RUN/report.html"),
    ] = None,
    pdf: Annotated[
        bool,
        typer.Option("--pdf", help="Draw figures as PDF, too, to be saved from the page."),
    ] = False,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Write one self-contained HTML page: verdicts, figures, and the animated information plane."""
    from sgdphys.report.page import write_report

    path = write_report(runs, out, draws_pdf=pdf)
    say(f"{path}, {path.stat().st_size / 1e6:.1f} MB")
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())


@app.command(epilog="Example: sgdphys verdicts runs/information_plane --out verdicts.md")
def verdicts(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Folders of runs; those after the first are of the same claims on other seeds, or "
            "with --index of other studies.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
    index: Annotated[
        bool, typer.Option("--index", help="List the studies, with how many verdicts of each word.")
    ] = False,
    append: Annotated[
        Path | None, typer.Option(help="A file of Markdown that the page ends with.")
    ] = None,
) -> None:
    """Write the verdicts of a run as a page of Markdown."""
    from sgdphys.report.verdict_page import study_index, verdict_page
    from sgdphys.trajectory.writer import write_text

    if append is not None and not append.is_file():
        raise InputError(f"there is no file {append}")
    text = study_index(runs) if index else verdict_page(runs)
    if append is not None:
        text += "\n" + append.read_text(encoding="utf-8")
    if out is None:
        say(text)
        return
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent} for {out.name}")
    write_text(text, out)


@app.command(epilog="Example: sgdphys new my_study")
def new(
    name: Annotated[str, typer.Argument(help="Name of the study, and of its file.")],
) -> None:
    """Write a commented study to start from.

    A file that exists is not changed.
    """
    from sgdphys.study.template import SCHEMA_FILE, new_study

    path = new_study(name)
    say(f"wrote {path}; try it: sgdphys run {path} --quick")
    say(f"for an editor that completes and checks its keys: sgdphys schema --out {SCHEMA_FILE}")


@app.command(epilog="Example: sgdphys schema --out sgdphys.schema.json")
def schema(
    out: Annotated[
        Path | None, typer.Option(help="Write to this file.", show_default="standard output")
    ] = None,
) -> None:
    """Print the JSON schema of a study, for editors.

    It has every key with its meaning, its default and the values that it can have.
    """
    from json import dumps

    from sgdphys.study.json_schema import study_schema
    from sgdphys.trajectory.writer import write_text

    text = dumps(study_schema(), indent=2)
    if out is None:
        say(text)
        return
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent} for {out.name}")
    write_text(text + "\n", out)
    say(f"wrote {out}")


@app.command(epilog="Example: sgdphys runs")
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder of runs, or of one run.")] = Path("runs"),
) -> None:
    """List runs: state, size, date and verdicts."""
    from sgdphys.study.listing import list_runs

    print_table(list_runs(folder), text_last=True)


@app.command(epilog="Example: sgdphys doctor")
def doctor() -> None:
    """Examine this machine, and test sgdphys on it.

    The exit status is 1 if something is broken. It takes some seconds, and a minute or two where
    kernels have not been compiled yet.
    """
    from sgdphys.doctor.checks import examine

    states = []
    for name, found in examine():
        states.append(found.state)
        print_paragraph(f"{found.state:6}  {name}: {found.said}")
        if found.advice:
            print_paragraph(f"        {found.advice}")
    if "broken" in states:
        raise typer.Exit(1)


@app.command(epilog="Example: sgdphys studies")
def studies() -> None:
    """List the studies that come with sgdphys."""
    from sgdphys.study.files import load_study, shipped_studies

    for name, path in shipped_studies().items():
        say(f"{name:24} {load_study(path)[1].title}")


@app.command(epilog="Example: sgdphys statistics --of information")
def statistics(
    of: Annotated[str | None, typer.Option(help="Only those that this analysis brings.")] = None,
) -> None:
    """List what the claims of a study can be about, by the analysis that brings it."""
    from sgdphys.analyses.catalogue import statistics as known
    from sgdphys.errors import nearest

    by_analysis = sorted((s.needs[0], name, s) for name, s in known().items())
    kinds = list(dict.fromkeys(kind for kind, *_ in by_analysis))
    if of is not None and of not in kinds:
        raise InputError(f"--of is {of!r}; {nearest(of, kinds)}")
    rows: list[tuple[str, ...]] = [("statistic", "analysis: what it measures")]
    for kind, name, statistic in by_analysis:
        if of in (None, kind):
            unit = f" ({statistic.unit})" if statistic.unit not in ("", "1") else ""
            rows.append((name, f"{kind}: {statistic.measures}{unit}"))
    print_table(rows, text_last=True)


@app.command(epilog="Example: sgdphys convert trajectory.nc trajectory.zarr")
def convert(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A netCDF file or Zarr store; or its URL.")
    ],
    target: Annotated[
        str,
        typer.Argument(metavar="TO", help="Ends in .zarr for a Zarr store, .nc for a netCDF file."),
    ],
) -> None:
    """Convert a netCDF file to a Zarr store, or back; what it cannot keep is refused.

    All numbers are compared, bit by bit, before the result takes its place.
    """
    from sgdphys.trajectory.conversion import convert as converted
    from sgdphys.trajectory.locations import bytes_of

    path = converted(source, target)
    say(f"{target}, {bytes_of(path) / 1e6:.1f} MB")


@app.command(epilog="Example: sgdphys info runs/information_plane")
def info(
    path: Annotated[str, typer.Argument(help="A netCDF file, Zarr store or the folder of a run.")],
) -> None:
    """Summarise a trajectory or a run."""
    from sgdphys.study.summary import describe

    for line in describe(path):
        say(line)


@app.command(epilog="Example: sgdphys check my_study.toml")
def check(
    path: Annotated[
        str,
        typer.Argument(
            help="A netCDF file, Zarr store, the folder of a run, or the TOML of a study."
        ),
    ],
) -> None:
    """Check a trajectory, a run, or the TOML of a study.

    Of a trajectory the structure and checksums, of a study the keys, what they need, and the data
    that they name. The exit status is 1 for a damaged trajectory, 2 for a study that cannot be
    carried out.
    """
    if path.endswith(".toml"):
        from sgdphys.study.experiment import require_readable
        from sgdphys.study.files import load_study, parts_of

        _, study = load_study(path)
        require_readable(parts_of(study, path).values() or [study])
        say(f"{path}: valid")
        return
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
        say(f"{path}: {said}: no checksum, so damage to the numbers cannot be detected")
    say(f"{path}: valid")
