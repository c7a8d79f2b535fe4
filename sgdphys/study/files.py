"""Study files: finding, reading, overriding, and the resolved text that travels with a run."""

import hashlib
import json
import os
import re
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w

from sgdphys.errors import InputError, nearest
from sgdphys.study.cases import cases_of as cases_of
from sgdphys.study.checks import faults_of, parts_faults, require, require_keys
from sgdphys.study.claim_faults import claim_faults
from sgdphys.study.contents import PATH, contents_of, modules_of
from sgdphys.study.faults import quoted
from sgdphys.study.memory import available_memory, require_memory
from sgdphys.study.quick import quicken
from sgdphys.study.settings import Study, Task, study_from

_LONGEST_SAID = 300
"""Letters of what was given that a message repeats."""
_PACKAGE = Path(__file__).parents[1]


def shipped_studies() -> dict[str, Path]:
    """Return the studies that come with the package, by name."""
    # next to the package in a checkout, inside it in an installation
    for folder in (_PACKAGE / "studies", _PACKAGE.parent / "studies"):
        if folder.is_dir():
            return {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return {}


def find_study(name: str | Path) -> Path:
    """Return the path of a study: the file of that name, or the shipped study of that name.

    Raises
    ------
    InputError
        When there is neither.
    """
    path = Path(name)
    if _is_file(path):
        return path
    shipped = shipped_studies()
    # studies/x.toml works in any folder, for the studies that are shipped
    if path.stem in shipped and path.parent in (Path(), Path("studies")):
        return shipped[path.stem]
    said = str(name) if len(str(name)) <= _LONGEST_SAID else quoted(str(name))
    if path.suffix == ".toml" and path.stem not in shipped:
        raise InputError(f"there is no file {said} here; sgdphys new NAME writes one")
    raise InputError(f"there is no study {said}; {nearest(path.stem, shipped)}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def read_keys(path: Path) -> dict[str, Any]:
    """Return the tables and keys of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None
    except ValueError:  # a number of more digits than Python reads
        raise InputError(f"{path} holds a number of thousands of digits; shorten it") from None
    except RecursionError:
        raise InputError(f"{path} is nested too deeply") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def override(keys: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return keys with settings such as ``train.replicas=5`` put in.

    Raises
    ------
    InputError
        For a setting without ``=``, or inside a key that is no table.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--set {setting}: write it as table.key=value")
        try:
            values[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()
        except (ValueError, RecursionError):
            raise InputError(
                f"--set {name}: the value is a number of thousands of digits, or nested too deeply"
            ) from None
    return _with_values(keys, values)


def _table(keys: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of keys; empty where there is none."""
    found = keys.get(name, {})
    return found if isinstance(found, Mapping) else {}


def _with_values(keys: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Keys with values of dotted names put in."""
    changed = dict(keys)
    for name, value in values.items():
        *tables, key = name.split(".")
        own = name.removeprefix("sweep.")
        if name in _table(changed, "sweep"):
            raise InputError(
                f"--set {name}: the study sweeps it, so that a value of its own has no effect; set "
                f"the list, sweep.{name}"
            )
        if own != name and own in _table(changed, "sweep"):  # "task.inputs" = [...], in quotes
            tables, key = ["sweep"], own
        inside = changed
        for table in tables:
            there = inside.get(table, {})
            if not isinstance(there, Mapping):
                raise InputError(f"--set {name}: {table} is a value, not a table")
            inside[table] = dict(there)
            inside = inside[table]
        inside[key] = value
    return changed


_PATHS = re.compile(r"folder|(sweep\.(keys\.)?)?task\.path")
"""Dotted names of keys that name files or folders."""


def _absolute(keys: Mapping[str, Any], folder: Path, table: str = "") -> dict[str, Any]:
    """Keys whose paths, where they are relative, are taken from a folder."""
    changed = dict(keys)
    for key, value in keys.items():
        name = f"{table}{key}"
        if isinstance(value, Mapping):
            changed[key] = _absolute(value, folder, f"{name}.")
        elif _PATHS.fullmatch(name):
            changed[key] = _beside(value, folder)
    return changed


def _beside(value: Any, folder: Path) -> Any:
    if isinstance(value, list | tuple):
        return [_beside(one, folder) for one in value]
    return os.path.abspath(folder / value) if isinstance(value, str) and value else value


class _Given(NamedTuple):
    """Keys as they were given, where, and the folder that they mean files of."""

    name: str
    keys: dict[str, Any]
    source: str
    folder: Path


def _given(study: str | Path | Mapping[str, Any] | Study) -> _Given:
    if isinstance(study, Study):
        keys = study.model_dump(by_alias=True, exclude_none=True)
        return _Given("study", keys, "the study", Path())
    if isinstance(study, Mapping):
        return _Given("study", dict(study), "the study", Path())
    path = find_study(study)
    return _Given(path.stem, read_keys(path), str(path), path.parent)


def load_study(
    study: str | Path | Mapping[str, Any] | Study,
    settings: Iterable[str] = (),
    *,
    quick: bool = False,
) -> tuple[str, Study]:
    """Return the name and the validated study of a path, mapping or Study.

    A relative ``task.path`` is taken from the folder of the study's file, and the functions that it
    names are looked for there last; those of settings, and of a mapping, in the working folder.

    Raises
    ------
    InputError
        With one sentence for every fault: of keys, of the cases of a sweep, of parts, of data and
        modules, and of what analyses need and the study has not.
    WorkError
        When it needs more memory than there is.
    """
    given = _given(study)
    try:
        return given.name, _loaded(given, tuple(settings), quick=quick)
    except RecursionError:
        raise InputError(f"{given.source} is nested too deeply") from None


def _loaded(given: _Given, settings: tuple[str, ...], *, quick: bool) -> Study:
    keys, source, folder = _absolute(given.keys, given.folder), given.source, given.folder
    if settings:
        keys = _absolute(override(keys, settings), Path())
        source += " with --set " + textwrap.shorten(" ".join(settings), _LONGEST_SAID)
        if any(setting.strip().startswith("network.module") for setting in settings):
            folder = Path()
    require_keys(keys, source)
    found = Study.model_validate(keys)
    if found.parts:
        # settings are meant for the parts and cause no fault here
        own = study_from(given.keys, given.source) if settings else found
        _, faults_inside = _parts(found, given.folder, settings, quick=quick)
        require([*(f"{fault} (in {source})" for fault in parts_faults(own)), *faults_inside])
        return quicken(found) if quick else found
    found = quicken(found) if quick else found
    if found.runs_code and not found.folder:
        found = found.model_copy(update={"folder": os.path.abspath(folder)})
    contents, faults = contents_of(found)
    found = found.model_copy(update={"contents": contents})
    cases = cases_of(found)
    # of a study that was changed for one run, claims that ask for more than it has have no data
    of_claims = () if settings or quick else claim_faults(found, cases)
    asked = (*faults, *faults_of(found, cases), *of_claims)
    require(f"{fault} (in {source})" for fault in asked)
    available = available_memory()
    for case in cases.values():
        require_memory(case, available)
    return found


def require_folder_name(part: str) -> None:
    """Refuse a name of a part that is no name of a folder, and could lead out of the run.

    Raises
    ------
    InputError
    """
    if not part or any(not (c.isalnum() or c in "_-") for c in part):
        raise InputError(f"parts.{part!r} names a folder; use letters, digits, _ and -")


def parts_of(
    study: Study,
    source: str | Path | Mapping[str, Any] | Study,
    settings: Iterable[str] = (),
    *,
    quick: bool = False,
) -> dict[str, Study]:
    """Return the studies that a study consists of, by name.

    A part's study is a file beside that of ``source``, otherwise one found as any other; relative
    paths in its settings are taken from the folder of ``source``.

    Raises
    ------
    InputError
        For a part that is not there, is no valid study, or has parts itself, with one sentence for
        every fault of every part.
    WorkError
        When one needs more memory than there is.
    """
    if not study.parts:
        return {}
    found, faults = _parts(study, _given(source).folder, tuple(settings), quick=quick)
    require(faults)
    return found


def _parts(
    study: Study, folder: Path, settings: tuple[str, ...], *, quick: bool
) -> tuple[dict[str, Study], list[str]]:
    """The valid parts of a study, and sentences on the faults of the others."""
    found: dict[str, Study] = {}
    faults: list[str] = []
    modules: dict[str, tuple[str, str]] = {}
    for name, part in study.parts.items():
        near = folder / part.study
        near = near if near.suffix == ".toml" else Path(f"{near}.toml")
        try:
            given = _given(near if _is_file(near) else part.study)
            values = _absolute(part.settings, folder)
            keys = _with_values(_absolute(given.keys, given.folder), values)
            if any(key.startswith("network.module") for key in values):
                keys.setdefault("folder", os.path.abspath(folder))
            inside = _loaded(given._replace(keys=keys), settings, quick=quick)
        except InputError as error:
            faults += str(error).splitlines()
            continue
        if inside.parts:
            faults.append(f"parts.{name} is {part.study}, which has parts itself; name those")
        for module, digest in modules_of(inside).items():
            other, before = modules.setdefault(module, (name, digest))
            if before != digest:
                faults.append(
                    f"parts.{name} and parts.{other} mean different modules by {module!r}; give "
                    "one of them another name"
                )
        found[name] = inside
    return found, faults


def resolved_text(study: Study) -> str:
    """TOML text of all keys, defaults included."""
    keys = study.model_dump(mode="json", exclude_none=True, by_alias=True)
    if study.parts:  # nothing else of it has an effect
        keys = {name: keys[name] for name in ("title", "quick", "parts", "figures")}
    unsaid = ("folder", "contents", "quick")
    return tomli_w.dumps({k: v for k, v in keys.items() if k not in unsaid or v})


_LATER = ("standardise", "inputs", "points", "load")
"""Keys of tasks that older runs do not have."""


def training_keys(study: Study) -> dict[str, Any]:
    """Return the keys that determine the training: task, network, train, and contents of files.

    Where the contents of the data are known, the path to them does not matter.
    """
    keys = study.model_dump(mode="json", include={"task", "network", "train"})
    for name in _LATER:  # runs on disk keep their hashes
        if keys["task"][name] == Task.model_fields[name].default:
            del keys["task"][name]
    if study.contents:
        keys["contents"] = dict(study.contents)
    if any(name.startswith(PATH) for name in study.contents):
        del keys["task"]["path"]
    return keys


def recording_keys(study: Study) -> dict[str, Any]:
    """Return the keys that determine a recording; other keys may change."""
    if study.parts:
        parts = study.model_dump(mode="json", include={"parts"})["parts"]
        return {
            "parts": {n: {k: v for k, v in p.items() if k != "fresh"} for n, p in parts.items()}
        }
    keys = training_keys(study) | study.model_dump(mode="json", include={"record"})
    del keys["record"]["store"]  # what is recorded is the same
    if study.sweep.keys:
        keys["sweep"] = study.sweep.model_dump(mode="json")
        if "task" in keys and "path" not in keys["task"]:
            keys["sweep"]["keys"].pop(PATH, None)
    return keys


def _hash(keys: Mapping[str, Any]) -> str:
    # runs on disk keep their hashes: in those this schedule has its former name
    text = json.dumps(keys, sort_keys=True).replace('"log_pairs"', '"pairs"')
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def study_hash(study: Study) -> str:
    """Hash of the keys that determine a recording."""
    return _hash(recording_keys(study))


def training_hash(study: Study) -> str:
    """Hash of the keys that determine the training, not the recording.

    Of a study without sweep or parts.
    """
    return _hash(training_keys(study))


def differences(first: Study, second: Study) -> list[str]:
    """Dotted names of the recording keys in which two studies differ, and of files that changed."""
    a, b = recording_keys(first), recording_keys(second)
    if a.get("sweep") != b.get("sweep"):
        return ["sweep"]
    if bool(first.parts) != bool(second.parts):
        return ["parts"]
    files = [a.pop("contents", {}), b.pop("contents", {})]
    changed = [n for n in {**files[0], **files[1]} if files[0].get(n) != files[1].get(n)]
    tables = [t for t in {**a, **b} if t != "sweep"]
    found = [
        f"{table}.{key}"
        for table in tables
        for key in {**a.get(table, {}), **b.get(table, {})}
        if a.get(table, {}).get(key) != b.get(table, {}).get(key)
    ]
    # a path in one of them alone is that of a run whose contents nobody noted
    return [key for key in found if key not in changed] + [f"contents of {n}" for n in changed]
