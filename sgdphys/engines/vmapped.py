"""The vmapped engine: any torch module as an ensemble, through ``torch.func``.

The same random numbers and batches as the fused engine, and on a perceptron the same weights to
rounding. Weights repeat exactly for equal numbers of replicas and threads.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.func import grad_and_value, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from sgdphys import parallel
from sgdphys.engines.base import (
    Ensemble,
    Plan,
    Recorded,
    State,
    Stopped,
    batch_variance,
    due,
    room_for,
)
from sgdphys.engines.modules import model_of, sample_losses
from sgdphys.engines.optimisers import BETA1, BETA2, EPSILON
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron
from sgdphys.sampling import PURPOSES, SAMPLERS, epoch_rows, philox_keys

_EVALUATED = 2048
"""Samples evaluated together."""
_LARGEST_TRACE = 20_000
"""Parameters up to which the trace of the per-sample noise is taken exactly."""
_SAMPLES_AT_ONCE = 64


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention of modules by products: its quick kernels have no rule for many replicas."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class VmappedEngine:
    """Trains an ensemble of modules; see ``engines.base.Engine``.

    Parameters
    ----------
    ensemble : Ensemble
    device : str
        "cpu" or "cuda".

    Raises
    ------
    InputError
        For what this engine has not: Langevin noise, label noise, layer noise of perceptrons, the
        penalty on weights that are not orthonormal; a device that is not there; a last batch of one
        sample beside batch norm.
    """

    name = "vmapped"

    @parallel.torch_threads()
    def __init__(self, ensemble: Ensemble, device: str = "cpu") -> None:
        training = ensemble.training
        if ensemble.needs_fused:
            raise InputError(
                "train.langevin, train.label_noise, train.orthonormality and network.noise belong "
                "to the fused engine; set them to 0, or train.engine = 'fused' with a perceptron"
            )
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise InputError(
                f"train.device is {device!r} and torch sees no CUDA device here; use 'cpu'"
            )
        if (torch.device(device).index or 0) >= max(torch.cuda.device_count(), 1):
            raise InputError(
                f"train.device is {device!r} and torch sees {torch.cuda.device_count()} CUDA "
                "devices here, numbered from 0"
            )
        self.ensemble, self.device = ensemble, device
        self.threads = torch.get_num_threads()
        self.dtype = getattr(torch, training.dtype)
        self.model = model_of(ensemble.network, self.dtype, device)
        if self.model.is_coupled and int(ensemble.batch_sizes.min()) < 2:
            raise InputError(
                f"batches of {training.batch_size} leave a last one of 1 of "
                f"{ensemble.train_samples} samples, which batch norm cannot take; choose a "
                "train.batch_size or train.train_fraction that leaves more"
            )
        samples = ensemble.samples
        inputs = getattr(ensemble.network, "inputs", samples.x.shape[1:])
        x = torch.as_tensor(np.ascontiguousarray(samples.x), dtype=self.dtype, device=device)
        self.x = x.reshape(len(x), *inputs)
        if samples.are_labels:
            labels = ensemble.labels_of(range(ensemble.replicas))
            self.targets = torch.as_tensor(np.ascontiguousarray(labels), device=device)
        else:
            self.targets = torch.as_tensor(samples.targets, dtype=self.dtype, device=device)
        self._keys = philox_keys(ensemble.seed, range(ensemble.replicas), "batches")
        self._train_rows = ensemble.train_rows(range(ensemble.replicas))
        self._layer = ensemble.network.parameters.layer
        self._losses = vmap(self._loss, in_dims=0, randomness="different")

    @staticmethod
    def is_compiled() -> bool:
        """Nothing is compiled."""
        return True

    @parallel.torch_threads()
    def initial_state(self) -> State:
        """Weights before any update, one draw a family."""
        ensemble = self.ensemble
        theta = ensemble.initial_weights()
        buffers = {
            name: np.repeat(b.cpu().numpy()[None], ensemble.replicas, axis=0)
            for name, b in self.model.buffers.items()
        }
        return State(
            epoch=0,
            theta=theta,
            velocity=np.zeros_like(theta),
            square=np.zeros_like(theta),
            diverged_step=np.full(ensemble.replicas, -1, np.int64),
            buffers=buffers,
        )

    def _loss(
        self, theta: torch.Tensor, buffers: Any, x: torch.Tensor, targets: torch.Tensor
    ) -> Any:
        out, after = self.model.forward(theta, buffers, x, True)
        return sample_losses(out, targets, self.ensemble.training.loss).mean(), after

    def _targets_of(self, rows: torch.Tensor) -> torch.Tensor:
        """Targets (replica, sample, ...) of each replica's rows."""
        if self.ensemble.samples.are_labels:
            return torch.gather(self.targets, 1, rows)
        return self.targets[rows]

    def _order(self, epoch: int) -> torch.Tensor:
        """Rows (replica, position) in the order of one epoch."""
        ensemble = self.ensemble
        order = np.zeros((int(ensemble.batch_sizes.sum()), ensemble.replicas), np.int32)
        words = np.zeros((4, ensemble.replicas), np.uint32)
        sampler = SAMPLERS.index(ensemble.training.sampler)
        epoch_rows(self._keys, epoch, self._train_rows, sampler, order, words)
        return torch.as_tensor(order.T.astype(np.int64), device=self.device)

    def _gradient(
        self, theta: torch.Tensor, buffers: Any, rows: torch.Tensor, seed: tuple[int, ...]
    ) -> tuple[torch.Tensor, Any]:
        """Gradients and buffers afterwards of one batch."""
        x, targets = self.x[rows], self._targets_of(rows)
        if isinstance(self.ensemble.network, Perceptron):
            return self._slope(theta, buffers, x, targets)
        devices = [self.device] if self.device.startswith("cuda") else []
        stream = np.random.SeedSequence(seed, spawn_key=(PURPOSES["dropout"],))
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(int(stream.generate_state(1, np.uint64)[0] >> 1))
            return self._slope(theta, buffers, x, targets)

    def _slope(
        self, theta: torch.Tensor, buffers: Any, x: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, Any]:
        """Gradients by one backward pass: each replica's loss knows its own weights alone."""
        leaf = theta.detach().requires_grad_()
        losses, after = self._losses(leaf, buffers, x, targets)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        return gradient, {n: b.detach() for n, b in after.items()}

    @parallel.torch_threads()
    @_plain_attention()
    def advance(
        self,
        state: State,
        until: int,
        plan: Plan,
        *,
        progress: Callable[[int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> tuple[State, Recorded]:
        """Train up to an epoch; see ``engines.base.Engine.advance``."""
        ensemble, training = self.ensemble, self.ensemble.training
        steps, epochs = due(state, until, plan, ensemble)
        recorded = room_for(ensemble, steps, epochs, plan)
        theta, velocity, square = (
            torch.as_tensor(v.copy(), dtype=self.dtype, device=self.device)
            for v in (state.theta, state.velocity, state.square)
        )
        buffers = {
            n: torch.as_tensor(b.copy(), device=self.device) for n, b in state.buffers.items()
        }
        diverged = torch.as_tensor(state.diverged_step.copy(), device=self.device)
        slots = {int(s): k for k, s in enumerate(steps)}
        at = {int(e): k for k, e in enumerate(epochs)}
        if 0 in slots:
            recorded.theta[:, slots[0]] = state.theta
        ends = np.cumsum(ensemble.batch_sizes)
        for epoch in range(state.epoch, until + 1):
            if epoch in at:
                self._take_stock(theta, buffers, epoch, plan.gradients, recorded, at[epoch])
            if epoch == until:
                break
            if stop is not None and stop():
                raise Stopped
            order = self._order(epoch)
            followed = _BatchSums(theta) if epoch in at and plan.gradients else None
            for batch, (first, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                step = epoch * len(ends) + batch + 1
                gradient, buffers = self._gradient(
                    theta, buffers, order[:, first:end], (ensemble.seed, epoch, batch)
                )
                if followed is not None:
                    followed.add(gradient, int(end - first))
                if training.weight_decay:
                    gradient = gradient + training.weight_decay * self.model.decayed(theta)
                _update(training, theta, velocity, square, gradient, training.rates[epoch], step)
                is_new = ~torch.isfinite(theta).all(dim=1) & (diverged < 0)
                diverged = torch.where(is_new, step, diverged)
                if step in slots:
                    recorded.theta[:, slots[step]] = theta.cpu().numpy()
            if followed is not None:
                mean, variance = followed.mean_and_variance(ensemble)
                out = recorded.by_epoch
                out["followed_mean_norm"][at[epoch]] = np.sqrt(self._by_layer(mean**2))
                out["followed_noise_norm"][at[epoch]] = np.sqrt(self._by_layer(variance))
            if progress is not None:
                progress(ensemble.replicas)
        after = replace(
            state,
            epoch=until,
            theta=theta.cpu().numpy(),
            velocity=velocity.cpu().numpy(),
            square=square.cpu().numpy(),
            diverged_step=diverged.cpu().numpy(),
            buffers={n: b.cpu().numpy() for n, b in buffers.items()},
        )
        return after, recorded

    def _take_stock(
        self, theta: torch.Tensor, buffers: Any, epoch: int, gradients: bool, recorded: Recorded,
        at: int,
    ) -> None:  # fmt: skip
        """Record loss, accuracy and gradient statistics at fixed weights."""
        out = recorded.by_epoch
        losses, hits = self._evaluate(theta, buffers)
        train = self.ensemble.samples.is_train
        for prefix, mask in (("", train), ("test_", ~train)):
            with np.errstate(invalid="ignore"):
                count = mask.sum(axis=1).astype(np.float64)
                count[count == 0] = np.nan
                out[f"{prefix}loss"][at] = np.where(mask, losses, 0.0).sum(axis=1) / count
                out[f"{prefix}accuracy"][at] = np.where(mask, hits, 0.0).sum(axis=1) / count
        if gradients:
            for name, value in self._gradient_statistics(theta, buffers, epoch).items():
                out[name][at] = value

    def _evaluate(self, theta: torch.Tensor, buffers: Any) -> tuple[np.ndarray, np.ndarray]:
        """Loss and hit of every sample, float64 (replica, sample), in evaluation mode."""
        are_labels = self.ensemble.samples.are_labels

        def one(w: torch.Tensor, b: Any, x: torch.Tensor, y: torch.Tensor) -> Any:
            z, _ = self.model.forward(w, b, x, False)
            loss = sample_losses(z, y, self.ensemble.training.loss).double()
            return loss, (z.argmax(-1) == y).double() if are_labels else loss * torch.nan

        by_replica = vmap(one, in_dims=(0, 0, None, 0 if are_labels else None))
        losses, hits = [], []
        with torch.no_grad():
            for first in range(0, len(self.x), _EVALUATED):
                part = slice(first, first + _EVALUATED)
                y = self.targets[:, part] if are_labels else self.targets[part]
                loss, hit = by_replica(theta, buffers, self.x[part], y)
                losses.append(loss.cpu().numpy())
                hits.append(hit.cpu().numpy())
        return np.concatenate(losses, axis=1), np.concatenate(hits, axis=1)

    def _gradient_statistics(
        self, theta: torch.Tensor, buffers: Any, epoch: int
    ) -> dict[str, np.ndarray]:
        """Mean and variance of the coming batches' gradients, and the per-sample trace."""
        ensemble = self.ensemble
        sizes = ensemble.batch_sizes
        order, ends = self._order(epoch), np.cumsum(sizes)
        sums = _BatchSums(theta)
        for batch, (first, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            seed = (ensemble.seed, epoch, batch, 1)
            gradient = self._gradient(theta, buffers, order[:, first:end], seed)[0]
            sums.add(gradient, int(sizes[batch]))
        mean, variance = sums.mean_and_variance(ensemble)
        weights = theta.double().cpu().numpy()
        return {
            "gradient_mean": mean,
            "gradient_variance": variance,
            "mean_norm": np.sqrt(self._by_layer(mean**2)),
            "noise_norm": np.sqrt(self._by_layer(variance)),
            "weight_norm": np.sqrt(self._by_layer(weights**2)),
            "noise_trace": self._noise_trace(theta, buffers),
        }

    def _by_layer(self, values: np.ndarray) -> np.ndarray:
        """Sums over the parameters of each layer, (replica, layer)."""
        numbers = np.arange(1, self.ensemble.network.layers + 1)
        return np.stack([values[:, self._layer == n].sum(axis=1) for n in numbers], axis=1)

    def _noise_trace(self, theta: torch.Tensor, buffers: Any) -> np.ndarray:
        """Trace of the per-sample covariance, (replica, layer); NaN where samples are not alone."""
        replicas, size = theta.shape
        if self.model.is_coupled or self.model.is_random or size > _LARGEST_TRACE:
            return np.full((replicas, self.ensemble.network.layers), np.nan)

        def single(w: torch.Tensor, b: Any, x: torch.Tensor, y: torch.Tensor) -> Any:
            return self._loss(w, b, x[None], y[None])

        slopes = vmap(vmap(grad_and_value(single, has_aux=True), in_dims=(None, None, 0, 0)))
        total = torch.zeros_like(theta, dtype=torch.float64)
        squares = torch.zeros_like(total)
        rows = torch.as_tensor(self._train_rows.T.astype(np.int64), device=self.device)
        for first in range(0, rows.shape[1], _SAMPLES_AT_ONCE):
            part = rows[:, first : first + _SAMPLES_AT_ONCE]
            gradient = slopes(theta, buffers, self.x[part], self._targets_of(part))[0].double()
            total += gradient.sum(dim=1)
            squares += (gradient**2).sum(dim=1)
        n = rows.shape[1]
        trace = squares / n - (total / n) ** 2
        return np.maximum(self._by_layer(trace.cpu().numpy()), 0.0)


class _BatchSums:
    """Sums over the batches of an epoch of n g and n g**2, g the mean gradient of n samples."""

    def __init__(self, theta: torch.Tensor) -> None:
        self._total = torch.zeros_like(theta, dtype=torch.float64)
        self._squares = torch.zeros_like(self._total)

    def add(self, gradient: torch.Tensor, samples: int) -> None:
        gradient = gradient.double()
        self._total += samples * gradient
        self._squares += samples * gradient**2

    def mean_and_variance(self, ensemble: Ensemble) -> tuple[np.ndarray, np.ndarray]:
        """Weighted mean, and unbiased variance, (replica, parameter)."""
        sizes = ensemble.batch_sizes
        total = int(sizes.sum())
        mean = (self._total / total).cpu().numpy()
        square = (self._squares / total).cpu().numpy()
        whole_pass = ensemble.training.sampler != "replacement"
        return mean, batch_variance(mean, square, sizes, whole_pass)


def _update(
    training: Any, theta: torch.Tensor, velocity: torch.Tensor, square: torch.Tensor,
    gradient: torch.Tensor, rate: float, step: int,
) -> None:  # fmt: skip
    """Apply one update in place, in the conventions of ``engines.optimisers``.

    A gradient of 0, as frozen weights have, leaves them as they are to the last bit.
    """
    if training.optimiser == "adam":
        velocity.mul_(BETA1).add_(gradient, alpha=1 - BETA1)
        square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        scale = (square / (1 - BETA2**step)).sqrt_().add_(EPSILON)
        gradient = velocity / (1 - BETA1**step) / scale
    elif training.momentum:
        velocity.mul_(training.momentum).add_(gradient)
        gradient = gradient + training.momentum * velocity if training.nesterov else velocity
    theta.sub_(gradient, alpha=float(rate))
