"""docs/models.md: its table holds every model, and its code runs."""

import re
from pathlib import Path

import pytest

from sgdphys.dynamics.models.catalogue import MODELS

PAGE = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_model_stands_in_the_table_with_its_coefficients():
    rows = {row.split("`")[1]: row for row in PAGE.splitlines() if row.startswith("| `")}
    assert list(rows) == list(MODELS)
    for name, model in MODELS.items():
        for coefficient in model.coefficients:
            shown = {f"`{coefficient}`", f"`{model.variable(coefficient)}`"}
            assert any(text in rows[name] for text in shown), (name, coefficient)
        assert rows[name].endswith("| even |" if model.needs_even else "| any |")


@pytest.mark.parametrize("code", CODE, ids=["fit", "own model"])
def test_the_code_runs(code, capsys):
    exec(compile(code, "docs/models.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "best" in printed or printed.startswith("laplace ")
