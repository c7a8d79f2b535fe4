"""What the companion of a segment says is what the segment holds; otherwise the segment is read."""

import json
import zlib

import numpy as np
import pytest
import torch
import xarray as xr

import sgdphys as sp
from sgdphys.errors import WorkError
from sgdphys.trajectory import skimming
from sgdphys.trajectory.digests import digest_path
from sgdphys.trajectory.segments import parts_of, segment_paths
from sgdphys.trajectory.stored import Stored


@pytest.fixture
def recording(tmp_path):
    """Five segments of a recording that goes on, with scalars in some of them."""
    torch.manual_seed(0)
    model, path = torch.nn.Linear(30, 4), tmp_path / "a.nc"
    recorder = sp.record(model, path)
    for k in range(12):
        if k % 3 == 2:
            with torch.no_grad():
                model.weight.add_(1.0)
        recorder.step(**({"loss": k / 3} if k > 4 else {}))
        if k % 3 == 2:
            recorder.flush()
    yield path
    recorder.close()


def without_line(path):
    beside = digest_path(path)
    lines = beside.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("# along ")]
    assert len(kept) == len(lines) - 1
    beside.write_text("".join(kept))


def opened_whole(path):
    return {n: d.to_dataset().load() for n, d in sp.open_trajectory(path).children.items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        xr.testing.assert_identical(one[name], other[name])


def test_companions_say_what_the_segments_hold(recording):
    for path in segment_paths(parts_of(recording)):
        said = skimming.skimmed(path, None, ())
        without_line(path)
        read = skimming.skimmed(path, None, ())
        assert all(read[0][n] == v for n, v in said[0].items())
        assert said[1].keys() == read[1].keys()
        for group in read[1]:
            assert (said[1][group] is None) == (read[1][group] is None)
            for name, piece in (read[1][group] or {}).items():
                other = said[1][group][name]
                assert other[:2] == piece[:2]
                assert other.data.dtype == piece.data.dtype
                assert isinstance(other.data, Stored) == isinstance(piece.data, Stored)
                if isinstance(piece.data, Stored):
                    assert other.data.chunks == piece.data.chunks
                    np.testing.assert_array_equal(other.data.checks, piece.data.checks)
                else:
                    np.testing.assert_array_equal(other.data, piece.data)


def test_segments_between_the_first_and_the_last_are_not_opened(recording, monkeypatch):
    wanted = opened_whole(recording)
    opened = []
    monkeypatch.setattr(skimming, "verified", lambda path, *_, **__: opened.append(path))
    sp.open_trajectory(recording)
    assert opened == []
    monkeypatch.undo()
    for path in segment_paths(parts_of(recording)):
        without_line(path)
    same(opened_whole(recording), wanted)  # as versions before wrote them


@pytest.mark.parametrize(
    "said", ["{}", "[1]", '{"attributes": {}, "groups": {"weights": {"a": 1}}}']
)
def test_a_companion_that_another_hand_wrote_is_not_believed(recording, said):
    wanted = opened_whole(recording)
    path = segment_paths(parts_of(recording))[1]
    without_line(path)
    with digest_path(path).open("a") as file:
        file.write(f"# along {zlib.crc32(said.encode())} {said}\n")
    same(opened_whole(recording), wanted)


def test_a_line_that_was_damaged_is_not_used(recording):
    wanted = opened_whole(recording)
    beside = digest_path(segment_paths(parts_of(recording))[1])
    line = beside.read_text().splitlines()[-1]
    values = json.loads(line.split(" ", 3)[3])["groups"]["weights"]["step"]
    assert values[1] > 0
    beside.write_text(beside.read_text().replace(values[-1], values[-1][::-1]))
    same(opened_whole(recording), wanted)


def test_a_segment_whose_numbers_changed_is_refused_in_spite_of_its_line(recording):
    path = segment_paths(parts_of(recording))[1]
    intact = path.read_bytes()
    data = bytearray(intact)
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WorkError, match="truncated or damaged"):
        opened_whole(recording)
    path.write_bytes(intact)
