"""Entropy of an ensemble in weight space, its growth, and its Fokker-Planck balance.

In many dimensions the entropy cannot be estimated: it is that of the projection on a few stated
directions, and its differences are more informative than its level.
"""

from typing import Any

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree
from scipy.special import digamma, gammaln, ndtri, polygamma

from sgdphys.arguments import checked, require_whole
from sgdphys.draws import Seed
from sgdphys.dynamics.ensembles.clouds import Cloud, cloud_of, covariances
from sgdphys.dynamics.series import require_free_names
from sgdphys.errors import InputError
from sgdphys.quantities import labelled
from sgdphys.status import CONSTANT, FEW_MEMBERS, OK, flagged

_UNIT = 1 + np.log(2 * np.pi)
_VARIABLES = ("entropy", "mode_entropy", "direction", "entropy_nearest", "rank", "status",
              "entropy_rate", "effective_modes")  # fmt: skip
_BALANCE = ("entropy_flow", "entropy_spreading", "entropy_balance", "entropy_rate")
NEIGHBOUR = 3
"""k of the k-th nearest neighbour, for the nearest-neighbour estimate."""


def log_determinant_bias(dof: int, modes: int) -> float:
    """E ln|S| - ln|Sigma| of a Gaussian sample covariance S with ``dof`` degrees of freedom.

    sum_{i=1..d} psi((n - i)/2) + d ln(2/(n - 1)), with n - 1 degrees of freedom.
    """
    i = np.arange(1, modes + 1)
    return float(digamma((dof + 1 - i) / 2).sum() + modes * np.log(2 / dof))


@checked
def weight_entropy(
    theta: xr.DataArray,
    *,
    time: Any = None,
    over: str = "replica",
    family: str | None = None,
    coordinates: str = "parameter",
    basis: Any = "principal",
    modes: int | None = None,
    confidence: float = 0.95,
    rng: Seed = 0,
) -> xr.Dataset:
    """Differential entropy of an ensemble of networks in weight space (Gaussian estimate).

    Parameters
    ----------
    theta : DataArray (time, over, coordinates)
        Members that are not finite at the last time, such as those that diverged, are left out;
        the others count at the times at which they are there.
    time : str, float, array or pair, optional
        Times of the points: see ``dynamics.series.paths``.
    over : str
        Ensemble dimension.
    family : str, optional
        Coordinate along ``over`` that names groups: the entropy is then that of the deviations from
        group means. With "family" these are twins, which differ by the noise of training alone.
    coordinates : str
        Dimension of the weight vector.
    basis : str or array (coordinates, mode)
        "principal" (leading principal axes, averaged over times after scaling each covariance to
        unit variance), "random" (orthonormal, by ``rng``), "coordinates", or any directions. The
        leading axes of these members are not those of others: along them the entropy is too high,
        and has no interval.
    modes : int, optional
        Number of directions; by default a quarter of the degrees of freedom, at most 10.
    confidence : float
        Level of the intervals.
    rng : int, SeedSequence or Generator
        Seed of the random basis.

    Returns
    -------
    Dataset
        entropy (time) in nats with ``_low`` and ``_high``; mode_entropy (time, mode); direction
        (coordinates, mode), the basis; entropy_nearest, the nearest-neighbour estimate, as a check;
        entropy_rate dS/dt and effective_modes 2 dS/d ln t, by central differences; rank; status.
        Attributes hold the basis, the degrees of freedom and the parameters that never differ.

    Raises
    ------
    InputError
        For an unknown dimension or basis.

    See Also
    --------
    entropy_balance : Contributions of drift and diffusion to the growth of the entropy.
    entropy_production : Irreversibility of single trajectories.

    Notes
    -----
    S = 1/2 ln[(2 pi e)**d |Sigma|], Sigma the covariance along d directions. The bias
    of ln|Sigma|, sum_{i=1..d} psi((n - i)/2) + d ln(2/(n - 1)) with n - 1 degrees of freedom, is
    subtracted. For a Wiener process S grows as d/2 ln t, so that effective_modes is d. With at
    least as many modes as degrees of freedom the covariance is singular: NaN, with the status "too
    few members". Permutation and sign symmetries of hidden units are not divided out: across
    independent initialisations they raise the level.

    References
    ----------
    Misra, Singh and Demchuk (2005), J. Multivar. Anal. 92, 324, for the bias;
    Kozachenko and Leonenko (1987) for nearest neighbours.

    Examples
    --------
    Two independent Wiener processes have two effective modes at any time:

    >>> import sgdphys as sp
    >>> x = sp.processes.wiener(steps=1000, replicas=400, parameters=2, rng=0)["theta"]
    >>> found = sp.dynamics.weight_entropy(
    ...     x.isel(step=[1, 10, 100, 1000]), time="time", basis="coordinates"
    ... )
    >>> found["effective_modes"].values.round(1)
    array([2., 2., 2., 2.])
    """
    if modes is not None:
        require_whole(modes, "modes", 1)
    cloud = cloud_of(
        theta, time=time, over=over, family=family, coordinates=coordinates, basis=basis,
        modes=modes, rng=rng,
    )  # fmt: skip
    size, dof = cloud.basis.shape[1], cloud.dof
    times = cloud.series.times
    entropy, error = np.full((2, len(times)), np.nan)
    by_mode = np.full((len(times), size), np.nan)
    nearest = np.full(len(times), np.nan)
    has_enough = (cloud.present > size) & (size > 0)
    status = np.where(has_enough, OK, FEW_MEMBERS)
    if cloud.dof and not cloud.parameters.any():
        status[:] = CONSTANT
    covariance = covariances(cloud)
    variance = np.einsum("tii->ti", covariance)
    is_spread = has_enough & (variance > 0).all(axis=1)
    status[has_enough & ~is_spread] = CONSTANT
    for freedom in np.unique(cloud.present[has_enough]):
        here = has_enough & (cloud.present == freedom)
        with np.errstate(divide="ignore"):
            logs = np.where(is_spread[here], np.linalg.slogdet(covariance[here])[1], np.nan)
        entropy[here] = 0.5 * (size * _UNIT + logs - log_determinant_bias(freedom, size))
        with np.errstate(divide="ignore"):
            logs_of_modes = np.where(variance[here] > 0, np.log(variance[here]), np.nan)
        by_mode[here] = 0.5 * (_UNIT + logs_of_modes - log_determinant_bias(freedom, 1))
        log_variance = polygamma(1, (freedom + 1 - np.arange(1, size + 1)) / 2).sum()
        error[here] = ndtri(0.5 + confidence / 2) * 0.5 * np.sqrt(log_variance)
    nearest[is_spread] = [_nearest_entropy(y) for y in _restored(cloud, is_spread)]
    is_chosen = cloud.basis_name == "principal" and size < cloud.parameters.sum()
    if is_chosen:
        error[:] = np.nan
    require_free_names(cloud.series.theta, _VARIABLES, ["mode"])
    found = xr.Dataset(
        {
            "entropy": (cloud.series.dim, entropy),
            "entropy_low": (cloud.series.dim, entropy - error),
            "entropy_high": (cloud.series.dim, entropy + error),
            "mode_entropy": ((cloud.series.dim, "mode"), by_mode),
            "direction": ((coordinates, "mode"), cloud.basis),
            "entropy_nearest": (cloud.series.dim, nearest),
            "rank": min(dof, int(cloud.parameters.sum())),
            "status": flagged(xr.DataArray(status, dims=cloud.series.dim)),
        },
        coords={
            **{n: c for n, c in cloud.series.theta.coords.items() if c.dims == (cloud.series.dim,)},
            "mode": np.arange(1, size + 1),
        },
    )
    found["entropy_rate"] = (cloud.series.dim, _slope(entropy, times))
    with np.errstate(divide="ignore"):
        found["effective_modes"] = (
            cloud.series.dim,
            2 * _slope(entropy, np.log(np.maximum(times, 0))),
        )
    return labelled(found, x=cloud.series.value_unit, t=cloud.series.time_unit).assign_attrs(
        method=f"Gaussian, along {size} directions ({cloud.basis_name})",
        reference="Misra, Singh and Demchuk (2005)",
        basis=cloud.basis_name,
        freedom=dof,
        parameters=len(cloud.parameters),
        never_differ=_names(cloud.series.theta, coordinates, ~cloud.parameters),
        confidence=confidence,
        interval_method="none: the directions were chosen from the same members"
        if is_chosen
        else "normal, with the variance of ln|S| of a Gaussian cloud",
    )


def _names(theta: xr.DataArray, across: str, left_out: np.ndarray) -> list[str]:
    """Names of the parameters left out: values of their coordinate, otherwise indices."""
    if across in theta.coords:
        return [str(v) for v in theta[across].to_numpy()[left_out]]
    return [str(k) for k in np.flatnonzero(left_out)]


def _restored(cloud: Cloud, at: np.ndarray) -> list[np.ndarray]:
    """Deviations (member, mode) of those there, rescaled to the variance of independent members."""
    found = []
    for y in cloud.y[at]:
        is_there = np.isfinite(y).all(axis=1)
        groups = [g[is_there[g]] for g in cloud.members]
        scaled = [y[g] * np.sqrt(len(g) / (len(g) - 1)) for g in groups if len(g) > 1]
        found.append(np.concatenate(scaled))
    return found


def _nearest_entropy(y: np.ndarray) -> float:
    """Kozachenko-Leonenko entropy of points (member, mode); NaN where points coincide."""
    n, d = y.shape
    if n <= NEIGHBOUR:
        return np.nan
    distance = cKDTree(y).query(y, NEIGHBOUR + 1)[0][:, -1]
    if not (distance > 0).all():
        return np.nan
    ball = 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
    return float(digamma(n) - digamma(NEIGHBOUR) + ball + d * np.log(distance).mean())


def _slope(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Central differences; NaN where x or y is not finite."""
    out = np.full(len(y), np.nan)
    finite = np.flatnonzero(np.isfinite(y) & np.isfinite(x))
    if len(finite) > 1:
        out[finite] = np.gradient(y[finite], x[finite])
    return out


@checked
def entropy_balance(
    theta: xr.DataArray,
    *,
    time: Any = None,
    over: str = "replica",
    family: str | None = None,
    coordinates: str = "parameter",
    basis: Any = "principal",
    modes: int | None = None,
    rng: Seed = 0,
) -> xr.Dataset:
    """Entropy balance of the Fokker-Planck equation: phase-space contraction against diffusion.

    Parameters
    ----------
    theta, time, over, family, coordinates, basis, modes, rng
        As in ``weight_entropy``.

    Returns
    -------
    Dataset
        Over time (the earlier of two neighbouring times), in nats per unit of time: entropy_flow,
        the mean divergence of the drift (phase-space contraction); entropy_spreading, tr(D F) with
        F the Fisher information of the density; entropy_balance, their sum; entropy_rate, the
        observed growth between the same two times. NaN where other members are there at the later
        time.

    Raises
    ------
    InputError
        For too few members.

    See Also
    --------
    weight_entropy : The entropy itself.

    Notes
    -----
    dS/dt = <div b> + tr(D F). Across members, increments are regressed on positions, dy
    = -B y dt + e, so that <div b> = -tr B and 2 D dt = Cov e; F = Sigma**-1 of a Gaussian density,
    corrected for the bias of the inverse of a sample covariance.

    References
    ----------
    Risken (1989), "The Fokker-Planck equation".

    Examples
    --------
    In a stationary Ornstein-Uhlenbeck process contraction at kappa per mode balances diffusion:

    >>> import sgdphys as sp
    >>> x = sp.processes.ornstein_uhlenbeck(
    ...     kappa=1.0, dt=0.01, steps=200, replicas=500, parameters=2, rng=0
    ... )["theta"]
    >>> found = sp.dynamics.entropy_balance(x, time="time", basis="coordinates").mean()
    >>> round(found["entropy_flow"].item()), round(found["entropy_spreading"].item())
    (-2, 2)
    """
    if modes is not None:
        require_whole(modes, "modes", 1)
    cloud = cloud_of(
        theta, time=time, over=over, family=family, coordinates=coordinates, basis=basis,
        modes=modes, rng=rng,
    )  # fmt: skip
    size, dof = cloud.basis.shape[1], cloud.dof
    if not 0 < size < dof - size - 1:
        raise InputError(
            f"{dof} degrees of freedom are too few for a balance along {size} directions; "
            "give fewer modes or more members"
        )
    covariance = covariances(cloud)
    y, dt, freedom = cloud.y, np.diff(cloud.series.times), cloud.present
    is_there = np.isfinite(y).all(axis=2)
    is_spread = (np.einsum("tii->ti", covariance) > 0).all(axis=1) & (freedom > size + 1)
    flow, spreading = np.full((2, len(dt)), np.nan)
    is_same = (is_there[:-1] == is_there[1:]).all(axis=1)
    for k in np.flatnonzero(is_spread[:-1] & is_same):
        before = y[k, is_there[k]]
        moved = y[k + 1, is_there[k]] - before
        slope = np.linalg.solve(covariance[k] * freedom[k], before.T @ moved)
        rest = moved - before @ slope
        noise = rest.T @ rest / (freedom[k] - size) / (2 * dt[k])
        flow[k] = np.trace(slope) / dt[k]
        inverse = np.linalg.inv(covariance[k]) * (freedom[k] - size - 1) / freedom[k]
        spreading[k] = np.trace(noise @ inverse)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = 0.5 * np.linalg.slogdet(covariance)[1]
        rate = np.where(is_spread[1:] & is_spread[:-1] & is_same, np.diff(level) / dt, np.nan)
    require_free_names(cloud.series.theta, _BALANCE)
    data = xr.Dataset(
        {
            "entropy_flow": (cloud.series.dim, flow),
            "entropy_spreading": (cloud.series.dim, spreading),
            "entropy_balance": (cloud.series.dim, flow + spreading),
            "entropy_rate": (cloud.series.dim, rate),
        },
        coords={
            n: c.isel({cloud.series.dim: slice(None, -1)})
            for n, c in cloud.series.theta.coords.items()
            if c.dims == (cloud.series.dim,)
        },
    )
    return labelled(data, x=cloud.series.value_unit, t=cloud.series.time_unit).assign_attrs(
        method=f"regression across members, along {size} directions ({cloud.basis_name})",
        reference="Risken (1989)",
        freedom=dof,
        interval_method="none: neighbouring times share their members",
    )
