"""What models of keys have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

LARGEST_COUNT = 10**9
"""Of anything that is counted: rows of data are numbered with 32 bits."""
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
"""Lets a list stand for a tuple, which is frozen."""


class Keys(BaseModel):
    """Strict, frozen, and nothing beside its keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
