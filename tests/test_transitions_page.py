"""docs/transitions.md: its code runs, finds the answer that is known, and draws in the style."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

PAGE = (Path(__file__).parents[1] / "docs" / "transitions.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[:2]
"""The two that draw; tests/test_documentation.py runs all."""


@pytest.mark.parametrize("code", CODE, ids=["collapse", "inset"])
def test_the_code_runs(code, capsys, monkeypatch, tmp_path):
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    before = dict(mpl.rcParams)
    try:
        exec(compile(code, "docs/transitions.md", "exec"), {})
        assert plt.gcf().get_figwidth() == pytest.approx(3.375)
    finally:
        plt.close("all")
    assert dict(mpl.rcParams) == before
    (drawn,) = tmp_path.iterdir()
    assert drawn.stat().st_size > 5000
    printed = capsys.readouterr().out.splitlines()
    if len(printed) == 1:
        assert printed == ["1 inset"]
        return
    truths = {"critical_point": 1.0, "exponent_control": 0.5, "exponent_order": 0.25}
    for line in printed[:3]:
        name, _, low, high = re.fullmatch(r"(\w+) (\S+) \[(\S+), (\S+)\]", line).groups()
        assert float(low) <= truths.pop(name) <= float(high)
    assert not truths
    assert printed[3] == "ok: the estimate is valid: no problem was found"
