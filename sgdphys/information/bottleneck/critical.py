"""Where the bottleneck changes: its onset, the births of clusters, and the loss of stability."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import expit

from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.information.bottleneck.certificate import (
    Channel,
    Clusters,
    channel_of,
    largest_excess,
    newton,
    optimum,
    tidied,
    trivial,
)
from sgdphys.quantities import labelled

_RELATIVE = 1e-9
_STRIDE = 1.04
_APART = 0.05
"""Logits from all clusters at which an excess is that of a newborn."""
_NOTHING = 1e-11
"""Largest excess that is rounding."""


def local_stability(channel: Channel) -> float:
    """Beta at which the trivial solution loses local stability: 1/s_2**2.

    s_2 is the second singular value of p(x, y)/sqrt(p(x) p(y)); its square is the largest squared
    correlation of functions of input and label. Infinite where they are independent.
    """
    joint = channel.p_x[:, None] * channel.p_y_given_x
    scaled = joint / np.sqrt(np.outer(channel.p_x, channel.p_y))
    values = np.linalg.svd(scaled, compute_uv=False)
    return float(1 / values[1] ** 2) if len(values) > 1 and values[1] > 0 else np.inf


def _continued(channel: Channel, clusters: Clusters, beta: float) -> Clusters | None:
    """The optimum at a beta if it needs no more clusters than at the last one, else None."""
    solved = tidied(newton(channel, clusters, beta))
    above, place = largest_excess(channel, solved, beta)
    if above <= _NOTHING:
        return solved
    if np.abs(solved.logit - place).min() > _APART and len(solved.mass) == len(clusters.mass):
        return None
    solved, above, _ = optimum(channel, beta, solved, _NOTHING)
    return solved if above <= _NOTHING and len(solved.mass) <= len(clusters.mass) else None


def critical_betas(p_xy: Any, *, most: int = 6, largest_beta: float = 200.0) -> xr.Dataset:
    """Betas at which the optimal number of clusters grows.

    Parameters
    ----------
    p_xy : array (x, y) or DataArray
        Joint probabilities of input and binary label.
    most : int
        Clusters after which the search ends.
    largest_beta : float
        Where it ends at the latest.

    Returns
    -------
    Dataset
        Along ``transition``: beta, ascending; kind, "onset" or "birth"; clusters after it; place,
        p(y=1|t) of the newborn. Scalar: beta_local, the loss of local stability of the trivial
        solution, never below the onset. Without transitions, and infinite, where input and label
        are independent.

    Raises
    ------
    InputError
        For more than two labels, or labels that are a function of the input (the curve then has no
        critical point but beta = 1).

    Notes
    -----
    The onset is the least beta at which the excess of the trivial solution is above 0 somewhere,
    1/eta_KL. A later cluster is born, with no mass, where the excess of the optimum first reaches 0
    away from its clusters, usually not by one that splits in place. Each is bisected until one
    cluster more is needed, to a relative 1e-9 in beta or the precision of the excess.

    References
    ----------
    Anantharam et al. (2013) for eta_KL; Rose (1998) for annealing; Zaslavsky and Tishby (2019).
    """
    channel = channel_of(p_xy)
    if channel.p_y_given_x.shape[1] != 2:
        raise InputError("critical betas are found for binary labels, by their certificate")
    if channel.is_deterministic:
        raise InputError(
            "the label is a function of the input: the bottleneck curve is min(I(X;T), H(Y)), "
            "with no critical point but beta = 1; give soft labels"
        )
    local = local_stability(channel)
    found: list[tuple[float, str, int, float]] = []
    clusters, beta = trivial(channel), 1.0
    while len(clusters.mass) < most and beta < largest_beta:
        next_beta = min(beta * _STRIDE, largest_beta)
        solved = _continued(channel, clusters, next_beta)
        if solved is not None:
            beta, clusters = next_beta, solved
            continue
        low, high = beta, next_beta
        while high - low > _RELATIVE * high:
            middle = 0.5 * (low + high)
            solved = _continued(channel, clusters, middle)
            if solved is None:
                high = middle
            else:
                low, clusters = middle, solved
        before = len(clusters.mass)
        # a newborn's mass grows from nothing: look where there is one
        beta, grown = high, clusters
        while len(grown.mass) <= before and beta < high * (1 + _STRIDE / 100):
            beta += max(beta - high, 1e-8 * high)
            grown, _, _ = optimum(channel, beta, clusters, _NOTHING)
        new = np.abs(grown.logit[:, None] - clusters.logit).min(axis=1).argmax()
        kind = "onset" if before == 1 else "birth"
        found.append((high, kind, len(grown.mass), float(expit(grown.logit[new]))))
        clusters = grown
    betas, kinds, counts, places = zip(*found, strict=True) if found else ((), (), (), ())
    data = xr.Dataset(
        {
            "beta": ("transition", np.array(betas, float)),
            "kind": ("transition", np.array(kinds, dtype=str)),
            "clusters": ("transition", np.array(counts, int)),
            "place": ("transition", np.array(places, float)),
            "beta_local": local,
        },
        attrs={
            "method": "bisection of the certificate",
            "reference": "Anantharam et al. (2013); Rose (1998)",
            "interval_method": "none: the distribution is given",
            "classes": len(channel.p_x),
        },
    )
    named = {
        "kind": Quantity(
            "1", "kind of transition", "", "onset of the curve, or birth of another cluster"
        ),
        "beta": Quantity("1", "critical beta", r"\beta_c", "beta at which the transition occurs"),
        "clusters": Quantity("1", "clusters after the transition", "", "number of decoders"),
    }
    return labelled(data, named)
