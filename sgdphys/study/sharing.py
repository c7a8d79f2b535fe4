"""Recordings that several cases have in common: trained once, and linked."""

import json
import os
import shutil
from pathlib import Path

from sgdphys.study.settings import Record, Study
from sgdphys.trajectory.segments import segment_paths

_OF_EPOCHS = ("log_triples", "log_pairs", "log")
_HELD = {
    "step": ("epoch", *_OF_EPOCHS),
    "epoch": _OF_EPOCHS,
    "log_triples": ("log_pairs", "log"),
    "log_pairs": ("log",),
}
"""Schedules of weights that include other schedules."""


def covers(held: Record, wanted: Record) -> bool:
    """Whether a recording holds all that another one is to hold."""
    weights = held.weights == wanted.weights or (
        isinstance(held.weights, str) and wanted.weights in _HELD.get(held.weights, ())
    )
    return weights and (held.gradients == wanted.gradients or wanted.gradients == "none")


def _link(source: str | Path, target: str | Path) -> None:
    """Link a file, or copy it where the file system cannot link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class Pool:
    """Finished recordings by what was trained: equal task, network and train are one."""

    def __init__(self) -> None:
        self._held: dict[str, list[tuple[Record, Path]]] = {}

    @staticmethod
    def _key(study: Study) -> str:
        trained = study.model_dump(mode="json", include={"task", "network", "train"})
        return json.dumps(trained, sort_keys=True)

    def add(self, study: Study, segments: Path) -> None:
        """Make a finished recording available to other runs."""
        self._held.setdefault(self._key(study), []).append((study.record, segments))

    def share(self, study: Study, segments: Path) -> Path | None:
        """Fill an empty folder of segments from a suitable recording, and return its path.

        Segments are linked, so that either folder may be removed; where the file system cannot
        link, they are copied.
        """
        if segment_paths(segments):
            return None
        held = self.suitable(study, segments)
        if held is None:
            return None
        partial = segments.with_name(f".partial-{segments.name}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for path in segment_paths(held):
            if path.is_dir():
                shutil.copytree(path, partial / path.name, copy_function=_link)
            else:
                _link(path, partial / path.name)
        for left in segments.glob("*.nc.sha256"):  # of segments that are gone
            left.unlink()
        _put(partial, segments)
        return held

    def suitable(self, study: Study, segments: Path) -> Path | None:
        """Folder of a recording, not this one, that holds all that a study records."""
        for record, held in self._held.get(self._key(study), []):
            is_alike = record.store == study.record.store and covers(record, study.record)
            if is_alike and held != segments:
                return held
        return None


def _put(folder: Path, place: Path) -> None:
    """Put a folder in the place of an empty one; Windows must remove that first."""
    try:
        os.replace(folder, place)
    except PermissionError:
        place.rmdir()
        os.replace(folder, place)
