"""The fused engine: multilayer perceptrons, one replica a SIMD lane, everything in cache.

A block is one register of replicas; blocks are spread over threads and share nothing, so a replica
is the same, bit for bit, whatever runs beside it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import numpy as np

from sgdphys.compiling import is_compiled
from sgdphys.engines import blocks
from sgdphys.engines.base import Ensemble, Plan, Recorded, State, Stopped, due
from sgdphys.engines.lanes import REGISTER_BYTES, SAMPLES, lanes
from sgdphys.engines.optimisers import ADAM, SGD, Rule, Weights
from sgdphys.engines.perceptron import Net, Pass
from sgdphys.networks import ACTIVATIONS
from sgdphys.sampling import SAMPLERS, epoch_rows, philox_keys, seed_sequence

_STRETCH_SECONDS_OF_WORK = 2.0e8
"""Multiply-adds of one lane between two looks at whether to stop: about a quarter of a second."""

NOISE_FREE = ("shuffle", "fixed", "full")
"""Samplers whose epoch holds every training sample once."""


def aligned(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that start on a register's boundary; a load across two cache lines costs twice."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.zeros(size + REGISTER_BYTES, np.uint8)
    start = -raw.ctypes.data % REGISTER_BYTES
    return raw[start : start + size].view(dtype).reshape(shape)


def _net(ensemble: Ensemble) -> Net:
    network = ensemble.network
    sizes = np.array(network.sizes, dtype=np.int64)
    return Net(
        sizes=sizes,
        weight_at=np.ascontiguousarray(network.weight_at),
        bias_at=np.ascontiguousarray(network.bias_at),
        unit_at=np.cumsum(sizes) - sizes,
        activation=ACTIVATIONS.index(network.activation),
        has_bias=int(network.bias),
        softmax=int(ensemble.training.loss == "cross_entropy"),
        noise=float(network.noise),
    )


class Block:
    """One register of replicas: its rows of lanes, its data and its keys."""

    def __init__(self, ensemble: Ensemble, net: Net, replicas: range) -> None:
        training, samples = ensemble.training, ensemble.samples
        self.ensemble, self.net, self.replicas = ensemble, net, replicas
        self.dtype = np.dtype(training.dtype)
        self.width = lanes(self.dtype)
        # lanes that no replica fills repeat the first one, and are never read
        self.members = [replicas[k] if k < len(replicas) else replicas[0]
                        for k in range(self.width)]  # fmt: skip
        self.rule = Rule(
            optimiser=ADAM if training.optimiser == "adam" else SGD,
            momentum=float(training.momentum),
            nesterov=int(training.nesterov),
            weight_decay=float(training.weight_decay),
            langevin=float(training.langevin),
        )
        is_train = samples.is_train[self.members].T
        rows = [np.flatnonzero(is_train[:, lane]) for lane in range(self.width)]
        if training.sampler == "fixed":
            # an order of each replica's own, drawn once: never that of the data
            rows = [
                np.random.default_rng(seed_sequence(ensemble.seed, m, "batches")).permutation(r)
                for m, r in zip(self.members, rows, strict=True)
            ]
        self.data = blocks.Data(
            x=np.ascontiguousarray(samples.x, dtype=self.dtype),
            targets=self._targets(),
            target_lanes=self.width if samples.are_labels else 1,
            train_rows=np.ascontiguousarray(np.stack(rows, axis=1), dtype=np.int32),
            is_train=np.ascontiguousarray(is_train, dtype=np.uint8),
            sampler=SAMPLERS.index(training.sampler),
            batch_sizes=ensemble.batch_sizes,
            label_noise=float(training.label_noise),
        )
        self.keys = blocks.Keys(
            batches=self._keys("batches"),
            noise=np.tile(self._keys("noise"), SAMPLES),
            labels=np.tile(self._keys("labels"), SAMPLES),
            layer_noise=np.tile(self._keys("layer_noise"), SAMPLES),
        )
        block = SAMPLES * self.width
        units = int(net.sizes.sum())
        self.buffers = Pass(
            unit=aligned(units * block, self.dtype),
            slope=aligned(units * block, self.dtype),
            delta=aligned(units * block, self.dtype),
            target=aligned(int(net.sizes[-1]) * block, self.dtype),
            rows=aligned(block, np.int32),
            target_rows=aligned(block, np.int32),
            positions=aligned(block, np.uint32),
            uniform=aligned(4 * block, self.dtype),
            normal=aligned(4 * block, self.dtype),
        )
        self.squares = aligned(ensemble.network.layers * self.width, self.dtype)
        self.words = np.zeros((4, self.width), np.uint32)
        self.order = np.zeros((int(ensemble.batch_sizes.sum()), self.width), np.int32)

    def _keys(self, purpose: str) -> np.ndarray:
        keys = philox_keys(self.ensemble.seed, self.replicas, purpose)
        return np.ascontiguousarray(keys[:, [m - self.replicas[0] for m in self.members]])

    def _targets(self) -> np.ndarray:
        """Rows of targets: one-hot for each lane where they are labels, else as they are."""
        samples, outputs = self.ensemble.samples, self.ensemble.network.sizes[-1]
        if not samples.are_labels:
            return np.ascontiguousarray(samples.targets, dtype=self.dtype)
        family = np.array(self.members) // self.ensemble.twins
        labels = samples.targets[family if len(samples.targets) > 1 else np.zeros_like(family)]
        one_hot = labels.T[..., None] == np.arange(outputs)
        return np.ascontiguousarray(one_hot.reshape(-1, outputs), dtype=self.dtype)

    def rows_of(self, theta: np.ndarray) -> np.ndarray:
        """Rows of lanes, flat, of an array (replica, parameter)."""
        rows = aligned(theta.shape[1] * self.width, self.dtype)
        rows.reshape(-1, self.width)[:] = theta[self.members].T
        return rows

    def of_rows(self, rows: np.ndarray) -> np.ndarray:
        """Array (replica, parameter) of flat rows of lanes."""
        return rows.reshape(-1, self.width)[:, : len(self.replicas)].T

    def evaluate(self, weights: Weights, epoch: int, out: dict[str, np.ndarray], at: int) -> None:
        """Loss and accuracy on training and test samples."""
        samples = len(self.data.x)
        everything = np.repeat(np.arange(samples, dtype=np.int32)[:, None], self.width, axis=1)
        totals = np.zeros((4, self.width))
        blocks.evaluate(
            self.net, self.data, self.keys, weights.theta, self.buffers, everything, epoch, totals
        )
        n_train = len(self.data.train_rows)
        counts = np.array([n_train, n_train, samples - n_train, samples - n_train])
        with np.errstate(invalid="ignore"):
            means = totals[:, : len(self.replicas)] / counts[:, None]
        if not self.ensemble.samples.are_labels:
            means[1::2] = np.nan
        names = ("loss", "accuracy", "test_loss", "test_accuracy")
        for name, values in zip(names, means, strict=True):
            out[name][at, self.replicas] = values

    def measure(self, weights: Weights, epoch: int, out: dict[str, np.ndarray], at: int) -> None:
        """Gradient mean, noise and per-sample trace at fixed weights, on the coming batches."""
        layers = self.ensemble.network.layers
        sums = np.zeros((2, len(weights.theta)))
        norms = np.zeros((layers, self.width))
        epoch_rows(self.keys.batches, epoch, self.data.train_rows, self.data.sampler, self.order,
                   self.words)  # fmt: skip
        sizes = self.data.batch_sizes
        self._pass(weights, epoch, self.order, sizes, sums, norms)
        share = sizes / sizes.sum()
        mean, square = sums / sizes.sum()
        unbiased = 1.0 - float(np.sum(share**2))
        if unbiased > 0:
            variance = np.maximum(square - mean**2, 0.0) / unbiased
        else:  # one batch: no noise if it is the training set, unknown if it was drawn
            whole = self.ensemble.training.sampler in NOISE_FREE
            variance = np.full_like(mean, 0.0 if whole else np.nan)
        whole_mean = mean
        if self.ensemble.training.sampler not in NOISE_FREE:
            whole_sums = np.zeros_like(sums)
            one_batch = np.array([len(self.data.train_rows)])
            self._pass(weights, epoch, self.data.train_rows, one_batch, whole_sums, norms)
            whole_mean = whole_sums[0] / one_batch
        layer_of = self.ensemble.network.parameters.layer - 1
        n_train = len(self.data.train_rows)

        def squared_norm(values: np.ndarray) -> np.ndarray:
            found = np.zeros((len(self.replicas), layers))
            np.add.at(found.T, layer_of, np.square(values, dtype=np.float64).T)
            return found

        out["gradient_mean"][at, self.replicas] = self.of_rows(mean)
        out["gradient_variance"][at, self.replicas] = self.of_rows(variance)
        out["mean_norm"][at, self.replicas] = np.sqrt(squared_norm(self.of_rows(mean)))
        out["noise_norm"][at, self.replicas] = np.sqrt(
            squared_norm(np.sqrt(self.of_rows(variance)))
        )
        out["weight_norm"][at, self.replicas] = np.sqrt(squared_norm(self.of_rows(weights.theta)))
        out["noise_trace"][at, self.replicas] = np.maximum(
            norms[:, : len(self.replicas)].T / n_train - squared_norm(self.of_rows(whole_mean)),
            0.0,
        )

    def _pass(self, weights: Weights, epoch: int, order: np.ndarray, sizes: np.ndarray,
              sums: np.ndarray, norms: np.ndarray) -> None:  # fmt: skip
        blocks.measure(
            self.net, self.data, self.keys, weights.theta, weights.gradient, self.squares,
            self.buffers, order, sizes, epoch, sums, norms,
        )  # fmt: skip


class FusedEngine:
    """Trains an ensemble of perceptrons; see ``engines.base.Engine``.

    Parameters
    ----------
    ensemble : Ensemble
    threads : int, optional
        Defaults to the processors this process may use.
    """

    def __init__(self, ensemble: Ensemble, threads: int | None = None) -> None:
        self.ensemble = ensemble
        self.threads = threads or len(os.sched_getaffinity(0))
        net = _net(ensemble)
        width = lanes(ensemble.training.dtype)
        self.blocks = [
            Block(ensemble, net, range(first, min(first + width, ensemble.replicas)))
            for first in range(0, ensemble.replicas, width)
        ]

    @staticmethod
    def is_compiled() -> bool:
        """Whether this machine has compiled the kernels before."""
        return is_compiled(blocks.train)

    def initial_state(self) -> State:
        """Weights before any update, one draw a family."""
        ensemble = self.ensemble
        theta = np.stack(
            [
                ensemble.network.initial_weights(
                    np.random.default_rng(seed_sequence(ensemble.seed, r, "init", ensemble.twins))
                )
                for r in range(ensemble.replicas)
            ]
        ).astype(ensemble.training.dtype)
        return State(
            epoch=0,
            theta=theta,
            velocity=np.zeros_like(theta),
            square=np.zeros_like(theta),
            diverged_step=np.full(ensemble.replicas, -1, np.int64),
        )

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
        steps, epochs = due(state, until, plan, self.ensemble)
        recorded = self._room(steps, epochs, plan)
        after = replace(
            state,
            epoch=until,
            **{
                name: np.empty_like(getattr(state, name))
                for name in ("theta", "velocity", "square", "diverged_step")
            },
        )
        if self.ensemble.epochs and len(steps) and steps[0] == 0:
            recorded.theta[:, 0] = state.theta

        failed: list[BaseException] = []

        def halted() -> bool:
            return bool(failed) or (stop is not None and stop())

        def work(block: Block) -> None:
            try:
                self._advance_block(block, state, after, plan, recorded, progress, halted)
            except BaseException as error:
                failed.append(error)
                raise

        with ThreadPoolExecutor(self.threads) as pool:
            tasks = [pool.submit(work, block) for block in self.blocks]
            wait(tasks)
        for error in sorted(failed, key=lambda e: isinstance(e, Stopped)):
            raise error
        return after, recorded

    def _room(self, steps: np.ndarray, epochs: np.ndarray, plan: Plan) -> Recorded:
        """Empty arrays for what a stretch will record."""
        replicas, dtype = self.ensemble.replicas, self.ensemble.training.dtype
        network = self.ensemble.network
        parameters = len(network.parameters.layer)
        shapes: dict[str, tuple[int, ...]] = {
            name: () for name in ("loss", "accuracy", "test_loss", "test_accuracy")
        }
        if plan.gradients:
            shapes |= dict.fromkeys(("gradient_mean", "gradient_variance"), (parameters,))
            shapes |= dict.fromkeys(
                ("mean_norm", "noise_norm", "weight_norm", "noise_trace"), (network.layers,)
            )
        return Recorded(
            steps=steps,
            theta=np.empty((replicas, len(steps), parameters), dtype),
            epochs=epochs,
            by_epoch={
                name: np.empty((len(epochs), replicas, *shape), np.float64 if not shape else dtype)
                for name, shape in shapes.items()
            },
        )

    def _advance_block(
        self,
        block: Block,
        state: State,
        after: State,
        plan: Plan,
        recorded: Recorded,
        progress: Callable[[int], None] | None,
        halted: Callable[[], bool],
    ) -> None:
        per_epoch = self.ensemble.updates_per_epoch
        weights = Weights(
            theta=block.rows_of(state.theta),
            velocity=block.rows_of(state.velocity),
            square=block.rows_of(state.square),
            gradient=aligned(state.theta.shape[1] * block.width, block.dtype),
            diverged_step=state.diverged_step[block.members].copy(),
        )
        slots = np.full((after.epoch - state.epoch) * per_epoch, -1, np.int64)
        updates = recorded.steps > state.epoch * per_epoch
        slots[recorded.steps[updates] - state.epoch * per_epoch - 1] = np.flatnonzero(updates)
        out = recorded.theta[block.replicas[0] : block.replicas[-1] + 1]
        work = self.ensemble.train_samples * state.theta.shape[1]
        stretch = max(1, int(_STRETCH_SECONDS_OF_WORK / work))
        position = {int(e): k for k, e in enumerate(recorded.epochs)}
        epoch = state.epoch
        while True:
            if epoch in position:
                block.evaluate(weights, epoch, recorded.by_epoch, position[epoch])
                if plan.gradients:
                    block.measure(weights, epoch, recorded.by_epoch, position[epoch])
            if epoch == after.epoch:
                break
            if halted():
                raise Stopped
            ahead = recorded.epochs[recorded.epochs > epoch]
            end = min([epoch + stretch, after.epoch, *ahead[:1].tolist()])
            start = (epoch - state.epoch) * per_epoch
            blocks.train(
                block.net, block.rule, block.data, block.keys, weights, block.buffers,
                block.order, block.words, (epoch, end), self.ensemble.training.rates,
                slots[start:], out,
            )  # fmt: skip
            if progress is not None:
                progress((end - epoch) * len(block.replicas))
            epoch = end
        for name in ("theta", "velocity", "square"):
            getattr(after, name)[block.replicas] = block.of_rows(getattr(weights, name))
        after.diverged_step[block.replicas] = weights.diverged_step[: len(block.replicas)]
