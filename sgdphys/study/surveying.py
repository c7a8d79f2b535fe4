"""Epochs of a run's recording that are present, intact and of its study."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sgdphys.errors import InputError, WorkError
from sgdphys.trajectory.digests import digest_path, faults_of_file
from sgdphys.trajectory.netcdf import WHAT_TO_DO
from sgdphys.trajectory.reader import check_arrays, described
from sgdphys.trajectory.segments import segment_paths, span


@dataclass
class Survey:
    """Contents of the segments of a run.

    Attributes
    ----------
    sound : dict of int to Path
        Segments that are intact and of this run, by their first epoch.
    damaged : dict of Path to str
        Segments that cannot be used, and what is wrong with each.
    attributes : dict of Path to mapping
        Those of each intact segment.
    """

    sound: dict[int, Path] = field(default_factory=dict)
    damaged: dict[Path, str] = field(default_factory=dict)
    attributes: dict[Path, Mapping[str, Any]] = field(default_factory=dict)

    def values(self, attribute: str) -> set[str]:
        """Attributes of the intact segments."""
        return {str(a.get(attribute)) for a in self.attributes.values()}

    def gaps(self, epochs: int) -> list[tuple[int, int]]:
        """Stretches of epochs, up to the last of the run, that no intact segment holds."""
        found, done = [], 0
        for first in sorted(self.sound):
            if first > done:
                found.append((done, first))
            done = max(done, span(self.sound[first])[1])
        return [*found, (done, epochs)] if done < epochs else found

    def ending_at(self, epoch: int) -> Path:
        """The segment that holds the state after an epoch."""
        return next(path for path in self.sound.values() if span(path)[1] == epoch)


def survey(segments: Path, other_than: Callable[[Mapping[str, Any]], str]) -> Survey:
    """Look at every finished segment of a run.

    Parameters
    ----------
    segments : Path
        Their folder.
    other_than : callable
        Given a segment's attributes, says in what it differs from those of this run; empty where it
        does not.

    Raises
    ------
    WorkError
        When a segment is intact and of another run.
    """
    found = Survey()
    for path in segment_paths(segments):
        try:
            faults = faults_of_file(path)
            attributes, wrong = described(path)
            if not faults and not digest_path(path).is_file():
                check_arrays(path)
        except (WorkError, InputError) as error:  # or nothing that can be read
            found.damaged[path] = str(error).removesuffix(WHAT_TO_DO)
            continue
        if faults or wrong:
            found.damaged[path] = faults[0] if faults else wrong
            continue
        different = other_than(attributes)
        if different:
            raise WorkError(
                f"{path} is of another run ({different}); move it away, or begin anew with --fresh"
            )
        found.sound[span(path)[0]] = path
        found.attributes[path] = attributes
    return found
