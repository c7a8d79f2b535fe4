"""Tail index of the gradient noise across parameters and along batches, beside Gaussian noise."""

import numpy as np
import xarray as xr

from sgdphys.analyses.source import Source
from sgdphys.analyses.tails.indices import Indices, tail_indices
from sgdphys.analyses.tails.settings import FEWEST_PARAMETERS, Settings
from sgdphys.engines.base import Ensemble
from sgdphys.engines.gradients import batch_gradients
from sgdphys.errors import NotEnoughData
from sgdphys.glossary import Quantity
from sgdphys.quantities import labelled

_STREAM = 1905
"""Of the random numbers of this analysis, beside the seed of the study."""
_ACROSS = Quantity(
    "1",
    "tail index across parameters",
    r"\alpha",
    "of all parameters of one batch, mean of batches",
)
_ALONG = Quantity(
    "1", "tail index along batches", r"\alpha", "of one parameter over batches, mean of parameters"
)
_NAMED = {
    "across": _ACROSS,
    "along": _ALONG,
    "null_across": _ACROSS._replace(
        long_name="tail index across parameters of Gaussian noise with the same covariance"
    ),
    "null_along": _ALONG._replace(
        long_name="tail index along batches of Gaussian noise with the same covariance"
    ),
}


def analyse(source: Source, analysis: Settings) -> xr.Dataset:
    """Tail indices of the noise of batches at fixed weights, of several sizes and epochs.

    Returns
    -------
    Dataset
        Over (epoch, noise_batch, replica): across, the stability index of the noise of all
        parameters in one batch, mean over batches; along, that of one parameter over batches, mean
        over parameters; null_across and null_along, the same of Gaussian noise with the covariance
        of the noise that was drawn.

    Notes
    -----
    The noise is the gradient of a batch of samples drawn without replacement from a network's
    training set minus the gradient of the whole set, at the same weights. Gaussian noise of the
    same covariance is a random combination of the drawn noise, sum_k a_k u_k/sqrt(n) with standard
    normal a_k. Parameters differ in the variance of their noise, so that even Gaussian noise has
    heavy tails across them (Xie, Sato and Sugiyama 2021).

    References
    ----------
    Simsekli, Sagun and Gurbuzbalaban (2019), ICML; Panigrahi et al. (2019); Xie, Sato and Sugiyama
    (2021), ICLR.
    """
    weights = source.weights
    if weights.sizes["parameter"] < FEWEST_PARAMETERS:
        raise NotEnoughData(
            f"a tail index across parameters takes {FEWEST_PARAMETERS}, and the network has "
            f"{weights.sizes['parameter']}"
        )
    epochs, recorded = source.nearest_epochs(analysis.epochs), weights["epoch"].to_numpy()
    replicas = weights["replica"].to_numpy()[: analysis.replicas]
    rng = np.random.default_rng([source.study.train.seed, _STREAM])
    shape = (len(epochs), len(analysis.batch_sizes), len(replicas))
    found = {name: np.full(shape, np.nan) for name in Indices._fields}
    for i, epoch in enumerate(epochs):
        step = int(np.flatnonzero(recorded == epoch)[0])
        theta = weights["theta"].isel(step=step, replica=slice(len(replicas))).load()
        at = theta.transpose("replica", "parameter").to_numpy().astype(np.float64)
        for j, size in enumerate(analysis.batch_sizes):
            noise = _noise(source.ensemble, at, size, analysis.batches, rng)
            for r in range(len(replicas)):
                for name, value in tail_indices(noise[:, r], rng)._asdict().items():
                    found[name][i, j, r] = value
    dims = ("epoch", "noise_batch", "replica")
    data = xr.Dataset(
        {name: (dims, values) for name, values in found.items()},
        coords={
            "epoch": epochs, "noise_batch": list(analysis.batch_sizes), "replica": replicas,
        },
    )  # fmt: skip
    return labelled(data, _NAMED).assign_attrs(
        batches=analysis.batches,
        parameters=weights.sizes["parameter"],
        method="maximum likelihood of the symmetric stable law",
    )


def _noise(
    ensemble: Ensemble, theta: np.ndarray, size: int, batches: int, rng: np.random.Generator
) -> np.ndarray:
    """Gradients of random batches minus that of all training samples, (batch, replica, parameter).

    Of weights that are not finite: NaN.
    """
    is_train = ensemble.samples.is_train[: len(theta)]
    drawn = np.zeros((batches, *is_train.shape), bool)
    for r, inside in enumerate(is_train):
        samples = np.flatnonzero(inside)
        for k in range(batches):
            drawn[k, r, rng.choice(samples, size, replace=False)] = True
    sound = np.isfinite(theta).all(axis=1)
    known = np.where(sound[:, None], theta, 0.0)
    whole = batch_gradients(ensemble, known[None], is_train[None])
    each = batch_gradients(ensemble, np.broadcast_to(known, (batches, *theta.shape)), drawn)
    return np.where(sound[:, None], each - whole, np.nan)
