"""Pages that are generated from the program when the documentation is built: docs/generated/.

Commands, keys of studies, statistics, claims, figures, the schema of files, the API by task,
the glossary, the included studies, and a notebook of every tutorial.
"""

import re
import shutil
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pages
from api import TASKS

ROOT = pages.ROOT
NOTE = "<!-- generated from the program by docs/generate.py -->\n\n"


def write(folder: Path) -> None:
    """Write every generated page below a folder."""
    target = folder / "generated"
    shutil.rmtree(target, ignore_errors=True)
    (target / "api").mkdir(parents=True)
    made = {
        "commands": commands(),
        "keys": keys(),
        "statistics": statistics(),
        "claims": claims(),
        "figures": figures(),
        "schema": schema(),
        "glossary": glossary(),
        "studies": studies(),
        "changelog": of_root("CHANGELOG.md"),
        "contributing": of_root("CONTRIBUTING.md"),
        **{f"api/{name}": text for name, text in api()},
    }
    for name, text in made.items():
        (target / f"{name}.md").write_text(NOTE + text.strip() + "\n", encoding="utf-8")
    for page in sorted((folder / "tutorials").glob("*.md")):
        notebook(page, target / f"{page.stem}.ipynb")


def of_root(name: str) -> str:
    """A page of the repository's root, with its links as they are from here."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"\]\(docs/", "](../", text)


def commands() -> str:
    """Every command with its arguments and options, from the program that parses them."""
    import typer

    from sgdphys.cli import app

    group: Any = typer.main.get_command(app)
    text = "# Commands\n\nEvery command has `--help`; `--debug` adds the traceback of an error. "
    text += "The exit status is 0 for success, 1 when the work failed, 2 for a wrong command or "
    text += "input.\n"
    for name, command in group.commands.items():
        if command.hidden:
            continue
        words = [f"sgdphys {name}"]
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                words.append(parameter.metavar or (parameter.name or "").upper())
        text += f"\n## sgdphys {name}\n\n```text\n{' '.join(words)} [OPTIONS]\n```\n\n"
        text += _paragraphs(command.help or "")
        if command.epilog:
            kind, _, example = command.epilog.partition(": ")
            text += f"{kind}: `{example}`\n\n"
        for parameter in command.params:
            if parameter.name != "help":
                text += _parameter(parameter)
    return text


def _parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or (parameter.name or '').upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        if not parameter.is_flag:
            names += f" `{parameter.metavar or (parameter.name or '').upper()}`"
    said = _escaped((parameter.help or "").strip())
    default = parameter.show_default
    if isinstance(default, str):
        said += f" Default: {_escaped(default)}."
    return f"{names}\n: {said or '(no text)'}\n\n"


def _paragraphs(text: str) -> str:
    return "\n\n".join(_escaped(" ".join(p.split())) for p in text.split("\n\n")) + "\n\n"


def _escaped(text: str) -> str:
    """A plain text in Markdown; what stands in backticks is left as it is."""
    parts = re.split(r"(`[^`]*`)", text.replace("``", "`"))
    plain = (re.sub(r"([*_<>\[\]|$~])", r"\\\1", part) for part in parts[::2])
    return "".join(a + b for a, b in zip(plain, [*parts[1::2], ""], strict=True))


_KIND_OF_ANALYSIS = r'[:,] ``(?:\[analyses\.NAME\]`` with ``)?of = "\w+"``(?=\.)'
"""What a docstring of an analysis says of its kind, which the page says once for all."""


def keys() -> str:
    """Every table and key of a study, with its type, its default and its meaning."""
    from sgdphys.analyses import catalogue
    from sgdphys.claims.claim import Claim
    from sgdphys.study.settings import Figures, Network, Part, Record, Sweep, Task, Train

    text = """# Keys of a study

A study is a TOML file. Every key has a default, so that a study needs only the keys in which it
differs; a key that is not in these tables is refused. `sgdphys run STUDY --set TABLE.KEY=VALUE`
overrides one.

## Top level

`title` = text
: Title of the study.

`result` = text
: The sentence that is printed at the end of a run; names of claims or statistics in braces stand
  for their estimates.

"""
    shown: list[tuple[str, Any, str]] = [
        ("task", Task, "[task]"), ("network", Network, "[network]"), ("train", Train, "[train]"),
        ("record", Record, "[record]"), ("figures", Figures, "[figures]"),
        ("sweep", Sweep, "[sweep]"), ("parts", Part, "[parts]"), ("claims", Claim, "[claims.NAME]"),
    ]  # fmt: skip
    for table, model, title in shown:
        text += f"## {title}\n\n" + _model(table, model)
    text += "## [analyses.NAME]\n\nEach kind of analysis is a table of its own. `of` is its kind, "
    text += "and can be left out where NAME is the kind.\n\n"
    for kind, model in sorted(catalogue.settings().items()):
        text += f"### [analyses.{kind}]\n\n" + _model(f"analyses.{kind}", model)
    return text


def _model(table: str, model: Any) -> str:
    text = ""
    doc = model.__doc__ or ""
    attributes = dict(re.findall(r"^    (\w[\w, ]*?) : [^\n]*\n((?:        .*\n?)+)", doc, re.M))
    described = {n: v for k, v in attributes.items() for n in k.split(", ")}
    if (lead := doc.split("\n    Attributes\n")[0].strip()) and table != "sweep":
        text += _paragraphs(re.sub(rf"(?m)^    |{_KIND_OF_ANALYSIS}", "", lead))
    for name, field in model.model_fields.items():
        if name == "of":
            continue
        shown = field.alias or name
        meaning = " ".join((field.description or described.get(name) or "").split())
        if not meaning:
            raise LookupError(f"{table}.{shown} has no text that says what it means")
        default = "required" if field.is_required() else f"default `{_value(field.default)}`"
        text += (
            f"`{shown}`\n: {_sentence(meaning)} Value: {_kind(field.annotation, field.metadata)}; "
        )
        text += f"{default}.\n\n"
    return text


def _sentence(text: str) -> str:
    """A text that begins with a capital letter, unless that is a symbol, and ends with a stop."""
    if re.match(r"[a-z]{2,} ", text):
        text = text[0].upper() + text[1:]
    return _escaped(text) + ("" if text.endswith((".", "?")) else ".")


def _kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """A type in words."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "left out"
    if hasattr(annotation, "__metadata__"):
        return _kind(inside[0], annotation.__metadata__)
    if origin is Literal:
        return " or ".join(f"`{_value(v)}`" for v in inside)
    if origin is Union or type(annotation).__name__ == "UnionType":
        return " or ".join(_kind(a) for a in inside if a is not type(None))
    if origin is tuple:
        return "list of " + _kind(inside[0])
    if origin is dict or annotation is dict:
        return "table"
    fields = getattr(annotation, "model_fields", None)
    if fields is not None:
        return "`{ " + ", ".join(f"{n} = ..." for n in fields) + " }`"
    plain = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`"}
    limits = []
    for m in metadata:
        for sign, word in (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most")):
            limit = getattr(m, sign, None)
            if limit is not None and abs(limit) < 10**9:
                limits.append(f"{word} {limit:g}")
    return plain.get(annotation, "value") + "".join(f", {limit}" for limit in limits)


def _value(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, dict):
        return "{}"
    return "none" if value is None else f"{value}"


def statistics() -> str:
    """Every statistic that a claim can be about."""
    from sgdphys.analyses import catalogue

    text = """# Statistics of claims

A claim of a study names one of these as its `statistic`. Each is one number per network; `kind`
decides how its interval is computed: plain means, means of logarithms for ratios and epochs
(geometric), shares, or medians.

"""
    for name, found in sorted(catalogue.statistics().items()):
        where = ", ".join(f"`{kind}`" for kind in found.needs)
        text += f"`{name}`\n: {_sentence(found.measures)} Of the analysis {where}; {found.kind}"
        text += f", in {found.unit}" if found.unit not in ("", "1") else ""
        text += f"; chosen by {', '.join(f'`{c}`' for c in found.chooses)}" * bool(found.chooses)
        text += f"; figures {', '.join(f'`{c}`' for c in found.shown_in)}" * bool(found.shown_in)
        text += ".\n\n"
    return text


def claims() -> str:
    """Every claim of the included studies."""
    from sgdphys.study.files import load_study, shipped_studies

    text = """# Claims of the included studies

Each claim with its source, the rule by which it is judged, and its null. The verdicts are in
[results](../results.md); how often each rule is right where the answer is known, in
[verdicts on known answers](../claims.md).

"""
    for name, path in shipped_studies().items():
        study = load_study(path)[1]
        if not study.claims:
            continue
        text += f"## {name}\n\n"
        for key, claim in study.claims.items():
            text += f"`{key}`\n: {_sentence(claim.says)} By {_escaped(claim.by)}; {claim.kind}, "
            text += f"written {claim.written} its data. Supported if `{claim.statistic}` is "
            text += f"{claim.rule}, judged on {_escaped(claim.window)}. Null: "
            text += f"{_sentence(claim.null)}\n\n"
    return text


def figures() -> str:
    """Every figure that a run can have."""
    from sgdphys.analyses import catalogue

    text = """# Figures of a run

`sgdphys figures RUN --only NAME` draws one of these, `run.figures(["NAME"])` returns it. Those
that apply to a run are drawn at its end. The same results on axes of your own:
[figures](api/figures.md).

"""
    for name, entry in sorted(catalogue.figures().items()):
        needs = ", ".join(f"`{kind}`" for kind in entry.needs)
        text += f"`{name}`\n: {_sentence(' '.join(entry.shows.split()))} Needs {needs}.\n\n"
    return text


def schema() -> str:
    """Groups, variables and dimensions of a trajectory."""
    from sgdphys.glossary import GLOSSARY
    from sgdphys.trajectory.schema import GROUPS, ROOT_ATTRIBUTES, SCHEMA_VERSION
    from sgdphys.trajectory.tensor_table import STORED_BELOW

    text = f"""# Schema of trajectories

A trajectory is a netCDF-4 file of schema {SCHEMA_VERSION}, or a folder of such files, one segment
of training each, which `sgdphys.open_trajectory` opens as one `xarray.DataTree`. Any program that
reads netCDF-4 or HDF5 can read it. A file may lack any group but `weights`. In units, `{{x}}`
stands for that of the weights.

Attributes of the root: {", ".join(f"`{name}`" for name in ROOT_ATTRIBUTES)}; a run adds its study
with every default and its seed. Values that netCDF cannot hold are JSON after the prefix `json:`.

Every chunk of data has a Fletcher-32 checksum, and next to each file lies its SHA-256 digest,
which `sha256sum --check` reads: `sgdphys check FILE` verifies both. Comments of this second file
say where the chunks of large arrays begin, by which sgdphys reads them in several threads; without
it, or where a chunk differs from its checksum, the netCDF library reads them.

"""
    for group, variables in GROUPS.items():
        text += f"## Group {group}\n\n"
        for name, dims in variables.items():
            quantity = GLOSSARY[name]
            text += f"`{name}` ({', '.join(dims)})\n: {_sentence(quantity.description)}"
            text += f" In {_unit(quantity.unit)}.\n\n" if quantity.unit != "1" else "\n\n"
    text += "## Coordinates\n\n"
    names = ("step", "epoch", "time", "replica", "family", "parameter", "layer", "kind",
             "parameter_name", "entry", "sample", "tensor")  # fmt: skip
    for name in names:
        text += f"`{name}`\n: {_sentence(GLOSSARY[name].description or GLOSSARY[name].long_name)}"
        text += "\n\n"
    return text + (
        f"Of {STORED_BELOW} parameters and more, `layer`, `kind`, `parameter_name`, `entry` and "
        "`layer_name` are not stored: the group `tensors` has a row for each tensor, in the order "
        "of the parameters, and `sgdphys.open_trajectory` adds the coordinates.\n"
    )


def _unit(unit: str) -> str:
    return f"`{unit}`"


def glossary() -> str:
    """Every quantity with a meaning of its own, from the table that labels results."""
    from sgdphys.glossary import GLOSSARY

    text = """# Glossary of quantities

What variables of results and recordings mean: long name, symbol, unit and description, as they
are in the attributes of every result. In a unit, `{x}` and `{t}` stand for those of the values
and of the time that were given. Terms of the field are explained in the concepts.

"""
    for name, quantity in sorted(GLOSSARY.items(), key=lambda item: item[0].lower()):
        text += f"`{name}`\n: {_escaped(quantity.long_name)}"
        text += f", ${quantity.symbol}$" if quantity.symbol else ""
        text += f", in {_unit(quantity.unit)}" if quantity.unit != "1" else ""
        text += f". {_sentence(quantity.description)}" if quantity.description else "."
        text += "\n\n"
    return text


def studies() -> str:
    """The studies that come with the program, from their index."""
    index = (ROOT / "studies" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)\.toml` \| (.*?) \|[^|]*\|$", index, re.MULTILINE)
    text = """# Included studies

`sgdphys studies` lists them and `sgdphys run NAME` carries one out in any folder.
The comment at the head of each file says what it asks:

"""
    for name, question in rows:
        text += f"`{name}`\n: {_escaped(question)}\n\n"
    return text


def api() -> Iterator[tuple[str, str]]:
    """The public functions, grouped by task; every one must be in exactly one group."""
    missing = _public()
    for name, (title, lead, functions) in TASKS.items():
        text = f"# {title}\n\n{lead}\n\n```{{eval-rst}}\n.. autosummary::\n   :nosignatures:\n\n"
        for function in functions:
            missing.remove(function)
            text += f"   ~sgdphys.{function}\n"
        text += "\n"
        for function in functions:
            package, _, last = f"sgdphys.{function}".rpartition(".")
            found = getattr(import_module(package), last)
            kind = "autoclass" if isinstance(found, type) else "autofunction"
            members = "\n   :members:" if kind == "autoclass" else ""
            text += f"\n.. currentmodule:: {package}\n\n.. {kind}:: {last}{members}\n"
        yield name, text + "```\n"
    if missing:
        raise LookupError(f"docs/api.py has no place for {', '.join(sorted(missing))}")


_OF_MODULES = {"parallel": ("limited", "map", "threads"), "status": ("words",)}
"""Public names of the modules that are no packages."""


def _public() -> set[str]:
    """The public names of the package and its subpackages, without ``sgdphys.``."""
    import sgdphys

    found = set()
    for name in sgdphys.__all__:
        value = getattr(sgdphys, name)
        if hasattr(value, "__path__"):
            found |= {f"{name}.{inside}" for inside in value.__all__}
        elif hasattr(value, "__file__"):
            found |= {f"{name}.{inside}" for inside in _OF_MODULES[name]}
        else:
            found.add(name)
    return found


def notebook(page: Path, target: Path) -> None:
    """A page as a Jupyter notebook: its code as cells, commands with ``!``."""
    import nbformat

    v4, text, end, cells = nbformat.v4, page.read_text(encoding="utf-8"), 0, []
    lines = text.splitlines(keepends=True)
    for block in pages.blocks(text):
        code = _cell(block)
        if code is None:
            continue
        start = sum(map(len, lines[: block.line - 2]))
        if words := _prose(text[end:start]):
            cells.append(v4.new_markdown_cell(words))
        cells.append(v4.new_code_cell(code))
        end = start + len(f"```{block.language}\n{block.text}```\n")
    if words := _prose(text[end:]):
        cells.append(v4.new_markdown_cell(words))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    made = v4.new_notebook(cells=cells)
    made.metadata["language_info"] = {"name": "python"}
    made.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3",
    }  # fmt: skip
    nbformat.write(made, target)


def _prose(text: str) -> str:
    """Markdown of a page without what only Sphinx understands."""
    return re.sub(r"<!--.*?-->|\{download\}`[^`]*`|^:::.*$", "", text, flags=re.M).strip()


def _cell(block: pages.Block) -> str | None:
    """The code of a block in a notebook."""
    if "file" in block.marks:
        return f"%%writefile {block.marks['file']}\n{block.text}".rstrip()
    if block.language == "python":
        return block.text.rstrip()
    if block.language == "console":
        return "\n".join(f"!{command}" for command, _ in pages.commands(block.text))
    return None
