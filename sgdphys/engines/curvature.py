"""Hessian products, Hessians and their largest eigenvalues, at fixed weights.

Through ``torch.func``, all replicas together, in float64: what a second derivative is read from has
few digits to lose.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.func import grad, vmap

from sgdphys import parallel
from sgdphys.engines.base import Ensemble
from sgdphys.engines.modules import matrices_of, model_of, sample_losses
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron

LARGEST_HESSIAN = 3000
"""Parameters up to which a full Hessian is made."""
_BYTES = 256 * 2**20
_ITERATIONS = 200
_TOLERANCE = 1e-6
_COLUMNS_A_MODE = 20
"""A full Hessian with fewer columns than this for each eigenvalue wanted is the quicker way."""


class Landscape(NamedTuple):
    """The loss of every replica as a function of its weights.

    The loss is that of the replica's own training samples, penalties on weights included.
    """

    loss: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    """Of theta (parameter,), x (sample, feature), targets (sample, ...), weight (sample,)."""
    x: torch.Tensor
    targets: torch.Tensor
    """(replica, sample) labels or (replica, sample, output) numbers."""
    weight: torch.Tensor
    """(replica, sample), 1/N for training samples, else 0."""

    @property
    def replicas(self) -> int:
        """How many there are."""
        return len(self.weight)


def landscape_of(ensemble: Ensemble, device: str = "cpu") -> Landscape:
    """Return the loss of an ensemble's replicas, in evaluation mode.

    Parameters
    ----------
    ensemble : Ensemble
    device : str
        "cpu" or "cuda": where derivatives of it are taken.

    Raises
    ------
    InputError
        For batch norm.
    """
    samples = ensemble.samples
    if samples.are_labels:
        targets = ensemble.labels_of(range(ensemble.replicas))
    else:
        targets = np.broadcast_to(
            samples.targets, (ensemble.replicas, *samples.targets.shape)
        ).copy()
    weight = samples.is_train / samples.is_train.sum(axis=1, keepdims=True)
    model = model_of(ensemble.network, torch.float64, device)
    if model.is_coupled:
        raise InputError(
            "curvature is not defined sample by sample with batch norm; use another normalisation"
        )

    def forward(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return model.forward(theta, model.buffers, x, False)[0]

    return Landscape(
        loss=_loss_of(forward, model.decayed, ensemble),
        x=torch.as_tensor(samples.x, dtype=torch.float64, device=device),
        targets=torch.as_tensor(targets, device=device),
        weight=torch.as_tensor(weight, dtype=torch.float64, device=device),
    )


def _loss_of(forward: Any, decayed: Any, ensemble: Ensemble) -> Any:
    training = ensemble.training

    def total(
        theta: torch.Tensor, x: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        each = sample_losses(forward(theta, x), targets, training.loss)
        loss = (weight * each).sum() + 0.5 * training.weight_decay * (decayed(theta) ** 2).sum()
        if training.orthonormality:
            loss = loss + training.orthonormality * _departure(theta, ensemble.perceptron)
        return loss

    return total


def _departure(theta: torch.Tensor, network: Perceptron) -> torch.Tensor:
    """A quarter of |W W^T - 1|^2, summed over weight matrices; see ``engines.orthonormality``."""
    total = torch.zeros((), dtype=theta.dtype, device=theta.device)
    for w, _ in matrices_of(network, theta):
        away = w @ w.T - torch.eye(len(w), dtype=theta.dtype, device=theta.device)
        total = total + 0.25 * (away**2).sum()
    return total


@parallel.torch_threads()
def _over(
    landscape: Landscape, derivative: Any, theta: np.ndarray, *more: np.ndarray
) -> np.ndarray:
    """Apply a derivative of (theta, extra ..., replica) to (place, replica, ...) in bounded memory.

    Every replica keeps its own samples: replicas run together, places one after the other.
    """
    device = landscape.x.device
    together = vmap(derivative, in_dims=(0, *(0 for _ in more), 0, 0))
    found = []
    for k in range(len(theta)):
        given = [
            torch.as_tensor(np.ascontiguousarray(a[k]), dtype=torch.float64, device=device)
            for a in (theta, *more)
        ]
        found.append(together(*given, landscape.targets, landscape.weight).cpu().numpy())
    return np.stack(found) if found else np.empty((0,))


def gradients(landscape: Landscape, theta: np.ndarray) -> np.ndarray:
    """Gradient of the whole training loss, (place, replica, parameter) as theta."""
    slope = grad(landscape.loss)
    return _over(landscape, lambda w, y, p: slope(w, landscape.x, y, p), theta)


def hessian_products(landscape: Landscape, theta: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Hessian of the whole training loss times vectors.

    Parameters
    ----------
    landscape : Landscape
    theta : (place, replica, parameter)
    vectors : (place, replica, parameter)

    Returns
    -------
    float64 (place, replica, parameter)

    References
    ----------
    Pearlmutter (1994), Neural Computation 6, 147.
    """
    return _over(landscape, _product_of(landscape), theta, vectors)


def _product_of(landscape: Landscape) -> Any:
    """Hessian times a vector, of (theta, vector, targets, weight)."""
    slope = grad(landscape.loss)

    def product(w: torch.Tensor, v: torch.Tensor, y: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        return grad(lambda u: (slope(u, landscape.x, y, p) * v).sum())(w)

    return product


def hessians(landscape: Landscape, theta: np.ndarray) -> np.ndarray:
    """Full Hessians of the whole training loss.

    Parameters
    ----------
    landscape : Landscape
    theta : (place, replica, parameter)

    Returns
    -------
    float64 (place, replica, parameter, parameter)

    Raises
    ------
    InputError
        For more than 3000 parameters; use ``hessian_products`` or ``leading_curvature``.
    """
    size = theta.shape[-1]
    if size > LARGEST_HESSIAN:
        raise InputError(
            f"a full Hessian of {size} parameters is not made (at most {LARGEST_HESSIAN}); "
            "use hessian_products or leading_curvature"
        )
    widest = max(landscape.x.shape[-1], 16) * landscape.x.shape[0] * 8 * 4
    chunk = max(1, int(_BYTES // (widest * landscape.replicas)))
    product = _product_of(landscape)

    def second(w: torch.Tensor, y: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        identity = torch.eye(len(w), dtype=w.dtype, device=w.device)
        return vmap(lambda v: product(w, v, y, p), chunk_size=chunk)(identity)

    return _over(landscape, second, theta)


def leading_curvature(
    landscape: Landscape, theta: np.ndarray, *, many: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Largest eigenvalues of the Hessian and their directions; the first is the sharpness.

    Parameters
    ----------
    landscape : Landscape
    theta : (place, replica, parameter)
    many : int

    Returns
    -------
    (float64 (place, replica, many), float64 (place, replica, parameter, many))
        Descending.

    Notes
    -----
    From full Hessians of networks with less than 20 parameters a mode, else by Lanczos with full
    reorthogonalisation on Hessian products, from the same random vectors every time.
    """
    size = theta.shape[-1]
    many = min(many, size)
    if size <= LARGEST_HESSIAN and size < _COLUMNS_A_MODE * many:
        values, vectors = np.empty((*theta.shape[:2], many)), np.empty((*theta.shape, many))
        for k in range(len(theta)):
            w, v = np.linalg.eigh(hessians(landscape, theta[k : k + 1])[0])
            values[k], vectors[k] = w[:, ::-1][:, :many], v[..., ::-1][..., :many]
        return values, vectors
    return _lanczos(landscape, theta, many)


def _lanczos(landscape: Landscape, theta: np.ndarray, many: int) -> tuple[np.ndarray, np.ndarray]:
    start = np.random.default_rng(0).standard_normal(theta.shape)
    basis = [start / np.linalg.norm(start, axis=-1, keepdims=True)]
    diagonal: list[np.ndarray] = []
    beside: list[np.ndarray] = []
    before = np.full((*theta.shape[:2], many), np.inf)
    while True:
        product = hessian_products(landscape, theta, basis[-1])
        diagonal.append((product * basis[-1]).sum(axis=-1))
        for _ in range(2):
            for v in basis:
                product = product - (product * v).sum(axis=-1, keepdims=True) * v
        size = np.linalg.norm(product, axis=-1)
        tri = _tridiagonal(np.stack(diagonal, -1), np.stack(beside, -1) if beside else None)
        values, small = np.linalg.eigh(tri)
        found = values[..., ::-1][..., :many]
        if len(basis) > many and (
            (np.abs(found - before) <= _TOLERANCE * np.abs(found).max(axis=-1, keepdims=True)).all()
            or len(basis) >= min(_ITERATIONS, theta.shape[-1])
        ):
            rows = np.stack(basis, axis=-1)
            return found, rows @ small[..., ::-1][..., :many]
        before = found if found.shape == before.shape else before
        beside.append(size)
        basis.append(product / np.maximum(size, 1e-300)[..., None])


def _tridiagonal(diagonal: np.ndarray, beside: np.ndarray | None) -> np.ndarray:
    size = diagonal.shape[-1]
    out = np.zeros((*diagonal.shape, size))
    k = np.arange(size)
    out[..., k, k] = diagonal
    if beside is not None:
        out[..., k[1:], k[:-1]] = beside
        out[..., k[:-1], k[1:]] = beside
    return out
