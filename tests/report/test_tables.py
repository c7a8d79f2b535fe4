"""Tables of results: numbers stay numbers, and no spreadsheet carries a text out."""

import csv
import io

import numpy as np
import pytest
import xarray as xr

from sgdphys.report.tables import csv_of


def rows(data):
    return list(csv.reader(io.StringIO(csv_of(data), newline="")))


def cases(names, values):
    return xr.Dataset({"loss": ("case", values, {"units": "nats"})}, {"case": names})


@pytest.mark.parametrize(
    "text",
    ["=1+1", '=HYPERLINK("x")', "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"],
)
def test_a_text_that_is_a_formula_is_quoted(text):
    found = rows(cases([text, "plain"], [1.0, 2.0]))
    assert [row[0] for row in found] == ["case", f"'{text}", "plain"]
    assert found[1][1] == "1"


def test_headings_are_quoted_too():
    data = xr.Dataset({"=a": (("+b",), [1.0], {"units": "m"}), "-c": (("+b",), [2.0])})
    assert rows(data)[0] == ["'+b", "'=a (m)", "'-c"]


def test_numbers_stay_numbers():
    found = rows(cases(["-1", "+2.5", "-1e-3"], np.array([-1.5, -np.inf, np.nan])))
    assert [row[0] for row in found[1:]] == ["-1", "+2.5", "-1e-3"]
    assert [row[1] for row in found[1:]] == ["-1.5", "-inf", "nan"]
    assert rows(cases(["a"], np.array([-7])))[1] == ["a", "-7"]


def test_quantiles_over_networks_are_no_intervals():
    values = np.arange(21.0)
    data = xr.Dataset(
        {
            "loss": (("epoch", "replica"), np.stack([values, values + 1])),
            "mean": ("epoch", [10.0, 11.0]), "mean_low": ("epoch", [9.0, 10.0]),
        },
        {"epoch": [0, 1]},
    )  # fmt: skip
    assert rows(data)[0] == ["epoch", "loss", "loss_q05", "loss_q95", "mean", "mean_low"]
    assert rows(data)[1] == ["0", "10", "1", "19", "10", "9"]
