"""Study files: finding, reading, overriding, and the resolved text that travels with a run."""

import hashlib
import itertools
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from sgdphys.errors import InputError, nearest
from sgdphys.study.analysis_keys import Analysis
from sgdphys.study.keys import Bursts, Study, study_from

_PACKAGE = Path(__file__).parents[1]
QUICK_EPOCHS, QUICK_CASE_EPOCHS = 500, 200
"""Of a study, and of each case of a sweep, where bursts need no more."""
QUICK_REPLICAS, QUICK_CASE_REPLICAS = 16, 8
"""Networks of a study, and of each case of a sweep."""
QUICK_SLOW = {"replicas": 2, "sample": 20, "gradients": 16, "walks": 20}
"""Most networks, series, gradients and random walks of analyses that are slow."""
QUICK_TIMES = 3
"""Epochs at which slow estimators read."""
QUICK_FAMILIES = 6
"""Families of twins that are told apart."""


def shipped_studies() -> dict[str, Path]:
    """Return the studies that come with the package, by name."""
    # in a checkout they stand beside the package, in an installation inside it
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
    if path.is_file():
        return path
    shipped = shipped_studies()
    # studies/x.toml works in any folder, for the studies that are shipped
    if path.stem in shipped and path.parent in (Path(), Path("studies")):
        return shipped[path.stem]
    raise InputError(f"there is no study {name}; {nearest(path.stem, shipped)}")


def read_keys(path: Path) -> dict[str, Any]:
    """Return the tables and keys of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def override(keys: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return keys with settings such as ``train.replicas=5`` put in.

    Raises
    ------
    InputError
        For a setting without ``=``, or inside a key that is no table.
    """
    changed: dict[str, Any] = json.loads(json.dumps(keys, default=str))
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--set {setting}: write it as table.key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        *tables, key = name.strip().split(".")
        inside = changed
        for table in tables:
            inside = inside.setdefault(table, {})
            if not isinstance(inside, dict):
                raise InputError(f"--set {setting}: {table} is a value, not a table")
        inside[key] = value
    return changed


def quicken(study: Study) -> Study:
    """Return the study with as few epochs and replicas as still show every figure, in one format.

    Vector graphics where the study has them: they take half as long to draw as pixels.
    """
    train = study.train
    is_sweep, in_bursts = bool(study.sweep.keys), isinstance(study.record.weights, Bursts)
    networks = QUICK_CASE_REPLICAS if is_sweep else QUICK_REPLICAS
    families = max(networks // train.twins, QUICK_FAMILIES if train.twins > 1 else 1)
    replicas = min(train.replicas, families * train.twins)
    longest = QUICK_CASE_EPOCHS if is_sweep and not in_bursts else QUICK_EPOCHS
    epochs = min(longest, max(train.epochs // 4, 1))
    shorter = {"epochs": epochs, "replicas": replicas}
    analyses = {name: _quickened(a, epochs) for name, a in study.analyses.items()}
    formats = study.figures.formats
    drawn = study.figures.model_copy(
        update={"formats": ("svg",) if "svg" in formats else formats[:1]}
    )
    return study.model_copy(
        update={
            "train": train.model_copy(update=shorter), "analyses": analyses, "figures": drawn
        }
    )  # fmt: skip


def _quickened(analysis: Analysis, last: int) -> Analysis:
    """An analysis of fewer networks, series, gradients or epochs, where it is slow."""
    wanted = analysis.model_dump(include=set(QUICK_SLOW))
    fewer: dict[str, Any] = {name: min(value, QUICK_SLOW[name]) for name, value in wanted.items()}
    epochs = getattr(analysis, "epochs", ())
    if isinstance(epochs, tuple) and len(epochs) > QUICK_TIMES:
        there = [epoch for epoch in epochs if epoch <= last] or [last]
        places = np.linspace(0, len(there) - 1, QUICK_TIMES).round().astype(int)
        fewer["epochs"] = tuple(there[k] for k in np.unique(places))
    return analysis.model_copy(update=fewer)


def load_study(
    study: str | Path | Mapping[str, Any] | Study,
    settings: Iterable[str] = (),
    *,
    quick: bool = False,
) -> tuple[str, Study]:
    """Return the name and the validated study of a path, mapping or Study.

    Raises
    ------
    InputError
        With one sentence for every fault.
    """
    if isinstance(study, Study):
        name, keys, source = "study", study.model_dump(mode="json"), "the study"
    elif isinstance(study, Mapping):
        name, keys, source = "study", dict(study), "the study"
    else:
        path = find_study(study)
        name, keys, source = path.stem, read_keys(path), str(path)
    settings = tuple(settings)
    if settings:
        keys = override(keys, settings)
        source += " with --set " + " ".join(settings)
    found = study_from(keys, source)
    return name, quicken(found) if quick else found


def cases_of(study: Study) -> dict[str, Study]:
    """Return the cases of a study's sweep by name, each a study without one.

    Raises
    ------
    InputError
        For a case that is no valid study.
    """
    names = list(study.sweep.keys)
    lists = [study.sweep.keys[name] for name in names]
    pairs = zip(*lists, strict=True) if study.sweep.zip else itertools.product(*lists)
    keys = study.model_dump(mode="json", exclude={"sweep", "claims"}, exclude_none=True)
    cases: dict[str, Study] = {}
    for values in pairs:
        changed = json.loads(json.dumps(keys))
        for name, value in zip(names, values, strict=True):
            *tables, key = name.split(".")
            inside = changed
            for table in tables:
                if not isinstance(inside.get(table), dict):
                    raise InputError(
                        f"sweep key {name!r} is of no table of the study; {nearest(table, inside)}"
                    )
                inside = inside[table]
            inside[key] = value
        said = ", ".join(
            f"{name.rpartition('.')[2]}={_plain(value)}"
            for name, value in zip(names, values, strict=True)
        )
        cases[said] = study_from(changed, f"the case {said}")
    return cases


def _plain(value: Any) -> str:
    """A value in a case's name: of "package.module:function" the function."""
    if isinstance(value, list | tuple):
        return "-".join(_plain(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value).rpartition(":")[2] or "none"


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

    A part's study is a file beside that of ``source``, else one found as any other.

    Raises
    ------
    InputError
        For a part that is not there, is no valid study, or has parts itself.
    """
    beside = Path()
    if isinstance(source, str | Path):
        beside = find_study(source).parent
    found: dict[str, Study] = {}
    for name, part in study.parts.items():
        require_folder_name(name)
        near = beside / part.study
        near = near if near.suffix == ".toml" else near.with_suffix(".toml")
        keys = [f"{key}={json.dumps(value)}" for key, value in part.settings.items()]
        place = near if near.is_file() else part.study
        _, found[name] = load_study(place, (*keys, *settings), quick=quick)
        if found[name].parts:
            raise InputError(f"parts.{name} is {part.study}, which has parts itself; name those")
    return found


def resolved_text(study: Study) -> str:
    """TOML text of all keys, defaults included."""
    keys = study.model_dump(mode="json", exclude_none=True, by_alias=True)
    if study.parts:  # nothing else of it has an effect
        keys = {name: keys[name] for name in ("title", "parts", "figures")}
    return tomli_w.dumps(keys)


def recording_keys(study: Study) -> dict[str, Any]:
    """Return the keys that decide what a recording holds; others may change beside it."""
    return study.model_dump(
        mode="json", include={"parts"} if study.parts else {"task", "network", "train", "record"}
    )


def study_hash(study: Study) -> str:
    """Hash of the keys that decide what a recording holds."""
    keys = recording_keys(study)
    if study.sweep.keys:
        keys["sweep"] = study.sweep.model_dump(mode="json")
    text = json.dumps(keys, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def training_hash(study: Study) -> str:
    """Hash of the keys that decide how the networks of a study are trained."""
    keys = study.model_dump(mode="json", include={"task", "network", "train"})
    return hashlib.sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()[:16]


def differences(first: Study, second: Study) -> list[str]:
    """Dotted names of the recording keys in which two studies differ."""
    a, b = recording_keys(first), recording_keys(second)
    if first.sweep != second.sweep:
        return ["sweep"]
    if bool(first.parts) != bool(second.parts):
        return ["parts"]
    changed = []
    for table in a | b:
        one, other = a.get(table, {}), b.get(table, {})
        changed += [f"{table}.{k}" for k in one | other if one.get(k) != other.get(k)]
    return changed
