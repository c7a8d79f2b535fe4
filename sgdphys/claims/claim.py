"""A claim: a sentence, a statistic, its threshold and its null."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Claim(BaseModel):
    """A claim and the rule by which it is judged, fixed before its data are recorded.

    Attributes
    ----------
    says : str
        The claim as a sentence.
    by : str
        Who makes it, and where.
    statistic : str
        Name of the statistic that is measured.
    where : dict
        Where the statistic is measured: ``analysis`` by name, values of swept keys, and coordinates
        of results such as layer or epoch; over a list the mean is taken.
    against : dict
        What is subtracted, with the same keys: the statistic is then a difference, paired by
        replica.
    above, below : float, optional
        Thresholds; with both, the claim is that the statistic lies between.
    null : str
        Value of the statistic if the claim is wrong, and the reason for the threshold.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    says: str
    by: str
    statistic: str
    where: dict[str, Any] = Field(default={})
    against: dict[str, Any] = Field(default={})
    above: Annotated[float, Field(allow_inf_nan=False)] | None = None
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    null: str

    @model_validator(mode="after")
    def _decidable(self) -> "Claim":
        if self.above is None and self.below is None:
            raise ValueError(f"the claim {self.says!r} has no threshold; give above, below or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(
                f"the claim {self.says!r} can never hold: above {self.above:g} and below "
                f"{self.below:g}"
            )
        return self

    @property
    def rule(self) -> str:
        """The threshold in words."""
        if self.above is not None and self.below is not None:
            return f"between {self.above:g} and {self.below:g}"
        return f"above {self.above:g}" if self.below is None else f"below {self.below:g}"
