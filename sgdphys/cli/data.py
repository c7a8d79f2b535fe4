"""Commands of data: fit, import, convert, summarise, check."""

from pathlib import Path
from typing import Annotated

import typer

from sgdphys.cli.application import app
from sgdphys.cli.options import SIZE, STYLE, Scheduler, inches_of, require_store
from sgdphys.errors import InputError
from sgdphys.terminal import print_paragraph, print_table, progress, say


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
    since: Annotated[
        str | None,
        typer.Option(
            help="Leave out points before this time, for instance a transient: a number in the "
            "unit of the times, or as in '50 s'; of dates a date, or seconds since the first.",
            metavar="TIME",
            show_default="the first",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="Leave out points after this time.", metavar="TIME", show_default="the last"
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
            help="About how many series models are compared on, or all.", show_default="400"
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
    style: Annotated[str | None, typer.Option(help=STYLE, show_default="the report's")] = None,
    size: Annotated[str | None, typer.Option(help=SIZE, metavar="WIDTHxHEIGHT")] = None,
    scheduler: Scheduler = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Compare models of diffusion of every series: which is the best, or why none is.

    First table, medians over the series, of each process whether or not it is the best. apparent D:
    Var(dX)/(2 dt) from point to point, that of a Wiener process with drift, and its quartiles over
    the series. drift / sigma: absolute drift of that process over its noise amplitude. kappa T:
    relaxation rate times duration, the number of relaxation times in the recording. H: Hurst
    exponent, MSD ~ t^(2H), 0.5 for a Wiener process. tail index: stability index of the increments,
    2 if Gaussian. best: the share of series for which each model is best, and of none where the
    best model is rejected. Second table: coefficients of the best models with their 95% intervals;
    of many series, medians of the values and of both ends. Below: what each coefficient is, why
    series have no model, and which models were not compared. docs/models.md says what the models
    are.
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
        require_store(out)
        inches = inches_of(style, size)
        if figure is not None and figure.suffix not in (".png", ".svg", ".pdf"):
            raise InputError(f"--figure {figure}: the name must end in .png, .svg or .pdf")
        fitted = fit_file(
            path,
            variable=variable,
            time=_number_or_text(time_axis),
            group=group,
            since=_number_or_text(since),
            until=_number_or_text(until),
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
        if chosen := output.models_table(fitted.results):
            say("")
            print_table(chosen, text_last=True)
            say("")
            for sentence in output.meanings(fitted.results):
                print_paragraph(sentence)
        if rejected := output.rejections_table(fitted.results):
            say("")
            print_table(rejected, text_last=True)
        if explained := output.explanations(fitted.results):
            say("")
        for sentence in explained:
            print_paragraph(sentence)
    for note in fitted.notes:
        say(note, error=True)


def _number_or_all(sample: str | None) -> int | str | None:
    """Value of --sample: a number, or "all"."""
    if sample is None or sample == "all":
        return sample
    try:
        return int(sample)
    except ValueError:
        raise InputError(f"--sample is {sample!r}; give a number, or all") from None


def _number_or_text(time: str | None) -> str | float | None:
    """Value of --time, of which a number is the spacing of the points, and of --since."""
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

    require_store(out)
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

    Of a trajectory the structure and checksums, of a run its results and verdicts, too, of a study
    the keys, what they need, and the data that they name. The exit status is 1 for what is
    damaged, 2 for a study that cannot be carried out.
    """
    if path.endswith(".toml"):
        from sgdphys.study.experiment import require_readable
        from sgdphys.study.files import load_study, parts_of

        _, study = load_study(path)
        require_readable(parts_of(study, path).values() or [study])
        say(f"{path}: valid")
        return
    from sgdphys.study.runs import Run
    from sgdphys.study.study_file import STUDY_FILE
    from sgdphys.trajectory.reader import check as faults_of
    from sgdphys.trajectory.reader import unprotected

    faults = faults_of(path)
    if (Path(path) / STUDY_FILE).is_file():
        faults += Run(path).faults()
    for fault in faults:
        says_where = fault.startswith(tuple(f"{Path(path)}{after}" for after in " /:"))
        say(fault if says_where else f"{path}: {fault}")
    if faults:
        raise typer.Exit(1)
    without = unprotected(path)
    if without:
        many = f"{path}: {len(without)} files have"
        said = f"{without[0]} has" if len(without) == 1 else many
        say(f"{said} no checksum, so damage to the numbers cannot be detected")
    say(f"{path}: valid")
