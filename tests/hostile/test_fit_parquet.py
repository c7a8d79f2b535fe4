"""``sgdphys fit`` on Parquet files: columns are series, as in CSV files."""

import numpy as np
import pandas as pd
import pytest
from commands import diffusion, refusal

from sgdphys.fitting.reading import open_variable

pytestmark = pytest.mark.thorough(reason="commands on tables of all kinds")

WALKS = np.random.default_rng(0).standard_normal((200, 3)).cumsum(axis=0)


def test_columns_are_series(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    table = pd.DataFrame(WALKS, columns=list("abc"))
    timed = table.assign(time=np.arange(200) * 0.5)
    dated = table.set_index(pd.date_range("2020", periods=200, freq="D", name="date"))
    path = tmp_path / "a.parquet"
    np.save(tmp_path / "walks.npy", WALKS)
    expected = diffusion(tmp_path / "walks.npy")
    for given, options, spacing in (
        (table, (), 1), (timed, (), 0.5), (timed.set_index("time"), (), 0.5),
        (timed.rename(columns={"time": "z"}), ("--time", "z"), 0.5),
        (timed.rename(columns={"time": "z"}).set_index("z"), ("--time", "z"), 0.5),
        (dated, (), 86400),
    ):  # fmt: skip
        given.to_parquet(path)
        assert diffusion(path, *options) == pytest.approx(expected / spacing), options
    assert open_variable(path, "b").ndim == 1
    assert "did you mean 'a'" in refusal(path, "--variable", "aa")
    table.assign(day=pd.date_range("2020", periods=200)).to_parquet(path)
    assert "column 'day' holds dates; give --time day" in refusal(path)
    table.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-50])
    assert "cannot be read" in refusal(path)


def test_without_pyarrow_it_is_said_what_to_install(tmp_path, monkeypatch):
    def missing(path):
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd, "read_parquet", missing)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert 'the extra "parquet"' in refusal(tmp_path / "a.parquet")
