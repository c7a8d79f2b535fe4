"""A claim: a sentence, a statistic, its threshold and its null."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ClaimKind = Literal["paper", "critic", "instrument", "exploratory"]
Written = Literal["before", "after"]
Clock = Literal["epochs", "updates", "rate x updates"]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class Claim(BaseModel):
    """A claim and the rule by which it is judged.

    Attributes
    ----------
    says : str
        The claim as a sentence.
    by : str
        Who makes it, and where.
    kind : str
        "paper", "critic", "instrument" for what cannot fail or tests the engine, or "exploratory".
    written : str
        Whether the rule was written "before" its data were seen or "after".
    statistic : str
        Name of the statistic that is measured.
    where : dict
        Where the statistic is measured: ``analysis`` by name, values of swept keys, and coordinates
        of results such as layer or epoch; over a list the mean is taken. ``until_epoch``,
        ``until_updates`` and ``until_time`` (sum of learning rates) cut curves there.
    against : dict
        What it is compared with, with the same keys: the statistic is then a difference, or a
        ratio where its values are averaged as logarithms, paired by replica.
    above, below : float, optional
        Thresholds; with both, the claim is that the statistic lies between.
    window : str
        Part of training that the claim is judged on, in words.
    clock : str
        Time that the claim counts in.
    null : str
        What the statistic is if the claim is wrong, and the reason for the threshold.
    at_null : float, optional
        Its value then.
    detects : float, optional
        Value at which the rule must find the claim supported in four of five studies.
    states : str
        Sentence of the source that states the effect.
    least_members : int
        Networks that a verdict needs.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    says: str
    by: str
    kind: ClaimKind = "exploratory"
    written: Written = "after"
    statistic: str
    where: dict[str, Any] = Field(default={})
    against: dict[str, Any] = Field(default={})
    above: _Number | None = None
    below: _Number | None = None
    window: str = "the whole of training"
    clock: Clock = "epochs"
    null: str
    at_null: _Number | None = None
    detects: _Number | None = None
    states: str = ""
    least_members: Annotated[int, Field(ge=1, le=10**6)] = 3

    @model_validator(mode="after")
    def _decidable(self) -> "Claim":
        if self.above is None and self.below is None:
            raise ValueError(f"the claim {self.says!r} has no threshold; give above, below or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(
                f"the claim {self.says!r} can never hold: above {self.above:g} and below "
                f"{self.below:g}"
            )
        if self.detects is not None and not self.holds(self.detects):
            raise ValueError(
                f"the claim {self.says!r} detects {self.detects:g}, which is not {self.rule}"
            )
        if self.at_null is not None and self.holds(self.at_null):
            raise ValueError(
                f"the claim {self.says!r} has at_null {self.at_null:g}, which is {self.rule}; "
                "under its null a claim must not hold"
            )
        return self

    def holds(self, value: float) -> bool:
        """Whether a value is on the claim's side of its thresholds."""
        above = float("-inf") if self.above is None else self.above
        below = float("inf") if self.below is None else self.below
        return above < value < below

    def has_rule_of(self, other: "Claim") -> bool:
        """Whether another claim is judged by the same rule on the same data."""
        keys = {"statistic", "where", "against", "above", "below"}
        return self.model_dump(include=keys) == other.model_dump(include=keys)

    @property
    def rule(self) -> str:
        """The threshold in words."""
        if self.above is not None and self.below is not None:
            return f"between {self.above:g} and {self.below:g}"
        return f"above {self.above:g}" if self.below is None else f"below {self.below:g}"
