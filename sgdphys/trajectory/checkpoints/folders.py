"""Which files of folders are checkpoints: shards joined, what belongs to trainers passed over."""

import glob
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sgdphys.errors import InputError
from sgdphys.trajectory.checkpoints.formats import SUFFIXES, stem_of, suffix_of
from sgdphys.trajectory.checkpoints.names import matched
from sgdphys.trajectory.checkpoints.weights import in_natural_order

_INDEX = ".index.json"
_SHARD = re.compile(r"(.*?)[-_.]?(\d+)-of-(\d+)$")
_BESIDE = re.compile(
    r"(?:(?:optimizers?|optim|(?:lr_)?schedulers?|scaler|rng(?:_states?)?|random_states?|sampler"
    r"|training_args|dl_state_dict|dataloader|custom_checkpoint|trainer_state|training_state)"
    r"(?:[_\-.=]?(?:step|epoch|iter)?[_\-.=]?\d+)*|.*_optim_states|.*_optimizer|.*_scheduler)$"
)
"""Names of files that trainers write in addition to the weights."""


class Checkpoint(NamedTuple):
    """One saved state of a network."""

    path: Path
    """Path shown to the user; for shards their index, or the first of them."""
    parts: tuple[Path, ...]
    tensors: dict[str, str] | None
    """File of each tensor, if there is an index."""
    state: Path | None
    """State of the trainer that accompanies it."""

    @property
    def stem(self) -> str:
        """Its name without suffix, and without what numbers a shard."""
        name = self.path.name
        if name.endswith(_INDEX):
            return Path(name.removesuffix(_INDEX)).stem
        shard = _SHARD.match(stem_of(self.path))
        return shard[1] if shard and len(self.parts) > 1 else stem_of(self.path)


class Found(NamedTuple):
    """Checkpoints, and what was not taken for one."""

    checkpoints: list[Checkpoint]
    passed_over: list[Path]


def find(given: Sequence[str | Path], pattern: str | None = None) -> Found:
    """Find the checkpoints of paths, folders and patterns, each once.

    Parameters
    ----------
    given : sequence of path
    pattern : str, optional
        Those that do not match are passed over.

    Raises
    ------
    InputError
        When there is none, a shard is missing, or a file named outright is no checkpoint.
    """
    files: dict[str, Path] = {}
    passed: dict[Path, None] = {}
    for item in given:
        inside, is_named = _files_of(item)
        for path in sorted(inside, key=lambda p: p.is_symlink()):
            if not is_named and _is_beside(path):
                passed[path] = None
            elif os.path.realpath(path) not in files:
                files[os.path.realpath(path)] = path
    paths = _in_order(files.values())
    checkpoints = _joined(paths)
    if pattern is not None:
        kept = [c for c in checkpoints if matched(pattern, _matched_part(c)) is not None]
        passed |= dict.fromkeys(c.path for c in checkpoints if c not in kept)
        if not kept:
            raise InputError(
                f"the pattern {pattern!r} matches none of "
                f"{', '.join(c.path.name for c in checkpoints[:5]) or 'no files'}"
            )
        checkpoints = kept
    if not checkpoints:
        what = ", ".join(str(g) for g in list(given)[:3]) or "the empty list"
        beside = f"; {_listed(passed)} are not weights" if passed else ""
        raise InputError(f"{what} holds no checkpoint ({', '.join(SUFFIXES)}){beside}")
    return Found(checkpoints, list(passed))


def _matched_part(checkpoint: Checkpoint) -> str:
    return checkpoint.path.absolute().as_posix()


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(dict.fromkeys(p.name for p in paths))


def _in_order(paths: Iterable[Path]) -> list[Path]:
    by_text = {p.as_posix(): p for p in paths}
    return [by_text[text] for text in in_natural_order(by_text)]


def _files_of(item: str | Path) -> tuple[list[Path], bool]:
    """Files of a path, a folder or a pattern, and whether they were named outright."""
    path = Path(item)
    if path.is_dir():
        inside = [p for p in path.rglob("*") if not _is_hidden(p.relative_to(path))]
        return [p for p in inside if _is_candidate(p)], False
    if path.is_file():
        if not _is_candidate(path):
            raise InputError(f"{path} is no checkpoint; its name may end in {', '.join(SUFFIXES)}")
        return [path], True
    if path.exists():
        raise InputError(f"{path} is no file; a pipe or device cannot be read")
    found = [Path(p) for p in glob.glob(str(item), recursive=True)]
    if not found:
        raise InputError(f"there is no file {item}")
    files = [p for p in found if p.is_file()]
    strangers = [p for p in files if not _is_candidate(p)]
    kept = [p for p in files if _is_candidate(p)]
    for folder in (p for p in found if p.is_dir()):
        kept += _files_of(folder)[0]
    if strangers and not kept:
        raise InputError(
            f"{strangers[0]} is no checkpoint; its name may end in {', '.join(SUFFIXES)}"
        )
    return kept, False


def _is_hidden(inside: Path) -> bool:
    return any(part.startswith((".", "tmp-")) for part in inside.parts)


def _is_candidate(path: Path) -> bool:
    is_index = path.name.endswith(_INDEX)
    return path.is_file() and (is_index or suffix_of(path) in SUFFIXES)


def _is_beside(path: Path) -> bool:
    return _BESIDE.fullmatch(stem_of(path).lower()) is not None


def _joined(paths: list[Path]) -> list[Checkpoint]:
    """Files as checkpoints, shards joined by their index or their numbers."""
    given, taken = set(paths), set()
    found: list[Checkpoint] = []
    for path in paths:
        indexes = (
            [path] if path.name.endswith(_INDEX)
            else sorted(path.parent.glob(f"*{_INDEX}")) if _SHARD.match(stem_of(path)) else []
        )  # fmt: skip
        for index in indexes:
            tensors = _weight_map(index)
            shards = _in_order({index.parent / name for name in tensors.values()})
            if index in taken or (path != index and path not in shards):
                continue
            lacking = [s for s in shards if not s.is_file()]
            if lacking:
                raise InputError(f"{index} names the shard {lacking[0].name}, which is not there")
            left_out = [s for s in shards if s not in given]
            if left_out and index not in given:
                raise InputError(
                    f"{path} is one of {len(shards)} shards of a checkpoint; give its folder, "
                    f"{path.parent}, or all of them"
                )
            taken |= {index, *shards}
            found.append(Checkpoint(index, tuple(shards), tensors, _state(path)))
        if path in taken or path.name.endswith(_INDEX):
            continue
        shard = _SHARD.match(stem_of(path))
        if shard is None:
            found.append(Checkpoint(path, (path,), None, _state(path)))
            continue
        group = [p for p in paths if p.parent == path.parent and _is_of(p, path, shard)]
        if {int(_number(p)) for p in group} != set(range(1, int(shard[3]) + 1)):
            raise InputError(
                f"{path} is one of {int(shard[3])} shards of a checkpoint, and the others are "
                "not all there; give its folder, or restore them"
            )
        taken |= set(group)
        found.append(Checkpoint(path, tuple(group), None, _state(path)))
    return found


def _is_of(other: Path, path: Path, shard: re.Match[str]) -> bool:
    match = _SHARD.match(stem_of(other))
    same_suffix = suffix_of(other) == suffix_of(path)
    return match is not None and same_suffix and (match[1], match[3]) == (shard[1], shard[3])


def _number(path: Path) -> str:
    match = _SHARD.match(stem_of(path))
    return match[2] if match else "0"


def _weight_map(index: Path) -> dict[str, str]:
    try:
        loaded = json.loads(index.read_text(encoding="utf-8"))
        named = {str(k): str(v) for k, v in loaded["weight_map"].items()}
    except (ValueError, KeyError, AttributeError, TypeError, OSError, RecursionError):
        raise InputError(f"{index} is no index of shards that can be read") from None
    for name in named.values():
        if Path(name).name != name:
            raise InputError(f"{index} names a shard outside its folder, {name!r}")
    if not named:
        raise InputError(f"{index} names no shards")
    return named


def _state(path: Path) -> Path | None:
    state = path.parent / "trainer_state.json"
    return state if state.is_file() else None
