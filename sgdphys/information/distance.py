"""How far a layer is from the bottleneck bound, beside partitions that know nothing."""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

from sgdphys.containers import array_of, finite_array
from sgdphys.errors import InputError
from sgdphys.information.bottleneck import bottleneck_curve
from sgdphys.information.certificate import Channel, about_label, channel_of
from sgdphys.information.critical import critical_betas
from sgdphys.quantities import Quantity, labelled

_BETAS = 240
_LARGEST_BETA = 1000.0
_GRID = np.concatenate([[0.0], np.geomspace(0.05, 500, 120)])
_MERGE_WITHIN = 1e-12
_BEYOND = 1e9
"""Stands for an infinite divergence."""
_NAMES = (
    "I_XT", "I_TY", "bound_I_TY", "gap", "beta_bound", "beta_fit", "residual",
)  # fmt: skip
NAMED = {
    "residual": Quantity(
        "bits",
        "distance from the self-consistent encoder",
        "",
        "mean divergence of the partition from the encoder at the fitted beta",
    )
}
"""What these results call by a name that others use otherwise."""


def finite_sample_gap(about_x: Any, samples: int, labels: int = 2) -> np.ndarray:
    """Shape of the bound on how far I(T;Y) of a sample may lie from the truth: 2**I(X;T) Y/sqrt(n).

    Parameters
    ----------
    about_x : array
        I(X;T) in bits.
    samples : int
        n.
    labels : int

    Notes
    -----
    Up to a factor of order one that the theorem leaves open: it shows where more bits about the
    input cannot be trusted, not how many are lost.

    References
    ----------
    Shamir, Sabato and Tishby (2010), Theor. Comput. Sci. 411, 2696; Tishby and Zaslavsky (2015).
    """
    return 2.0 ** np.asarray(array_of(about_x, "about_x"), np.float64) * labels / np.sqrt(samples)


class _Bound(NamedTuple):
    """The certified curve: I(T;Y) and beta against I(X;T)."""

    about_x: np.ndarray
    about_y: np.ndarray
    beta: np.ndarray
    most: float


def _bound_of(p_xy: np.ndarray) -> _Bound:
    critical = critical_betas(p_xy, most=2)
    onset = float(critical["beta"][0])
    curve = bottleneck_curve(p_xy, np.geomspace(onset, _LARGEST_BETA, _BETAS))
    return _Bound(
        np.concatenate([[0.0], curve["I_XT"].to_numpy()]),
        np.concatenate([[0.0], curve["I_TY"].to_numpy()]),
        np.concatenate([[onset], curve["beta"].to_numpy()]),
        float(curve.attrs["information"]),
    )


def _at(bound: _Bound, about_x: float) -> tuple[float, float]:
    """Largest I(T;Y) at an I(X;T), and the beta there; infinite where the curve is flat."""
    if about_x >= bound.about_x[-1]:
        return bound.most, np.inf
    # a tangent is never below a concave curve
    k = int(np.clip(np.searchsorted(bound.about_x, about_x), 1, len(bound.about_x) - 1))
    tangents = [bound.about_y[j] + (about_x - bound.about_x[j]) / bound.beta[j] for j in (k - 1, k)]
    return min(*map(float, tangents), bound.most), float(
        np.interp(about_x, bound.about_x, bound.beta)
    )


def _fit(channel: Channel, joint: np.ndarray, known: float) -> tuple[float, float]:
    """Return the beta whose self-consistent encoder is nearest to an encoder, and the bits between.

    Parameters
    ----------
    joint : (class, cell)
        p(class of x, t).
    known : float
        -H(T|X) in nats: 0 for a partition of the inputs.
    """
    masses = joint.sum(axis=0)
    logs = float(xlogy(masses, masses).sum())
    joint, mass = _merged(joint, (joint.T @ channel.p_y_given_x) / masses[:, None], masses)
    q = (joint.T @ channel.p_y_given_x) / mass[:, None]
    r = channel.p_y_given_x
    cross = sum(xlogy(r[:, [y]], q[:, y]) for y in range(r.shape[1]))
    divergence = np.minimum(xlogy(r, r).sum(axis=1)[:, None] - cross, _BEYOND)
    p_class = joint.sum(axis=1)
    spent = float((joint * divergence).sum())

    def cost(beta: float) -> float:
        weights = np.log(mass) - beta * divergence
        top = weights.max(axis=1)
        log_z = top + np.log(np.exp(weights - top[:, None]).sum(axis=1))
        return float(p_class @ log_z + beta * spent - logs + known) / np.log(2)

    values = [cost(b) for b in _GRID]
    k = int(np.argmin(values))
    if k == len(_GRID) - 1:
        return np.inf, values[k]
    ends = _GRID[max(k - 1, 0)], _GRID[k + 1]
    found = minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-6 * ends[1]})
    return float(found.x), float(found.fun)


def _merged(joint: np.ndarray, q: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells of equal decoders as one: an encoder's normaliser needs no more."""
    _, which = np.unique(np.round(q[:, 1] / _MERGE_WITHIN).astype(np.int64), return_inverse=True)
    which = which.reshape(-1)
    many = int(which.max()) + 1
    together = np.stack([np.bincount(which, row, many) for row in joint])
    return together, np.bincount(which, mass, many)


def bottleneck_distance(p_xy: Any, cells: Any, *, rng: int = 0) -> xr.Dataset:
    """Distance of partitions of the inputs, such as a layer's bins, from the bottleneck bound.

    Parameters
    ----------
    p_xy : array (x, y) or DataArray
        Joint probabilities of input and binary label: soft labels.
    cells : int array (..., x) or DataArray
        Cell of each input.
    rng : int
        Seed of the nulls.

    Returns
    -------
    Dataset
        Over the leading dimensions of ``cells``: I_XT, I_TY; bound_I_TY, the most at that I(X;T),
        and gap below it; beta_bound, the bound's beta there (infinite where it is flat: such a
        layer has no beta of its own); beta_fit, the beta at which the self-consistent encoder made
        from the partition's own decoder is nearest to it, and residual, the bits by which it
        misses; all again with the prefixes ``random_`` (the same cells dealt out anew) and
        ``shuffled_`` (labels dealt out anew).

    Raises
    ------
    InputError
        For labels that are a function of the input, or cells of another number of inputs.

    Notes
    -----
    residual = min over beta of E_x KL[p(t|x) || p_beta(t|x)], p_beta(t|x) = p(t)/Z exp(-beta
    KL[p(y|x) || p(y|t)]). Its decoder is the layer's own, so that any partition agrees with it to
    some degree: the nulls say how much. Binned layers are hard encoders, whose fitted beta is
    biased upward: an exact encoder at beta = 5 gives back 5, its hard version more. Intervals are
    over replicas. Where p(x) is uniform the two nulls have one law.

    References
    ----------
    Shwartz-Ziv and Tishby (2017), section 3.5; Tishby, Pereira and Bialek (1999).
    """
    joint = finite_array(p_xy, "p_xy")
    channel = channel_of(joint)
    bound = _bound_of(joint)
    template = cells if isinstance(cells, xr.DataArray) else None
    places = finite_array(cells, "cells")
    if places.shape[-1:] != (len(joint),):
        raise InputError(f"cells are of {places.shape[-1:]} inputs and p_xy has {len(joint)}")
    p_x = joint.sum(axis=1)
    conditional = joint / np.maximum(p_x, 1e-300)[:, None]
    nearest = np.abs(conditional[:, None, 1] - channel.p_y_given_x[:, 1]).argmin(axis=1)
    generator = np.random.default_rng(rng)
    flat = places.reshape(-1, len(joint))
    out = np.empty((len(flat), 3, len(_NAMES)))
    for row, partition in enumerate(flat):
        _, t = np.unique(partition, return_inverse=True)
        order = generator.permutation(len(joint))
        dealt = generator.permutation(len(joint))
        for k, (cell, kind) in enumerate(((t, nearest), (t[order], nearest), (t, nearest[dealt]))):
            table = np.zeros((len(channel.p_x), int(t.max()) + 1))
            np.add.at(table, (kind, cell), p_x)
            mass = table.sum(axis=0)
            about_x = float(-xlogy(mass, mass).sum() / np.log(2))
            about_y = about_label(channel, table)
            beta, residual = _fit(channel, table, 0.0)
            most, there = _at(bound, about_x)
            out[row, k] = about_x, about_y, most, most - about_y, there, beta, residual
    out = out.reshape(*places.shape[:-1], 3, len(_NAMES))
    dims = (
        template.dims[:-1]
        if template is not None
        else tuple(f"dim_{k}" for k in range(places.ndim - 1))
    )
    data = {
        f"{prefix}{name}": (dims, out[..., k, m])
        for k, prefix in enumerate(("", "random_", "shuffled_"))
        for m, name in enumerate(_NAMES)
    }
    coords = {}
    if template is not None:
        coords = {c: v for c, v in template.coords.items() if template.dims[-1] not in v.dims}
    found = xr.Dataset(
        data,
        coords=coords,
        attrs={
            "method": "certified curve; least divergence from the self-consistent encoder",
            "reference": "Shwartz-Ziv and Tishby (2017)",
            "interval_method": "none: over replicas only",
            "information": channel.information,
        },
    )
    return labelled(found, NAMED)
