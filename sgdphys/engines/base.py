"""What every engine does: advance an ensemble by some epochs and return what was recorded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from sgdphys.errors import InputError
from sgdphys.networks import ParameterTable, Perceptron
from sgdphys.sampling import batch_sizes, seed_sequence


@dataclass(frozen=True)
class Training:
    """How an ensemble is trained.

    Attributes
    ----------
    rates : float64 (epoch,)
        Learning rate of every epoch.
    batch_size : int
    sampler : str
        One of ``sampling.SAMPLERS``.
    optimiser : str
        "sgd" or "adam".
    momentum, weight_decay : float
        In the conventions of torch.optim.
    orthonormality : float
        Strength of a penalty on weight matrices that are not; see ``engines.orthonormality``.
    nesterov : bool
    loss : str
        "cross_entropy" (of the softmax of the linear output) or "squared_error" (half the sum over
        outputs).
    langevin : float
        Diffusion coefficient of added noise, weight**2 per unit time.
    label_noise : float
        Chance that a label is redrawn at a visit, or standard deviation added to real targets.
    dtype : str
        "float32" or "float64".
    """

    rates: np.ndarray
    batch_size: int = 512
    sampler: str = "shuffle"
    optimiser: str = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    orthonormality: float = 0.0
    loss: str = "cross_entropy"
    langevin: float = 0.0
    label_noise: float = 0.0
    dtype: str = "float32"


@dataclass(frozen=True)
class Samples:
    """What an ensemble is trained on.

    Attributes
    ----------
    x : (sample, feature)
    targets : (family, sample) whole labels, or (sample, output) real numbers
    is_train : bool (replica, sample)
        Each replica's split, equally many for all.
    """

    x: np.ndarray
    targets: np.ndarray
    is_train: np.ndarray

    @property
    def are_labels(self) -> bool:
        """Whether the targets are labels, so that accuracy means something."""
        return np.issubdtype(self.targets.dtype, np.integer)


class Network(Protocol):
    """What an engine and a recording need to know of a network."""

    @property
    def parameters(self) -> ParameterTable:
        """Layer, kind, tensor name and flat index of every parameter."""
        ...

    @property
    def layers(self) -> int:
        """How many layers hold parameters."""
        ...

    @property
    def layer_names(self) -> list[str]:
        """Their names."""
        ...

    def initial_weights(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one replica's weights, float64 (parameter,)."""
        ...

    def description(self) -> dict[str, Any]:
        """Return what a trajectory's attributes keep of it."""
        ...


@dataclass(frozen=True)
class Ensemble:
    """Replicas of one experiment: the same network, training and data, other random numbers."""

    network: Network
    training: Training
    samples: Samples
    seed: int
    twins: int = 1

    @property
    def perceptron(self) -> Perceptron:
        """The network, where it is a perceptron.

        Raises
        ------
        InputError
            When it is another one.
        """
        if not isinstance(self.network, Perceptron):
            raise InputError(
                "the fused engine trains perceptrons alone; set train.engine = 'vmapped', or leave "
                "network.module out"
            )
        return self.network

    @property
    def needs_fused(self) -> bool:
        """Whether something is asked for that the fused engine alone has."""
        training = self.training
        return (
            max(training.langevin, training.label_noise, training.orthonormality) > 0
            or getattr(self.network, "noise", 0.0) > 0
        )

    @property
    def replicas(self) -> int:
        """How many networks there are."""
        return len(self.samples.is_train)

    @property
    def epochs(self) -> int:
        """How many epochs a whole run has."""
        return len(self.training.rates)

    @property
    def train_samples(self) -> int:
        """How many samples each replica trains on."""
        return int(self.samples.is_train[0].sum())

    def train_rows(self, members: Iterable[int]) -> np.ndarray:
        """Rows of the data that some replicas train on, in order, int32 (sample, replica).

        In a fixed order it is drawn once a family, so that twins are one network: the control
        without noise.
        """
        columns = []
        for m in members:
            rows = np.flatnonzero(self.samples.is_train[m])
            if self.training.sampler == "fixed":
                stream = seed_sequence(self.seed, m // self.twins, "batches")
                rows = np.random.default_rng(stream).permutation(rows)
            columns.append(rows)
        return np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.int32)

    def labels_of(self, members: Iterable[int]) -> np.ndarray:
        """Labels (member, sample) of some replicas, those of their families."""
        targets = self.samples.targets
        family = np.fromiter(members, np.int64) // self.twins
        return targets[family if len(targets) > 1 else np.zeros_like(family)]

    def initial_weights(self) -> np.ndarray:
        """Weights (replica, parameter) before any update, one draw a family."""
        return np.stack(
            [
                self.network.initial_weights(
                    np.random.default_rng(seed_sequence(self.seed, r, "init", self.twins))
                )
                for r in range(self.replicas)
            ]
        ).astype(self.training.dtype)

    @property
    def batch_sizes(self) -> np.ndarray:
        """Samples of each batch of an epoch."""
        return batch_sizes(self.train_samples, self.training.batch_size, self.training.sampler)

    @property
    def updates_per_epoch(self) -> int:
        """Optimiser updates in an epoch."""
        return len(self.batch_sizes)

    def time_after(self, updates: np.ndarray) -> np.ndarray:
        """Sum of the learning rates of so many updates, whole numbers."""
        rates, per_epoch = np.append(self.training.rates, 0.0), self.updates_per_epoch
        done, rest = np.divmod(updates, per_epoch)
        return np.asarray(per_epoch * (np.cumsum(rates) - rates)[done] + rest * rates[done])


@dataclass
class State:
    """All that the next epoch depends on.

    Attributes
    ----------
    epoch : int
        Epochs done.
    theta, velocity, square : (replica, parameter)
        Weights, and the optimiser's first and second moment.
    diverged_step : int64 (replica,)
        Update after which weights were first not finite; -1 for none.
    buffers : dict of arrays (replica, ...)
        What a network keeps beside its weights, such as running means of batch norm.
    """

    epoch: int
    theta: np.ndarray
    velocity: np.ndarray
    square: np.ndarray
    diverged_step: np.ndarray
    buffers: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What is recorded of a whole run.

    Attributes
    ----------
    weight_steps : int64, ascending
        Updates after which the weights are kept; 0 is the initial state.
    epochs : int64, ascending
        Epochs at which loss, accuracy and gradient statistics are taken, before their updates.
    gradients : bool
        Whether gradient statistics are taken.
    """

    weight_steps: np.ndarray
    epochs: np.ndarray
    gradients: bool = True


@dataclass
class Recorded:
    """What one call of ``advance`` recorded.

    Attributes
    ----------
    steps : int64 (step,)
    theta : (replica, step, parameter)
    epochs : int64 (epoch,)
    by_epoch : dict of arrays (epoch, replica, ...)
        loss, accuracy, test_loss, test_accuracy (epoch, replica); gradient_mean,
        gradient_variance (epoch, replica, parameter); mean_norm, noise_norm, weight_norm,
        noise_trace, followed_mean_norm, followed_noise_norm (epoch, replica, layer).
    """

    steps: np.ndarray
    theta: np.ndarray
    epochs: np.ndarray
    by_epoch: dict[str, np.ndarray] = field(default_factory=dict)


class Stopped(Exception):
    """Raised by ``advance`` when it was asked to stop; what it had done is lost."""


class Engine(Protocol):
    """An engine for one ensemble."""

    ensemble: Ensemble
    name: str
    threads: int
    """Threads that train; see ``sgdphys.parallel``."""

    def is_compiled(self) -> bool:
        """Whether training can begin without compilation."""
        ...

    def initial_state(self) -> State:
        """Weights before any update."""
        ...

    def advance(
        self,
        state: State,
        until: int,
        plan: Plan,
        *,
        progress: Callable[[int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> tuple[State, Recorded]:
        """Train up to an epoch and return the new state and what the plan wanted of the way.

        ``progress`` is told of network-epochs as they are done, from any thread; ``stop`` is asked
        between stretches and ends the call with ``Stopped``.
        """
        ...


def due(state: State, until: int, plan: Plan, ensemble: Ensemble) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps and epochs of a plan that fall to the stretch from a state to an epoch.

    The stretch holds the steps after its first state (step 0 too at the very start), and the epochs
    from its first on, its end excluded but for the end of the run.
    """
    per_epoch = ensemble.updates_per_epoch
    first = state.epoch * per_epoch
    steps = plan.weight_steps
    after = steps > first if state.epoch else steps >= 0
    steps = steps[after & (steps <= until * per_epoch)]
    end = until + 1 if until == ensemble.epochs else until
    epochs = plan.epochs[(plan.epochs >= state.epoch) & (plan.epochs < end)]
    return steps, epochs


def batch_variance(
    mean: np.ndarray, square: np.ndarray, sizes: np.ndarray, whole_pass: bool
) -> np.ndarray:
    """Unbiased variance of batch gradients from their means, weighted by size, over one pass.

    Of a single batch: none if it is the whole training set, unknown (NaN) if it was drawn.
    """
    unbiased = 1.0 - float(np.sum((sizes / sizes.sum()) ** 2))
    if unbiased > 0:
        return np.asarray(np.maximum(square - mean**2, 0.0) / unbiased)
    return np.full_like(mean, 0.0 if whole_pass else np.nan)


def room_for(ensemble: Ensemble, steps: np.ndarray, epochs: np.ndarray, plan: Plan) -> Recorded:
    """Return empty arrays for what a stretch will record."""
    replicas, dtype = ensemble.replicas, ensemble.training.dtype
    network = ensemble.network
    parameters = network.parameters.count
    shapes: dict[str, tuple[int, ...]] = {
        name: () for name in ("loss", "accuracy", "test_loss", "test_accuracy")
    }
    if plan.gradients:
        shapes |= dict.fromkeys(("gradient_mean", "gradient_variance"), (parameters,))
        shapes |= dict.fromkeys(
            (
                "mean_norm", "noise_norm", "weight_norm", "noise_trace", "followed_mean_norm",
                "followed_noise_norm",
            ),
            (network.layers,),
        )  # fmt: skip
    return Recorded(
        steps=steps,
        theta=np.empty((replicas, len(steps), parameters), dtype),
        epochs=epochs,
        by_epoch={  # NaN: no update follows the last epoch
            name: np.full(
                (len(epochs), replicas, *shape), np.nan, np.float64 if not shape else dtype
            )
            for name, shape in shapes.items()
        },
    )
