"""The order parameter of a network, and which networks died or diverged."""

import os

import numpy as np
import xarray as xr

from sgdphys.analyses.source import Source
from sgdphys.engines.factories import factory_of
from sgdphys.errors import InputError

KEY = "order"
"""Key of the analysis that names an order parameter of the user's."""


def accuracy_above_chance(source: Source) -> xr.DataArray:
    """Test accuracy above chance, divided by its maximum, (epoch, replica).

    Where there is no test set, the training accuracy; NaN for tasks without labels.
    """
    curves = source.trajectory["training"].to_dataset().load()
    has_test = bool(np.isfinite(curves["test_loss"]).any())
    accuracy = curves["test_accuracy"] if has_test else curves["accuracy"]
    chance = 1 / source.task.sizes.get("label", 2)
    return (accuracy.transpose("epoch", "replica") - chance) / (1 - chance)


def order_of_user(source: Source, function: str) -> xr.DataArray:
    """Order parameter that a function of the user's computes, (replica) or (epoch, replica).

    Parameters
    ----------
    source : Source
    function : str
        "package.module:function". It receives the recording (a DataTree with the groups weights,
        training, split and, where recorded, gradients) and the task (a Dataset), and returns a
        DataArray over replica, and epoch where it has a value at several of them.

    Raises
    ------
    InputError
        When it fails, or returns something else.
    """
    call = factory_of(function, source.study.folder or os.getcwd(), KEY)
    try:
        found = call(source.trajectory, source.task)
    except Exception as error:
        raise InputError(
            f"{KEY} {function!r} failed ({type(error).__name__}: {error}); it receives the "
            "recording and the task"
        ) from error
    replicas = source.trajectory["training"].sizes["replica"]
    if not isinstance(found, xr.DataArray):
        raise InputError(
            f"{KEY} {function!r} returned a {type(found).__name__}; a DataArray with one number "
            "for every replica was expected"
        )
    if not {"replica"} <= set(found.dims) <= {"replica", "epoch"}:
        raise InputError(
            f"{KEY} {function!r} returned the dimensions {', '.join(map(str, found.dims))}; "
            "replica was expected, and epoch where it has values at several epochs"
        )
    if found.sizes["replica"] != replicas or found.dtype.kind not in "fiub":
        raise InputError(
            f"{KEY} {function!r} returned {found.sizes['replica']} values of type {found.dtype}; "
            f"one number for each of {replicas} replicas was expected"
        )
    if "epoch" in found.dims and "epoch" not in found.coords:
        raise InputError(f"{KEY} {function!r} returned epochs without their numbers; name them")
    return found.astype(np.float64).transpose(..., "replica").reset_coords(drop=True)


def has_diverged(source: Source) -> np.ndarray:
    """Whether the weights or the loss of each network are not finite at the end, (replica,)."""
    loss = source.trajectory["training"]["loss"].isel(epoch=-1).to_numpy()
    step = source.weights["diverged_step"].to_numpy()
    return np.asarray((step >= 0) | ~np.isfinite(loss))


def is_dead(source: Source) -> np.ndarray:
    """Whether each network, not diverged, gives one and the same label to all samples, (replica,).

    Read from its accuracies at the end: those on its training and its test set are the shares of
    one label there. Without labels no network is called dead.
    """
    samples, ended = source.ensemble.samples, source.trajectory["training"].isel(epoch=-1)
    dead = np.zeros(len(samples.is_train), bool)
    if not samples.are_labels:
        return dead
    labels = source.ensemble.labels_of(range(len(dead)))
    names = np.arange(source.task.sizes["label"])
    one_label = np.ones((len(dead), len(names)), bool)
    for name, rows in (("accuracy", samples.is_train), ("test_accuracy", ~samples.is_train)):
        count = rows.sum(axis=1)
        if not count[0]:
            continue
        hits = np.rint(ended[name].to_numpy() * count)
        of_label = np.stack([((labels == k) & rows).sum(axis=1) for k in names], axis=1)
        one_label &= hits[:, None] == of_label
    return np.asarray(one_label.any(axis=1) & ~has_diverged(source))
