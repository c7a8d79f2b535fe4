"""The README and docs/: code runs and prints what the pages say; keys have meanings; it builds."""

import subprocess
import sys
from importlib.util import find_spec

import generate
import matplotlib as mpl
import pages
import pytest
from documentation import run_page
from matplotlib import pyplot as plt

PAGES = {str(p.relative_to(pages.ROOT)): p for p in pages.pages()}
CODE = {name: list(pages.blocks(path.read_text(encoding="utf-8"))) for name, path in PAGES.items()}
RUN = {"python", "console"}
ELSEWHERE = {"docs/models.md", "docs/transitions.md", "docs/how-to/files.md"}
"""Pages whose code has tests of its own, which look at what it finds."""
WITH_CODE = [
    name
    for name, blocks in CODE.items()
    if name not in ELSEWHERE
    and any(b.language in RUN and not {"slow", "not run"} & set(b.marks) for b in blocks)
]
WITH_SLOW_CODE = [name for name, blocks in CODE.items() if any("slow" in b.marks for b in blocks)]


@pytest.fixture(autouse=True)
def _in_a_new_folder(tmp_path, monkeypatch):
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    mpl.rcParams.update(before)


@pytest.mark.thorough(reason="the code of every page")
@pytest.mark.parametrize("name", WITH_CODE)
def test_the_code_of_a_page_runs_and_prints_what_it_shows(name):
    assert run_page(PAGES[name], slow=False)


@pytest.mark.slow(reason="trains and fits at the sizes that the pages show")
@pytest.mark.filterwarnings(
    # what other libraries say of themselves
    "ignore:(?s).*ArviZ is undergoing:FutureWarning",
    "ignore:.*LeafSpec:FutureWarning",
    "ignore:.*does not have many workers",
    "ignore:The number of training batches",
)
@pytest.mark.parametrize("name", WITH_SLOW_CODE)
def test_the_slow_code_of_a_page_runs_too(name):
    assert run_page(PAGES[name], slow=True)


def test_output_that_differs_is_noticed(tmp_path):
    page = pages.ROOT / "docs" / "start.md"
    copy = tmp_path / "page.md"
    copy.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n", encoding="utf-8")
    assert page.is_file()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "ROOT", tmp_path)
        with pytest.raises(AssertionError, match=r"page\.md, line 2 prints:\n1"):
            run_page(copy, slow=False)


@pytest.mark.parametrize("name", PAGES)
def test_every_block_is_run_or_says_why_not(name):
    """Blocks of other languages are listings; shell commands are of ``console``."""
    listings = {"text", "toml", "{toctree}"}  # the last are lists of pages
    for block in CODE[name]:
        is_of_readme = name == "README.md" and block.language == "sh"  # installs
        is_said = is_of_readme or "not run" in block.marks
        assert block.language in RUN | listings or is_said, (name, block.line, block.language)


def test_every_key_of_a_study_has_a_meaning():
    text = generate.keys()
    assert "`learning_rate`" in text
    assert "NAME\\]` with" not in text
    assert "Layers on the bottleneck curve.\n" in text


def test_every_public_function_has_a_place_in_the_reference():
    assert dict(generate.api())["transitions"].count(".. autofunction::") == 5


def test_the_install_and_test_commands_are_those_of_the_checks():
    readme = PAGES["README.md"].read_text(encoding="utf-8")
    checks = (pages.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (install,) = [line for line in readme.splitlines() if line.endswith("&& pytest")]
    assert install.removesuffix(" && pytest").removeprefix("pip install ") in checks


@pytest.mark.skipif(find_spec("nbformat") is None, reason="nbformat is not installed")
@pytest.mark.parametrize("name", [name for name in PAGES if "/tutorials/" in name])
def test_the_notebook_of_a_tutorial_holds_its_code(name, tmp_path):
    import nbformat

    generate.notebook(PAGES[name], tmp_path / "page.ipynb")
    book = nbformat.read(tmp_path / "page.ipynb", as_version=4)
    nbformat.validate(book)
    cells = [cell.source for cell in book.cells if cell.cell_type == "code"]
    blocks = [b for b in CODE[name] if b.language in RUN or "file" in b.marks]
    assert len(cells) == len(blocks)
    for cell, block in zip(cells, blocks, strict=True):
        if block.language == "python":
            assert cell == block.text.rstrip()
        assert cell.startswith("!") == (block.language == "console")
    words = "".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert words.startswith("# ")
    assert not {"<!--", "{download}", "```python"} & {s for s in words.split() if s}


@pytest.mark.thorough(reason="builds the documentation")
@pytest.mark.skipif(find_spec("sphinx") is None, reason="sphinx is not installed")
def test_it_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    done = subprocess.run(
        [*command, str(pages.ROOT / "docs"), str(tmp_path)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "start.html").is_file()
