"""Critical slowing down of the bottleneck: relaxation of Blahut-Arimoto near a transition."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from sgdphys.containers import finite_array
from sgdphys.errors import InputError
from sgdphys.information.bottleneck.certificate import (
    Channel,
    Clusters,
    annealed,
    channel_of,
    encoder,
    optimum,
)
from sgdphys.information.bottleneck.critical import critical_betas
from sgdphys.information.bottleneck.curve import blahut_arimoto
from sgdphys.quantities import STEP_RATIO, labelled

_NUDGE = 1e-3
"""Logits by which the two halves of one cluster are separated at the start."""
_SHARE = 0.02
"""The start is optimal at a larger beta, by this fraction of the distance from the onset."""


def _displaced(channel: Channel, clusters: Clusters, beta: float, onset: float) -> np.ndarray:
    """Encoder displaced from the optimum along the mode in which clusters split."""
    if len(clusters.mass) == 1:
        halves = Clusters(np.full(2, 0.5), clusters.logit[0] + _NUDGE * np.array([-1.0, 1.0]))
        return encoder(channel, halves, beta)
    further = beta + _SHARE * abs(beta - onset)
    return encoder(channel, optimum(channel, further, clusters)[0], further)


def bottleneck_relaxation(
    p_xy: Any,
    betas: Iterable[float],
    *,
    tolerance: float = 1e-10,
    iterations: int = 1_000_000,
) -> xr.Dataset:
    """Critical slowing down of the information bottleneck: relaxation of Blahut-Arimoto iterations.

    Parameters
    ----------
    p_xy : array (x, y) or DataArray
        Joint probabilities of input and binary label.
    betas : iterable of float
        Above 0.
    tolerance : float
        Change of the encoder at which iterations end.
    iterations : int
        Maximum number of iterations.

    Returns
    -------
    Dataset
        Along ``beta``: eigenvalue, the ratio of the last two steps; relaxation_time,
        -1/ln(eigenvalue), in iterations; iterations; converged. Scalar: onset and beta_local, from
        ``critical_betas``.

    Raises
    ------
    InputError
        If p_xy is no joint distribution, for more than two labels, or betas that are not above 0.

    See Also
    --------
    critical_betas : Onset, bifurcations and loss of local stability.
    sgdphys.dynamics.critical_point : Fit of the divergence.

    Notes
    -----
    Iterations start near the optimum, displaced along the mode in which clusters split.
    Near a continuous transition the slowest mode of the iterations has the eigenvalue 1 - const
    |beta - beta_c|, so that the time diverges with the exponent 1. Where the onset lies below the
    loss of local stability the transition is discontinuous, and the splitting mode slows down at
    ``beta_local``. Other modes may be slower: above the onset of a symmetric channel an exchange of
    mass between the clusters decays as the square.

    References
    ----------
    Agmon, Benger, Ordentlich and Tishby (2021), IEEE ISIT, 2625.

    Examples
    --------
    Below the onset, here at beta = 2, the eigenvalue is beta/2:

    >>> import sgdphys as sp
    >>> p_xy = [[0.25, 0], [0.25, 0.25], [0, 0.25]]
    >>> found = sp.information.bottleneck_relaxation(p_xy, [1.0, 1.5])
    >>> found["eigenvalue"].values.round(2)
    array([0.5 , 0.75])
    """
    channel = channel_of(p_xy)
    critical = critical_betas(p_xy, most=2)
    beta = np.unique(finite_array(list(betas), "betas"))
    if not len(beta) or not (beta > 0).all():
        raise InputError("betas must be above 0, at least one of them")
    rows = []
    onset = float(critical["beta"][0]) if critical.sizes["transition"] else np.inf
    for b, (clusters, _, _) in zip(beta, annealed(channel, beta.tolist()), strict=True):
        share = _displaced(channel, clusters, float(b), onset)
        _, turns, done, ratio = blahut_arimoto(channel, float(b), share, tolerance, iterations)
        rows.append((ratio, turns, done))
    eigenvalue, counts, arrived = (np.array(c) for c in zip(*rows, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        time = -1 / np.log(np.where((eigenvalue > 0) & (eigenvalue < 1), eigenvalue, np.nan))
    data = xr.Dataset(
        {
            "eigenvalue": ("beta", eigenvalue),
            "relaxation_time": ("beta", time),
            "iterations": ("beta", counts),
            "converged": ("beta", arrived),
            "onset": onset,
            "beta_local": float(critical["beta_local"]),
        },
        coords={"beta": beta},
        attrs={
            "method": "ratio of successive steps of Blahut-Arimoto iterations",
            "reference": "Agmon et al. (2021)",
            "interval_method": "none: see dynamics.critical_point",
        },
    )
    return labelled(data, {"eigenvalue": STEP_RATIO}, t="iteration")
