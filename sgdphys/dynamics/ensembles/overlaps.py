"""Overlaps of networks: between replicas, and between the units of a layer."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy.optimize import linear_sum_assignment
from scipy.special import stdtrit

from sgdphys.arguments import checked
from sgdphys.containers import labelled_array, require_dimensions
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.intervals import METHOD, finite_mean, jackknife_interval, means_without_each
from sgdphys.missing import numbers_of
from sgdphys.quantities import labelled, number_of

_MOST_PAIRS = 200


def layer_matrices(theta: xr.DataArray) -> dict[int, np.ndarray]:
    """In-weights (..., unit, input) of every fully connected layer.

    Parameters
    ----------
    theta : DataArray (..., parameter)
        With coordinates layer and kind along parameter, as trajectories have. The number of
        units follows from the biases, or otherwise from ``theta.attrs["sizes"]``.

    Raises
    ------
    InputError
        If a layer is not fully connected.
    """
    require_dimensions(theta, "parameter")
    if not {"layer", "kind"} <= set(theta.coords):
        raise InputError(
            "overlaps need the layer and kind of every parameter: coordinates 'layer' and "
            "'kind' along 'parameter', as recorded trajectories have"
        )
    layer, kind = theta["layer"].to_numpy(), theta["kind"].to_numpy().astype(str)
    values = theta.transpose(..., "parameter")
    numbers = [int(n) for n in np.unique(layer)]
    weights = {n: np.flatnonzero((layer == n) & (kind == "weight")) for n in numbers}
    units = _units(layer, kind, weights, theta.attrs.get("sizes"))
    found = {}
    for n, inside in weights.items():
        if len(inside) % units[n]:
            raise InputError(
                f"layer {n} has {len(inside)} weights, which is no multiple of its "
                f"{units[n]} units: overlaps need fully connected layers"
            )
        block = numbers_of(values.isel(parameter=inside))
        found[n] = block.reshape(*block.shape[:-1], units[n], -1)
    return found


def _units(
    layer: np.ndarray, kind: np.ndarray, weights: Mapping[int, np.ndarray], sizes: object
) -> dict[int, int]:
    units = {n: int(((layer == n) & (kind == "bias")).sum()) for n in weights}
    if all(units.values()):
        return units
    if not isinstance(sizes, list | tuple) or len(sizes) != len(weights) + 1:
        raise InputError(
            "the number of units of a layer without biases is not known; give "
            "theta.attrs['sizes'], the units from inputs to outputs"
        )
    return {n: int(size) for n, size in zip(sorted(weights), sizes[1:], strict=True)}


@checked
def replica_overlap(
    theta: xr.DataArray,
    *,
    over: str = "replica",
    odd: bool = True,
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """Replica overlap (cosine similarity of weights), before and after matching of hidden units.

    Parameters
    ----------
    theta : DataArray (over, parameter)
        At one time, with coordinates layer and kind along parameter, as trajectories have.
    over : str
        Ensemble dimension.
    odd : bool
        Whether the activation is odd (tanh), so that a unit may also change sign.
    confidence : float
        Level of the intervals.
    rng : int, SeedSequence or Generator
        Seed of the null and of the choice of pairs where there are more than
        200.

    Returns
    -------
    Dataset
        overlap, matched_overlap and null_matched_overlap (layer), dimensionless means over pairs of
        replicas, the first two with ``_low`` and ``_high``; pairs, their number. A replica whose
        weights of a layer are all 0 is left out of that layer.

    Raises
    ------
    InputError
        For a single replica, or layers that are not fully connected.

    See Also
    --------
    unit_overlap : Overlap of the units of one layer.
    sgdphys.transitions.order_parameter : Binder cumulant of a signed order parameter.

    Notes
    -----
    q = w.w'/(|w| |w'|) for the weights w, w' of one layer in two replicas. Hidden units
    can be permuted, and change sign if the activation is odd, without changing the function: layer
    by layer the units of one replica are assigned to those of the other so that the sum of products
    of their incoming weights is largest, given the assignment of the layer before. Independent
    weights overlap after matching too: in the null the weights of each layer are randomly permuted
    before matching. Outputs are not permuted. Intervals are by Student's t over
    replicas, for a mean over pairs of them.

    References
    ----------
    Crouse (2016), IEEE Trans. Aerosp. Electron. Syst. 52, 1679, for the
    assignment; Ainsworth, Hayase and Srinivasa (2023), ICLR, for weight matching of layers.

    Examples
    --------
    A 2-2-1 network, and the same network with its two hidden units exchanged:

    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> theta = [[1.0, 0, 0, 2, 0, 0, 1, -1, 0], [0, 2, 1, 0, 0, 0, -1, 1, 0]]
    >>> kind = ["weight"] * 4 + ["bias"] * 2 + ["weight"] * 2 + ["bias"]
    >>> along = {"layer": ("parameter", [1] * 6 + [2] * 3), "kind": ("parameter", kind)}
    >>> x = xr.DataArray(theta, dims=("replica", "parameter"), coords=along)
    >>> found = sp.dynamics.replica_overlap(x)
    >>> found["overlap"].values, found["matched_overlap"].values
    (array([ 0., -1.]), array([1., 1.]))
    """
    theta = labelled_array(theta, over, "parameter")
    if over not in theta.dims or theta.sizes[over] < 2:
        raise InputError(f"an overlap of replicas needs at least two along {over!r}")
    theta = theta.transpose(over, ...)
    theta = theta.isel({over: np.isfinite(theta.to_numpy()).all(axis=1)})
    members = theta.sizes[over]
    if members < 2:
        raise InputError(f"{members} along {over!r} have finite weights; an overlap needs two")
    matrices = {n: np.asarray(m) for n, m in layer_matrices(theta).items()}
    generator = stream(rng)
    first, second = np.triu_indices(members, 1)
    if len(first) > _MOST_PAIRS:
        chosen = np.sort(generator.choice(len(first), _MOST_PAIRS, replace=False))
        first, second = first[chosen], second[chosen]
    layers = sorted(matrices)
    raw, matched, null = np.empty((3, len(first), len(layers)))
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        one, other = ([matrices[n][r] for n in layers] for r in (a, b))
        raw[k] = [_cosine(u, v) for u, v in zip(one, other, strict=True)]
        matched[k] = _matched(one, other, odd)
        permuted = [generator.permutation(v.ravel()).reshape(v.shape) for v in other]
        null[k] = _matched(one, permuted, odd)
    data = {"null_matched_overlap": ("layer", finite_mean(null))}
    for name, values in (("overlap", raw), ("matched_overlap", matched)):
        ends = np.stack(
            [_of_layer(values[:, k], first, second, confidence) for k in range(len(layers))], axis=1
        )
        low, high = (np.clip(end, -1.0, 1.0) for end in ends)
        data |= {name: ("layer", finite_mean(values))}
        data |= {f"{name}_low": ("layer", low), f"{name}_high": ("layer", high)}
    found = xr.Dataset({**data, "pairs": len(first)}, coords={"layer": layers})
    return labelled(found, {"pairs": number_of("pairs of replicas")}).assign_attrs(
        method="cosine of in-weights; units assigned layer by layer",
        reference="Crouse (2016); Ainsworth, Hayase and Srinivasa (2023)",
        confidence=confidence,
        interval_method=METHOD,
    )


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float((a * b).sum() / size) if size > 0 else np.nan


def _matched(one: list[np.ndarray], other: list[np.ndarray], odd: bool) -> list[float]:
    """Overlap of each layer after matching the units of all layers but the last."""
    seen = np.arange(one[0].shape[1])
    signs = np.ones(len(seen))
    found = []
    for k, (a, b) in enumerate(zip(one, other, strict=True)):
        through = b[:, seen] * signs
        if k < len(one) - 1:
            products = a @ through.T
            _, seen = linear_sum_assignment(np.abs(products) if odd else products, maximize=True)
            best = products[np.arange(len(a)), seen]
            signs = np.where(best < 0, -1.0, 1.0) if odd else np.ones(len(a))
            through = through[seen] * signs[:, None]
        found.append(_cosine(a, through))
    return found


def _of_layer(
    values: np.ndarray, first: np.ndarray, second: np.ndarray, confidence: float
) -> np.ndarray:
    """Interval (end,) of one layer, of the pairs (pair,) in which both replicas have weights."""
    there = np.isfinite(values)
    members, places = np.unique(np.stack([first, second])[:, there], return_inverse=True)
    if len(members) < 2:
        return np.full(2, np.nan)
    one, other = places.reshape(2, -1)
    return np.array(_pairs_interval(values[there], one, other, len(members), confidence))


def _pairs_interval(
    values: np.ndarray, first: np.ndarray, second: np.ndarray, members: int, confidence: float
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Interval over replicas of a mean over pairs of them (pair, ...).

    The variance of a mean over P pairs is (v P + c N)/P**2, with v the variance of one pair, c the
    covariance of two that share a replica, and N the number of such; both are estimated, c at
    least as 0. The jackknife would give twice as much where c = 0, as between random weights.
    """
    pairs = len(values)
    mean = values.mean(axis=0)
    rest = (values - mean).reshape(pairs, -1)
    is_in = np.zeros((members, pairs))
    is_in[first, np.arange(pairs)] = is_in[second, np.arange(pairs)] = 1
    squares = (rest**2).sum(axis=0)
    sharing = (is_in.sum(axis=1) ** 2).sum() - 2 * pairs
    with np.errstate(invalid="ignore", divide="ignore"):
        common = np.maximum((((is_in @ rest) ** 2).sum(axis=0) - 2 * squares) / sharing, 0.0)
        variance = (squares / (pairs - 1) * pairs + common * sharing) / pairs**2
    half_width = stdtrit(members - 1, 0.5 + confidence / 2) * np.sqrt(variance)
    half_width = np.where(np.isfinite(half_width), half_width, np.nan).reshape(mean.shape)
    return mean - half_width, mean + half_width


@checked
def unit_overlap(
    theta: xr.DataArray,
    *,
    over: str = "replica",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Overlap of the hidden units of a layer: root mean square cosine of their incoming weights.

    Parameters
    ----------
    theta : DataArray (over, parameter)
        At one time, with coordinates layer and kind along parameter, as trajectories have.
    over : str
        Ensemble dimension.
    confidence : float
        Level of the intervals.

    Returns
    -------
    Dataset
        unit_overlap (layer), dimensionless, with ``_low`` and ``_high``; null_unit_overlap, that of
        independent Gaussian weights, 1/sqrt(n) with n inputs. NaN for a layer of one unit.

    Raises
    ------
    InputError
        For layers that are not fully connected.

    See Also
    --------
    replica_overlap : Overlap of the same layer in different replicas.

    Notes
    -----
    sqrt(<cos(w_i, w_j)**2>), the average over pairs i < j of units of a layer and over
    replicas. It is 0 for orthogonal units and 1 where units are copies of each other (permutation
    symmetry intact).

    Examples
    --------
    Two units with orthogonal weights, and two units with parallel ones:

    >>> import xarray as xr
    >>> import sgdphys as sp
    >>> theta = [[1.0, 0, 0, 2, 0, 0], [1.0, 2, 2, 4, 0, 0]]
    >>> along = {
    ...     "layer": ("parameter", [1] * 6),
    ...     "kind": ("parameter", ["weight"] * 4 + ["bias"] * 2),
    ... }
    >>> x = xr.DataArray(theta, dims=("replica", "parameter"), coords=along)
    >>> [sp.dynamics.unit_overlap(x[[r]])["unit_overlap"].values.round(6) for r in (0, 1)]
    [array([0.]), array([1.])]
    """
    theta = labelled_array(theta, over, "parameter")
    require_dimensions(theta, over)
    matrices = layer_matrices(theta.transpose(over, ...))
    layers = sorted(matrices)
    columns, null = [], []
    for n in layers:
        m = matrices[n]
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = m / np.linalg.norm(m, axis=-1, keepdims=True)
        cosines = np.einsum("rui,rvi->ruv", unit, unit)
        u, v = np.triu_indices(m.shape[1], 1)
        columns.append((cosines[:, u, v] ** 2).mean(axis=1) if len(u) else np.full(len(m), np.nan))
        null.append(1 / np.sqrt(m.shape[-1]) if len(u) else np.nan)
    squares = np.stack(columns, axis=1)
    estimate = np.sqrt(finite_mean(squares))
    members = np.isfinite(squares).sum(axis=0)
    without_each = np.sqrt(means_without_each(squares))
    ends = jackknife_interval(estimate, without_each, members, confidence)
    low, high = (np.clip(end, 0.0, 1.0) for end in ends)
    data = {
        "unit_overlap": ("layer", estimate),
        "unit_overlap_low": ("layer", low),
        "unit_overlap_high": ("layer", high),
        "null_unit_overlap": ("layer", np.array(null)),
    }
    return labelled(xr.Dataset(data, coords={"layer": layers})).assign_attrs(
        method="root mean square cosine of in-weights over pairs of units",
        confidence=confidence,
        interval_method=METHOD,
    )
