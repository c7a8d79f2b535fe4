"""Critical points of the bottleneck: its onset, bifurcations, and the loss of local stability."""

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
"""Distance in logits from all clusters from which on an excess belongs to a new cluster."""
_ROUNDING = 1e-11
"""Largest excess that is a rounding error."""


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
    """The optimum at a beta if it needs no more clusters than at the last beta, otherwise None."""
    solved = tidied(newton(channel, clusters, beta))
    above, peak = largest_excess(channel, solved, beta)
    if above <= _ROUNDING:
        return solved
    if np.abs(solved.logit - peak).min() > _APART and len(solved.mass) == len(clusters.mass):
        return None
    solved, above, _ = optimum(channel, beta, solved, _ROUNDING)
    return solved if above <= _ROUNDING and len(solved.mass) <= len(clusters.mass) else None


def critical_betas(p_xy: Any, *, most: int = 6, largest_beta: float = 200.0) -> xr.Dataset:
    """Critical betas of the information bottleneck: bifurcations (IB phase transitions).

    Parameters
    ----------
    p_xy : array (x, y) or DataArray
        Joint probabilities of input and binary label.
    most : int
        Number of clusters at which the search ends.
    largest_beta : float
        Beta at which the search ends.

    Returns
    -------
    Dataset
        Along ``transition``: beta, ascending; kind, "onset" or "bifurcation"; clusters after it;
        place, the decoder p(y=1|t) of the new cluster. Scalar: beta_local, where the trivial
        solution loses local stability, never below the onset. There are no transitions if input
        and label are independent, with beta_local infinite, and if they are so nearly independent
        that the onset lies above ``largest_beta``, which is an attribute.

    Raises
    ------
    InputError
        For more than two labels, or labels that are a function of the input (whose only critical
        point is beta = 1).

    See Also
    --------
    bottleneck_curve : The curve between the bifurcations.
    bottleneck_relaxation : Critical slowing down at the onset.

    Notes
    -----
    The onset is the smallest beta at which the excess of the trivial solution is
    positive for some decoder, 1/eta_KL. A further cluster appears with zero mass where the excess
    of the optimum first reaches 0 away from its clusters, usually not by the splitting of a
    cluster. Each is bisected to a relative 1e-9 in beta or to the precision of the excess.

    References
    ----------
    Anantharam et al. (2013) for eta_KL; Rose (1998) for annealing; Zaslavsky and Tishby (2019).

    Examples
    --------
    A label that inputs show with probability 1/2 (erasure channel) has its onset at beta = 2:

    >>> import sgdphys as sp
    >>> found = sp.information.critical_betas([[0.25, 0], [0.25, 0.25], [0, 0.25]], most=2)
    >>> found["beta"].values.round(3), found["kind"].values.tolist()
    (array([2.]), ['onset'])
    >>> round(found["beta_local"].item(), 3)
    2.0
    """
    channel = channel_of(p_xy)
    if channel.p_y_given_x.shape[1] != 2:
        raise InputError(
            "critical betas are defined by a certificate, which exists for binary labels only"
        )
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
        # the mass of a new cluster grows from 0: look where it is finite
        beta, grown = high, clusters
        while len(grown.mass) <= before and beta < high * (1 + _STRIDE / 100):
            beta += max(beta - high, 1e-8 * high)
            grown, _, _ = optimum(channel, beta, clusters, _ROUNDING)
        new = np.abs(grown.logit[:, None] - clusters.logit).min(axis=1).argmax()
        kind = "onset" if before == 1 else "bifurcation"
        found.append((high, kind, len(grown.mass), float(expit(grown.logit[new]))))
        clusters = grown
    betas, kinds, counts, decoders = zip(*found, strict=True) if found else ((), (), (), ())
    data = xr.Dataset(
        {
            "beta": ("transition", np.array(betas, float)),
            "kind": ("transition", np.array(kinds, dtype=str)),
            "clusters": ("transition", np.array(counts, int)),
            "place": ("transition", np.array(decoders, float)),
            "beta_local": local,
        },
        attrs={
            "method": "bisection of the certificate",
            "reference": "Anantharam et al. (2013); Rose (1998)",
            "interval_method": "none: the distribution is given",
            "classes": len(channel.p_x),
            "largest_beta": largest_beta,
        },
    )
    named = {
        "kind": Quantity(
            "1", "kind of transition", "", "onset of the curve, or bifurcation to one more cluster"
        ),
        "beta": Quantity("1", "critical beta", r"\beta_c", "beta at which the transition occurs"),
        "clusters": Quantity("1", "clusters after the transition", "", "number of decoders"),
    }
    return labelled(data, named)
