"""Linear networks that learn a linear teacher: exact test error and exact information."""

import numpy as np
import xarray as xr

from sgdphys.analyses.linear.settings import Settings
from sgdphys.analyses.source import Source
from sgdphys.information.estimators.gaussian import linear_layer_information
from sgdphys.information.layers import weights_at
from sgdphys.networks import from_description
from sgdphys.quantities import labelled

_LARGEST = 1e100
"""Weights on their way to divergence, whose squares and products soon are no numbers."""


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Error over all inputs, and what noisy layers know of all inputs and of the irrelevant ones.

    Inputs are Gaussian with covariance 1/features; every unit is read with Gaussian noise of the
    given variance. What is known of the irrelevant inputs has the relevant ones as further noise.
    """
    study = source.study
    task = source.task
    teacher, relevant = task["teacher"].to_numpy(), int(task.attrs["relevant"])
    network = from_description(source.trajectory.attrs["network"])
    features = network.sizes[0]
    recorded = source.trajectory["training"]["epoch"].to_numpy()
    epochs = np.intersect1d(source.whole_epochs, recorded)
    theta, at = weights_at(source.trajectory, epochs)
    covariance = np.eye(features) / features
    seen = covariance.copy()
    seen[relevant:, relevant:] = 0.0
    shape = (*theta.shape[:2], network.layers)
    everything, needless = np.full(shape, np.nan), np.full(shape, np.nan)
    error = np.full(shape[:2], np.nan)
    for e, r in np.ndindex(shape[:2]):
        weights = theta[e, r].astype(np.float64)
        if not np.abs(weights).max() < _LARGEST:
            continue
        through, shift = np.eye(features), np.zeros(features)
        for k, (w, b) in enumerate(network.matrices(weights)):
            through, shift = w @ through, w @ shift + b
            if not np.abs(through).max() < _LARGEST:
                break
            everything[e, r, k] = linear_layer_information(
                through, covariance, analysis.noise_variance
            )
            of_seen = linear_layer_information(through, seen, analysis.noise_variance)
            needless[e, r, k] = everything[e, r, k] - of_seen
        else:
            away = through[0] - teacher
            error[e, r] = away @ covariance @ away + shift[0] ** 2 + study.task.noise**2
    axes = ("epoch", "replica", "layer")
    data = xr.Dataset(
        {
            "I_XT": (axes, everything),
            "I_irrelevant": (axes, needless),
            "generalisation_error": (axes[:2], error),
        },
        coords={"epoch": at, "layer": np.arange(1, network.layers + 1)},
    )
    return labelled(data).assign_attrs(
        noise_variance=analysis.noise_variance,
        noise=study.task.noise,
        relevant=relevant,
        reference="Saxe et al. (2018), section 2.2",
        interval_method="over replicas only; a value by itself is exact",
    )
