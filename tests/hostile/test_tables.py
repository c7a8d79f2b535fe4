"""Tables of others: what could be read in two ways is read in the right one, or refused."""

import numpy as np
import pandas as pd
import pytest

from sgdphys.containers import labelled_array
from sgdphys.errors import InputError
from sgdphys.fitting.tables import open_table

WALK = np.random.default_rng(0).standard_normal((12, 3)).cumsum(axis=0)


def table(tmp_path, text, **options):
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    return open_table(path, options.get("variable"), options.get("time"))


def test_the_numbers_that_pandas_gives_to_columns_are_no_data(tmp_path):
    """A first point of 0, 1, 2 before values of 1e9 is an increment of 1e9."""
    pd.DataFrame(1e9 + WALK).to_csv(tmp_path / "many.csv", index=False)
    pd.DataFrame(1e9 + WALK[:, :1]).to_csv(tmp_path / "one.csv", index=False)
    for name, columns in (("many", 3), ("one", 1)):
        found = open_table(tmp_path / f"{name}.csv", None, None)
        assert found.shape == (12, columns)
        assert float(abs(found.diff("step")).max()) < 10
    with pytest.raises(InputError, match="its first line is 0, which may be the first point"):
        table(tmp_path, "0\n1\n2\n1\n")
    assert table(tmp_path, "0.0\n1\n2\n1\n").sizes["step"] == 4
    assert table(tmp_path, "0\n1.5\n2\n1\n").sizes["step"] == 3


def test_a_column_without_a_name_can_be_named(tmp_path):
    """The advice can be followed; "--time 0" was a spacing of 0, with the same advice again."""
    rows = "\n".join(f"{0.1 * k:.1f},{x}" for k, x in enumerate(WALK[:, 0]))
    with pytest.raises(InputError, match="give --time 'column1'"):
        table(tmp_path, rows)
    found = table(tmp_path, rows, time="column1")
    assert found["column1"].values == pytest.approx(0.1 * np.arange(12))
    assert table(tmp_path, rows, variable="column2", time=1.0).dims == ("step",)


def test_a_number_names_a_column_or_is_a_spacing(tmp_path):
    rows = "0,1\n" + "\n".join(f"{0.1 * k:.1f},{x}" for k, x in enumerate(WALK[:, 0]))
    assert table(tmp_path, rows, time=0.0)["0"].values == pytest.approx(0.1 * np.arange(12))
    with pytest.raises(InputError, match="may be the spacing of the rows or the column 1"):
        table(tmp_path, rows, time=1.0)
    assert table(tmp_path, rows, variable="1", time=0.5).dims == ("step",)


def test_numbers_that_are_dates(tmp_path):
    """From 31 January to 1 February is one day, not 70."""
    days = pd.date_range("2024-01-25", periods=12)
    numbers = days.strftime("%Y%m%d").astype(int)
    text = "date,x\n" + "\n".join(f"{d},{x}" for d, x in zip(numbers, WALK[:, 0], strict=True))
    assert (np.diff(table(tmp_path, text)["date"].values) == np.timedelta64(1, "D")).all()
    frame = pd.DataFrame({"x": WALK[:, 0]}, index=pd.Index(numbers, name="date"))
    found = labelled_array(frame, "date")
    assert (np.diff(found["date"].values) == np.timedelta64(1, "D")).all()
    counted = "date,x\n" + "\n".join(f"{k},{x}" for k, x in enumerate(WALK[:, 0]))
    assert table(tmp_path, counted)["date"].values.tolist() == list(range(12))


def test_dates_whose_day_and_month_may_be_exchanged(tmp_path):
    def dated(dates):
        return "t,x\n" + "\n".join(f"{d},{x}" for d, x in zip(dates, WALK[:, 0], strict=False))

    with pytest.raises(InputError, match="01/02/2024 00:00, in which the day or the month may"):
        table(tmp_path, dated([f"01/02/2024 {h:02d}:00" for h in range(12)]))
    after = table(tmp_path, dated([f"{d}/01/2024" for d in range(10, 22)]))  # 10 to 21 January
    assert (np.diff(after["t"].values) == np.timedelta64(1, "D")).all()
    american = table(tmp_path, dated([f"01/{d}/2024" for d in range(10, 22)]))
    assert (american["t"].values == after["t"].values).all()


def test_a_row_of_units_is_named(tmp_path):
    with pytest.raises(InputError, match="column 't' holds 's' in row 1, which is no time; remove"):
        table(tmp_path, "t,x\ns,m\n0,1.0\n0.1,1.2\n")


def test_a_comma_at_the_end_of_rows_shifts_no_column(tmp_path):
    rows = "elapsed,x\n" + "\n".join(f"{0.1 * k:.1f},{x}," for k, x in enumerate(WALK[:, 0]))
    found = table(tmp_path, rows, time="elapsed")
    assert found["elapsed"].values == pytest.approx(0.1 * np.arange(12))
    assert found.sel(column="x").values == pytest.approx(WALK[:, 0])
    with pytest.raises(InputError, match="more columns than its first line"):
        table(tmp_path, "a,b\n0,1,2\n1,2,3\n")


class Table:
    """A table as other libraries have it: an array as well, and a way to pandas."""

    def __init__(self, **columns):
        self.columns = columns

    def __array__(self, dtype=None, copy=None):
        return np.stack(list(self.columns.values()), axis=1)

    def to_pandas(self):
        return pd.DataFrame(self.columns)


def test_a_table_of_another_library_has_names():
    times = 0.01 * np.arange(12)
    with pytest.raises(InputError, match="the column 'time' seems to hold the times"):
        labelled_array(Table(time=times, x=WALK[:, 0]), "step")
    found = labelled_array(Table(x=WALK[:, 0], y=WALK[:, 1]), "step")
    assert found["column"].values.tolist() == ["x", "y"]
