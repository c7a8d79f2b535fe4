"""Types of keys, and the base of their models."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

LARGEST_COUNT = 10**9
"""Largest count, since rows of data are numbered with 32 bits."""
LARGEST_SEED = 2**63 - 1
"""Seeds are stored as 64-bit integers."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Bins = Annotated[int, Field(ge=2, le=10**6)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Listed = BeforeValidator(_as_tuple)
"""Accepts a list for a tuple."""


FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
"""How a function of the user's is written: package.module:function."""


def _as_function(value: str) -> str:
    if value and not FUNCTION.fullmatch(value):
        raise PydanticCustomError("function", "write it as package.module:function")
    return value


Function = Annotated[str, AfterValidator(_as_function)]
"""A function of the user's; empty for none."""
STORED: Mapping[str, Any] = {"stored": True}
"""Context in which keys are those of a run on disk, which may have former values."""


def renamed(key: str, values: Mapping[str, str]) -> BeforeValidator:
    """Refuse former values of a key, naming the present ones; those of a run on disk are read."""

    def checked(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str) and value in values:
            if info.context == STORED:
                return values[value]
            raise ValueError(f"{key} {value!r} is now called {values[value]!r}")
        return value

    return BeforeValidator(checked)


class Keys(BaseModel):
    """A strict and frozen model without further keys."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True
    )
