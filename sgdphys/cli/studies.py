"""Commands of studies and of the installation: write, describe, list, examine."""

from pathlib import Path
from typing import Annotated

import typer

from sgdphys.cli.application import app
from sgdphys.errors import InputError
from sgdphys.terminal import print_paragraph, print_table, say


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


@app.command(epilog="Example: sgdphys studies")
def studies() -> None:
    """List the studies that come with sgdphys."""
    from sgdphys.study.files import load_study, shipped_studies

    for name, path in shipped_studies().items():
        say(f"{name:24} {load_study(path)[1].title}")


@app.command(epilog="Example: sgdphys statistics --of information")
def statistics(
    statistic: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    of: Annotated[str | None, typer.Option(help="Only those that this analysis brings.")] = None,
) -> None:
    """List what the claims of a study can be about, by the analysis that brings it."""
    from sgdphys.analyses.catalogue import statistics as known
    from sgdphys.errors import nearest

    by_analysis = sorted((s.needs[0], name, s) for name, s in known().items())
    kinds = list(dict.fromkeys(kind for kind, *_ in by_analysis))
    if of is not None and of not in kinds:
        raise InputError(f"--of is {of!r}; {nearest(of, kinds)}")
    if statistic is not None and statistic not in known():
        raise InputError(f"there is no statistic {statistic!r}; {nearest(statistic, known())}")
    rows: list[tuple[str, ...]] = [("statistic", "analysis: what it measures")]
    for kind, name, one in by_analysis:
        if of in (None, kind) and statistic in (None, name):
            unit = f" ({one.unit})" if one.unit not in ("", "1") else ""
            rows.append((name, f"{kind}: {one.measures}{unit}"))
    print_table(rows, text_last=True)


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
