"""Distance of a layer from the bottleneck bound, compared with random partitions."""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

from sgdphys.arguments import checked
from sgdphys.containers import array_of, finite_array, require_kind
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.information.bottleneck.certificate import Channel, about_label, channel_of
from sgdphys.information.bottleneck.critical import critical_betas
from sgdphys.information.bottleneck.curve import bottleneck_curve, bound_betas
from sgdphys.quantities import labelled

_FLAT_WITHIN = 1e-9
_AT_ONSET = 1e-3
"""Largest I(X;T) in bits at which a curve may begin."""
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
"""Quantities whose names have another meaning in other results."""


def finite_sample_gap(about_x: Any, samples: int, labels: int = 2) -> np.ndarray:
    """Finite-sample bound on I(T;Y) (generalisation gap), up to a constant factor.

    Parameters
    ----------
    about_x : array
        I(X;T) in bits.
    samples : int
        n.
    labels : int
        Number of labels, |Y|.

    Returns
    -------
    array
        2**I(X;T) |Y|/sqrt(n), in the shape of ``about_x``; a plain array, since it is a curve to
        draw and no estimate.

    See Also
    --------
    bottleneck_curve : The bound for infinitely many samples.
    extrapolated_information : Correction of the bias of a finite sample.

    Notes
    -----
    The theorem leaves open a factor of order one: the curve shows where further bits
    about the input are not reliable, not how many bits are lost.

    References
    ----------
    Shamir, Sabato and Tishby (2010), Theor. Comput. Sci. 411, 2696; Tishby and Zaslavsky (2015).

    Examples
    --------
    >>> import sgdphys as sp
    >>> float(sp.information.finite_sample_gap(4.0, samples=1024))
    1.0
    """
    return 2.0 ** np.asarray(array_of(about_x, "about_x"), np.float64) * labels / np.sqrt(samples)


def onset_of(critical: xr.Dataset) -> float:
    """The first of the ``critical_betas``; an error where there is none."""
    if not critical.sizes["transition"]:
        raise InputError(
            "input and label are independent, or so nearly that the bottleneck curve does not "
            f"begin below beta = {critical.attrs['largest_beta']:g}: there is no bound to compare "
            "with"
        )
    return float(critical["beta"][0])


class _Bound(NamedTuple):
    """The certified curve: I(T;Y) and beta against I(X;T)."""

    about_x: np.ndarray
    about_y: np.ndarray
    beta: np.ndarray
    information: float
    entropy: float
    """Entropy of the classes of inputs in bits, from which on the bound is flat."""

    def at(self, about_x: float) -> tuple[float, float]:
        """Largest I(T;Y) at an I(X;T), and the beta there; infinite where the bound is flat."""
        if about_x >= self.entropy - _FLAT_WITHIN:
            return self.information, np.inf
        # a tangent is never below a concave curve
        tangents = self.about_y + (about_x - self.about_x) / self.beta
        beta = float(np.interp(about_x, self.about_x, self.beta))
        return min(float(tangents.min()), self.information), beta


def _bound_of(curve: xr.Dataset, channel: Channel) -> _Bound:
    """The bound that a certified curve proves for a channel."""
    require_kind(curve, xr.Dataset, "curve", "I_XT", "I_TY", "certificate")
    about_x, about_y = (curve[name].to_numpy() for name in ("I_XT", "I_TY"))
    known = curve.attrs.get("information", np.nan), curve.attrs.get("classes")
    if not np.isclose(known[0], channel.information) or known[1] != len(channel.p_x):
        raise InputError(
            "curve is of another joint distribution than p_xy; give bottleneck_curve(p_xy, ...)"
        )
    if not np.isfinite(curve["certificate"].to_numpy()).all():
        raise InputError("curve has no certificate; make it with method='certified'")
    if about_x[0] > _AT_ONSET:
        raise InputError(
            f"curve begins at beta = {float(curve['beta'][0]):g}, where I(X;T) is "
            f"{about_x[0]:.3g} bits; begin it at the onset, the first of critical_betas, or below"
        )
    return _Bound(about_x, about_y, curve["beta"].to_numpy(), channel.information, channel.entropy)


def nearest_encoder(channel: Channel, joint: np.ndarray, known: float) -> tuple[float, float]:
    """Return the beta whose self-consistent encoder is nearest to an encoder, and the divergence.

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
    """Merge cells with equal decoders, which leaves an encoder's normaliser unchanged."""
    _, which = np.unique(np.round(q[:, 1] / _MERGE_WITHIN).astype(np.int64), return_inverse=True)
    which = which.reshape(-1)
    count = int(which.max()) + 1
    together = np.stack([np.bincount(which, row, count) for row in joint])
    return together, np.bincount(which, mass, count)


@checked
def bottleneck_distance(
    p_xy: Any, cells: Any, *, curve: xr.Dataset | None = None, rng: Seed = 0
) -> xr.Dataset:
    """Distance of a layer's partition of the inputs from the information bottleneck bound.

    Parameters
    ----------
    p_xy : array (x, y) or DataArray
        Joint probabilities of input and binary label: soft labels.
    cells : int array (..., x) or DataArray
        Cell (cluster, vector of bins) of each input: see ``layer_cells``.
    curve : Dataset, optional
        The bound: ``bottleneck_curve`` of the same p_xy at betas from the onset on. By default at
        200 betas up to 3000.
    rng : int, SeedSequence or Generator
        Seed of the null partitions.

    Returns
    -------
    Dataset
        Over the leading dimensions of ``cells``: I_XT, I_TY; bound_I_TY, the largest I(T;Y) at that
        I(X;T), and gap, bound_I_TY - I_TY, all in bits; beta_bound, the beta of the curve there
        (infinite where the bound is flat, from the entropy of the distinct p(y|x) on, and beyond
        the end of the curve its last beta, which is then a lower limit); beta_fit, the beta whose
        self-consistent encoder is nearest to the partition, and residual, the divergence from it in
        bits. All again with the prefixes ``random_`` (randomly permuted cells) and ``shuffled_``
        (randomly permuted labels).

    Raises
    ------
    InputError
        For labels that are a function of the input, cells of another number of inputs, or a curve
        of another distribution, without certificates, or that begins above the onset.

    See Also
    --------
    layer_cells : Cells of the layers of recorded networks.
    bottleneck_curve : The bound.
    critical_betas : Bifurcations, to which beta_fit can be compared.

    Notes
    -----
    residual = min over beta of E_x KL[p(t|x) || p_beta(t|x)], p_beta(t|x) = p(t)/Z
    exp(-beta KL[p(y|x) || p(y|t)]). The decoder p(y|t) is that of the layer itself, so that any
    partition agrees with it to some degree: compare with the nulls. Intervals are over replicas. If
    p(x) is uniform both nulls have the same distribution.

    The two betas are the same for an optimal encoder, which is soft, and differ for a partition.
    beta_fit is the maximum-likelihood estimate of the beta at which the cell of each input was
    drawn from a self-consistent encoder: bits of the cells that say nothing of the label do not
    move it, a rule that assigns every input to its likeliest cell drives it up, without limit where
    two decoders are separated, and inputs in wrong cells drive it down. beta_bound counts every
    bit of I(X;T), so that it is right on the bound alone and too large for every partition.
    Randomly permuted cells have the beta_fit of the onset, whatever the layer's. Medians over ten
    partitions of the symmetric rule at I(X;Y) = 0.7, onset 1.35, as beta_fit/beta_bound:

    ========================================== ======== ======== ======== =======
    partition                                  beta = 3 beta = 5 beta = 9 15
    ========================================== ======== ======== ======== =======
    none: the optimal encoder                  3.0/3.0  5.0/5.0  9.0/9.0  15/15
    cells drawn from it                        3.0/4.1  5.0/9.0  9.1/16   15/31
    the same, and one random bit               3.0/27   5.0/66   9.1/125  15/245
    the likeliest cells                        387/4.1  8.5/8.1  19/15    71/29
    the same, 3% of inputs in random cells     2.5/4.1  4.1/8.1  5.3/15   6.1/29
    ========================================== ======== ======== ======== =======

    At I(X;Y) = 0.99, where the slope of the bound is 1 up to nearly 1 bit, 3% of inputs in random
    cells make a beta_fit of 1.02 of any beta.

    References
    ----------
    Shwartz-Ziv and Tishby (2017), section 3.5; Tishby, Pereira and Bialek (1999).

    Examples
    --------
    For four inputs and two values of p(y|x), the partition by p(y|x) lies on the bound:

    >>> import sgdphys as sp
    >>> p_xy = [[0.225, 0.025], [0.225, 0.025], [0.025, 0.225], [0.025, 0.225]]
    >>> curve = sp.information.bottleneck_curve(p_xy, [1.5, 2, 3, 10, 100])
    >>> found = sp.information.bottleneck_distance(p_xy, [[0, 0, 1, 1], [0, 1, 0, 1]], curve=curve)
    >>> found["I_XT"].values.round(3), abs(found["gap"].values.round(3))
    (array([1., 1.]), array([0.   , 0.531]))
    """
    joint = finite_array(p_xy, "p_xy")
    channel = channel_of(joint)
    template = cells if isinstance(cells, xr.DataArray) else None
    partitions = finite_array(cells, "cells")
    if partitions.shape[-1:] != (len(joint),):
        raise InputError(f"cells are of {partitions.shape[-1:]} inputs and p_xy has {len(joint)}")
    if curve is None:  # takes seconds
        curve = bottleneck_curve(joint, bound_betas(onset_of(critical_betas(joint, most=2))))
    bound = _bound_of(curve, channel)
    p_x = joint.sum(axis=1)
    conditional = joint / np.maximum(p_x, 1e-300)[:, None]
    nearest = np.abs(conditional[:, None, 1] - channel.p_y_given_x[:, 1]).argmin(axis=1)
    generator = stream(rng)
    flat = partitions.reshape(-1, len(joint))
    out = np.empty((len(flat), 3, len(_NAMES)))
    for row, partition in enumerate(flat):
        _, t = np.unique(partition, return_inverse=True)
        order = generator.permutation(len(joint))
        permuted = generator.permutation(len(joint))
        if partition.min() < 0:  # no cell: the network is not finite
            out[row] = np.nan
            continue
        for k, (cell, kind) in enumerate(
            ((t, nearest), (t[order], nearest), (t, nearest[permuted]))
        ):
            table = np.zeros((len(channel.p_x), int(t.max()) + 1))
            np.add.at(table, (kind, cell), p_x)
            mass = table.sum(axis=0)
            about_x = float(-xlogy(mass, mass).sum() / np.log(2))
            about_y = about_label(channel, table)
            beta, residual = nearest_encoder(channel, table, 0.0)
            most, beta_bound = bound.at(about_x)
            out[row, k] = about_x, about_y, most, most - about_y, beta_bound, beta, residual
    out = out.reshape(*partitions.shape[:-1], 3, len(_NAMES))
    dims = (
        template.dims[:-1]
        if template is not None
        else tuple(f"dim_{k}" for k in range(partitions.ndim - 1))
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
            "method": "certified curve; smallest divergence from the self-consistent encoder",
            "reference": "Shwartz-Ziv and Tishby (2017)",
            "interval_method": "none: over replicas only",
            "information": channel.information,
        },
    )
    return labelled(found, NAMED)
