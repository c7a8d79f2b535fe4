"""Task, ensemble and recording plan of a study."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from sgdphys.engines.base import Ensemble, Network, Plan, Samples, Training
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron
from sgdphys.sampling import seed_sequence
from sgdphys.study.cases import cases_of
from sgdphys.study.settings import Bursts, Every, StepSchedule, Study, Train
from sgdphys.tasks.catalogue import TASKS
from sgdphys.trajectory.schedules import LOG_FOLLOWED, burst_starts, log_epochs


def task_of(study: Study) -> xr.Dataset:
    """Return the study's data set."""
    return TASKS[study.task.name].make(study.task)


def require_readable(studies: Iterable[Study]) -> None:
    """Read the files of data that studies, and the cases of their sweeps, name.

    Raises
    ------
    InputError
        For one that cannot be read, or holds something else.
    """
    read: set[str] = set()
    for study in studies:
        for case in cases_of(study).values():
            named = case.task.model_dump_json()
            if TASKS[case.task.name].is_of_files and named not in read:
                task_of(case)
                read.add(named)


def ensemble_of(study: Study, task: xr.Dataset) -> Ensemble:
    """Return the ensemble a study describes, on a task with labels or real targets."""
    train = study.train
    x = task["x"].to_numpy()
    samples = len(x)
    n_train = round(train.train_fraction * samples)
    if n_train < 1:
        raise InputError(
            f"train.train_fraction is {train.train_fraction}: no sample of {samples} is left; "
            f"it must be at least {1 / samples:.2g}"
        )
    is_train = np.zeros((train.replicas, samples), bool)
    for replica in range(train.replicas):
        rng = np.random.default_rng(seed_sequence(train.seed, replica, "split", train.twins))
        is_train[replica, rng.permutation(samples)[:n_train]] = True
    outputs = task.sizes["label" if "y" in task else "output"]
    targets = _labels(study, task) if "y" in task else task["target"].to_numpy()
    return Ensemble(
        network=network_of(study, task, outputs),
        training=Training(
            rates=learning_rates(train),
            batch_size=train.batch_size,
            sampler=train.sampling,
            optimiser=train.optimiser,
            momentum=train.momentum,
            nesterov=train.nesterov,
            weight_decay=train.weight_decay,
            orthonormality=train.orthonormality,
            loss=train.loss,
            langevin=train.langevin,
            label_noise=train.label_noise,
            dtype=train.dtype,
        ),
        samples=Samples(x=x, targets=targets, is_train=is_train),
        seed=train.seed,
        twins=train.twins,
    )


def network_of(study: Study, task: xr.Dataset, outputs: int) -> Network:
    """Return a study's network, with the inputs of its task."""
    network = study.network
    if network.module:
        from sgdphys.engines.modules import ModuleNetwork

        shape = task.attrs.get("shape", (task.sizes["feature"],))
        inputs = tuple(int(n) for n in np.atleast_1d(shape))
        return ModuleNetwork(network.module, inputs, outputs, study.folder)
    return Perceptron(
        sizes=(task.sizes["feature"], *network.layers, outputs),
        activation=network.activation,
        init=network.init,
        noise=network.noise,
        bias=network.bias,
    )


def _labels(study: Study, task: xr.Dataset) -> np.ndarray:
    """Labels (family, sample): hard labels are equal for all, others are drawn once per family."""
    if study.task.labels == "hard":
        return task["y"].to_numpy()[None]
    train = study.train
    if study.task.labels == "random":
        streams = (
            np.random.default_rng(seed_sequence(train.seed, first, "labels"))
            for first in range(0, train.replicas, train.twins)
        )
        return np.stack([rng.permutation(task["y"].to_numpy()) for rng in streams])
    p = task["p_y_given_x"].to_numpy().cumsum(axis=1)
    drawn = []
    for first in range(0, train.replicas, train.twins):
        rng = np.random.default_rng(seed_sequence(train.seed, first, "labels"))
        drawn.append((rng.random(len(p))[:, None] > p[:, :-1]).sum(axis=1))
    return np.stack(drawn)


def learning_rates(train: Train) -> np.ndarray:
    """Learning rate of every epoch, float64 (epoch,)."""
    epoch = np.arange(train.epochs)
    if isinstance(train.schedule, StepSchedule):
        return train.learning_rate * train.schedule.factor ** (epoch // train.schedule.every)
    if train.schedule == "cosine":
        return train.learning_rate * 0.5 * (1.0 + np.cos(np.pi * epoch / train.epochs))
    return np.full(train.epochs, train.learning_rate)


def plan_of(study: Study, updates_per_epoch: int) -> Plan:
    """Return what a study records, as steps and epochs."""
    epochs, record = study.train.epochs, study.record
    last = epochs * updates_per_epoch
    weights = record.weights
    if isinstance(weights, Bursts):
        starts = burst_starts(weights.burst, weights.starts, epochs)
        span = min(weights.burst, epochs) * updates_per_epoch
        steps = np.unique(starts[:, None] * updates_per_epoch + np.arange(span + 1))
    elif isinstance(weights, Every):
        steps = np.arange(0, last + 1, weights.every)
    elif weights == "step":
        steps = np.arange(last + 1)
    elif weights == "epoch":
        steps = np.arange(epochs + 1) * updates_per_epoch
    else:
        steps = log_epochs(epochs, LOG_FOLLOWED[weights]) * updates_per_epoch
    gradients = record.gradients
    if isinstance(gradients, Every):
        at = np.union1d(np.arange(0, epochs + 1, gradients.every), [epochs])  # the end counts
    elif gradients == "epoch":
        at = np.arange(epochs + 1)
    else:
        at = log_epochs(epochs)
    return Plan(weight_steps=steps, epochs=at, gradients=gradients != "none")
