"""Commands of runs: carry out a study, draw, report, list."""

import time
from pathlib import Path
from typing import Annotated

import typer

from sgdphys.cli.application import app
from sgdphys.cli.options import SIZE, STYLE, Scheduler, inches_of
from sgdphys.errors import InputError
from sgdphys.terminal import print_paragraph, print_table, progress, say


def _studies_named(begun: str) -> list[str]:
    """Included studies and files of the working folder, for the completion of a shell."""
    from sgdphys.study.files import shipped_studies

    there = [*shipped_studies(), *map(str, Path().glob("*.toml"))]
    return [name for name in there if name.startswith(begun)]


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
    scheduler: Scheduler = None,
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


@app.command(epilog="Example: sgdphys figures runs/information_plane --only training --format pdf")
def figures(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            help="Figures to draw, separated by commas: training,verdicts.",
            metavar="NAMES",
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Formats, separated by commas: png,svg,pdf.",
            show_default="the study's",
        ),
    ] = None,
    style: Annotated[str | None, typer.Option(help=STYLE, show_default="the report's")] = None,
    size: Annotated[str | None, typer.Option(help=SIZE, metavar="WIDTHxHEIGHT")] = None,
    data: Annotated[
        bool | None,
        typer.Option(
            "--data/--no-data",
            help="Write the numbers of each figure beside it, as CSV and netCDF.",
            show_default="the study's",
        ),
    ] = None,
    scheduler: Scheduler = None,
) -> None:
    """Draw the figures of a run, and write the numbers that each one shows beside it."""
    from sgdphys.errors import nearest
    from sgdphys.study.runs import Run

    names = [name.strip() for name in only.split(",") if name.strip()] if only else None
    wanted = [f.strip() for f in formats.split(",")] if formats else None
    for name in wanted or []:
        if name not in ("png", "svg", "pdf"):
            raise InputError(f"--format {name}: {nearest(name, ('png', 'svg', 'pdf'))}")
    inches = inches_of(style, size)
    for path in Run(run_folder).write_figures(
        names, wanted, style=style, size=inches, data=data, scheduler=scheduler
    ):
        say(str(path))


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
        typer.Option("--pdf", help="Draw figures of a single run as PDF, too, to be saved."),
    ] = False,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Write one self-contained HTML page: verdicts, figures, and the animated information plane."""
    from sgdphys.report.contents import missing_from
    from sgdphys.report.page import write_report
    from sgdphys.study.runs import Run

    path = write_report(runs, out, draws_pdf=pdf)
    say(f"{path}, {path.stat().st_size / 1e6:.1f} MB")
    for folder in runs:
        for sentence in missing_from(Run(folder)):
            print_paragraph(f"{folder}: {sentence}")
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


@app.command(epilog="Example: sgdphys runs")
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder of runs, or of one run.")] = Path("runs"),
) -> None:
    """List runs: state, size, date and verdicts."""
    from sgdphys.study.listing import list_runs

    print_table(list_runs(folder), text_last=True)
