"""docs/how-to/files.md: its code runs and prints what it should."""

import re
from pathlib import Path

import pytest

for extra in ("zarr", "upath"):
    pytest.importorskip(extra, reason="the extra zarr is not installed")

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "files.md"
CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
PRINTED = [
    "(21, 1, 4)\n[]\n",
    "True\n",
    "[1.         0.5        0.33333333]\n",
]


@pytest.mark.parametrize(("code", "said"), list(zip(CODE, PRINTED, strict=True)))
def test_the_code_runs(code, said, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(PAGE), "exec"), {})
    assert capsys.readouterr().out == said
