"""Keys of ``[analyses.NAME]`` of this kind, and what a study needs for it."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from sgdphys.analyses.settings import AnalysisSettings, without_labels
from sgdphys.keys import Bins, Listed, Positive, Whole, renamed

if TYPE_CHECKING:
    from sgdphys.study.settings import Study

OF_ESTIMATORS = {
    "binned": {"bins", "edges", "range"},
    "equal_mass": {"bins"},
    "net_input": {"bins"},
    "precision": set(),
    "kde_lower": {"noise_variance"},
    "kde_upper": {"noise_variance"},
    "noisy": set(),
}
"""Keys that each estimator reads, among those that are not common to all."""
_OF_MODULES = ("binned", "equal_mass", "precision", "kde_lower", "kde_upper")


class Settings(AnalysisSettings):
    """Information of every layer: ``[analyses.NAME]`` with ``of = "information"``."""

    quick: ClassVar[dict[str, int]] = {"replicas": 2}
    of: Literal["information"]
    estimator: Literal[
        "binned", "equal_mass", "net_input", "precision", "kde_lower", "kde_upper", "noisy"
    ] = "binned"
    """Estimator of the information."""
    replicas: Whole = 0
    """Number of networks that are analysed, 0 for all."""
    epochs: Annotated[tuple[Whole, ...], Listed] = ()
    """Epochs that are analysed; empty for all recorded ones."""
    noise_variance: Positive = 1e-3
    """Of the kde estimators: variance of the noise that is assumed."""
    bins: Bins = 30
    """Number of bins per unit."""
    edges: Annotated[
        Literal["full", "as_published"], renamed("edges", {"idnns": "as_published"})
    ] = "full"
    """full: that many equal bins; as_published: one fewer, as in the code of the paper."""
    range: Annotated[tuple[float, float], Listed] | Literal["epoch"] | None = None
    """Range of the bins; by default that of the activation function, or "epoch"."""
    labels: Literal["hard", "soft"] = "hard"
    """Labels I(T;Y) is about: hard, or soft ones p(y|x)."""
    patterns: Literal["all", "train", "test"] = "all"
    """Patterns that are read: all, or those of the training or the test set."""

    def requires(self, study: "Study") -> list[str]:
        """Return the requirements that the study does not meet."""
        missing = without_labels("information", study)
        if study.network.module and self.estimator not in _OF_MODULES:
            missing.append(
                f"has estimator {self.estimator!r}, which needs a perceptron; network.module is "
                f"{study.network.module!r}; choose one of {', '.join(map(repr, _OF_MODULES))}"
            )
        elif self.estimator == "noisy" and not study.network.noise:
            missing.append("has estimator 'noisy', which needs network.noise above 0")
        if (self.labels, self.patterns) != ("hard", "all") and (
            study.network.module or self.estimator != "binned"
        ):
            why = "of a network.module" if study.network.module else f"by {self.estimator!r}"
            missing.append(
                f"is {why}, which reads all patterns and hard labels; leave labels and patterns out"
            )
        sizes = study.sizes
        if self.patterns == "test" and sizes is not None:
            if study.train_samples(sizes.samples) >= sizes.samples:
                missing.append(
                    "reads test patterns, and train.train_fraction "
                    f"{study.train.train_fraction:g} leaves none"
                )
        if isinstance(self.range, tuple) and not -1e300 < self.range[0] < self.range[1] < 1e300:
            missing.append(
                f"has range {list(self.range)}; two finite numbers were expected, the lower first"
            )
        return missing

    def unread(self, study: "Study") -> dict[str, str]:
        """Return the keys that the estimator does not read, each with the reason."""
        several = set().union(*OF_ESTIMATORS.values())
        said = f"estimator {self.estimator!r}"
        found = dict.fromkeys(several - OF_ESTIMATORS[self.estimator], said)
        if study.network.module and self.estimator == "binned":
            found["edges"] = "network.module"
        return found
