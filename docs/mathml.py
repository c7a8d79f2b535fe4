"""Formulas as MathML, which browsers draw without a script from the net."""

from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert


def setup(app: Any) -> dict[str, bool]:
    """Draw formulas in lines and formulas of their own."""
    app.add_html_math_renderer("mathml", (_in_a_line, None), (_of_its_own, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _in_a_line(page: Any, formula: Any) -> None:
    page.body.append(convert(formula.astext()))
    raise SkipNode


def _of_its_own(page: Any, formula: Any) -> None:
    page.body.append(convert(formula.astext(), display="block"))
    raise SkipNode
