"""The page on the design names the rooms that are there, and the order in which they import."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sgdphys"
PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def section(title):
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def rooms_of(folder):
    """Modules and packages right inside a folder, without the private ones."""
    files = (p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))
    packages = (p.parent.name for p in folder.glob("*/__init__.py"))
    return {*files, *packages}


def named_in_tables(text):
    return re.findall(r"^\| `([\w/]+)` \|", text, flags=re.MULTILINE)


def test_every_package_is_described_once():
    named = named_in_tables(section("The packages"))
    assert len(named) == len(set(named))
    assert {n for n in named if "/" not in n} == rooms_of(PACKAGE)


def test_every_subpackage_of_dynamics_is_described():
    named = {n for n in named_in_tables(section("The packages")) if "/" in n}
    there = (PACKAGE / "dynamics").glob("*/__init__.py")
    assert named == {f"dynamics/{p.parent.name}" for p in there}


def test_the_order_of_imports_is_that_of_the_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c["layers"] for c in contracts["contracts"] if c["id"] == "layers")
    drawn = section("What may import what").split("```text\n")[1].split("```")[0]
    assert drawn.splitlines() == layers


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:sgdphys|tests)/[\w/.]+)`", PAGE))))
def test_files_that_the_page_names_are_there(path):
    assert "NAME" in path or (ROOT / path).exists()


def test_modules_that_the_page_names_are_there():
    for module, name in re.findall(r"`(parallel|arguments|quantities|series)\.(\w+)`", PAGE):
        home = {"series": "dynamics/series"}.get(module, module)
        assert f"def {name}" in (PACKAGE / f"{home}.py").read_text(), name


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT / "tests"))
)
def test_no_test_reads_a_private_name(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ours, private = {"sp", "sgdphys"}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sgdphys":
            ours |= {a.asname or a.name for a in node.names}
            private += [a.name for a in node.names if is_private(a.name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ours and is_private(node.attr):
                private.append(f"{node.value.id}.{node.attr}")
    assert not private


def is_private(name):
    return name.startswith("_") and not name.endswith("__")
