"""A block: one register of replicas, with its data, its keys and its scratch."""

from typing import Any

import numpy as np

from sgdphys.engines import kernels
from sgdphys.engines.base import Ensemble, batch_variance
from sgdphys.engines.optimisers import ADAM, SGD, Rule, Weights
from sgdphys.engines.perceptron import Net, Pass
from sgdphys.networks.activations import code_of
from sgdphys.sampling import SAMPLERS, epoch_rows, philox_keys
from sgdphys.simd.vectors import REGISTER_BYTES, SAMPLES, lanes


def aligned(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros that start on a register's boundary; a load across two cache lines costs twice."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.zeros(size + REGISTER_BYTES, np.uint8)
    start = -raw.ctypes.data % REGISTER_BYTES
    return raw[start : start + size].view(dtype).reshape(shape)


def net_of(ensemble: Ensemble) -> Net:
    """Return the ensemble's network as the kernels see it."""
    network = ensemble.perceptron
    sizes = np.array(network.sizes, dtype=np.int64)
    return Net(
        sizes=sizes,
        weight_at=np.ascontiguousarray(network.weight_at),
        bias_at=np.ascontiguousarray(network.bias_at),
        unit_at=np.cumsum(sizes) - sizes,
        activation=code_of(network.activation),
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
            orthonormality=float(training.orthonormality),
            langevin=float(training.langevin),
        )
        left = [np.flatnonzero(~samples.is_train[m]) for m in self.members]
        self.test_rows = np.ascontiguousarray(np.stack(left, axis=1), dtype=np.int32)
        self.data = kernels.Data(
            x=np.ascontiguousarray(samples.x, dtype=self.dtype),
            targets=self._targets(),
            target_lanes=self.width if samples.are_labels else 1,
            train_rows=ensemble.train_rows(self.members),
            sampler=SAMPLERS.index(training.sampler),
            batch_sizes=ensemble.batch_sizes,
            label_noise=float(training.label_noise),
        )
        self.keys = kernels.Keys(
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
        samples, outputs = self.ensemble.samples, self.ensemble.perceptron.sizes[-1]
        if not samples.are_labels:
            return np.ascontiguousarray(samples.targets, dtype=self.dtype)
        labels = self.ensemble.labels_of(self.members)
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

    def take_stock(
        self, weights: Weights, epoch: int, gradients: bool, out: dict[str, np.ndarray], at: int
    ) -> None:
        """Record loss, accuracy and gradient statistics at fixed weights."""
        training = self.ensemble.training
        n_train, n_test = len(self.data.train_rows), len(self.test_rows)
        with np.errstate(over="ignore", invalid="ignore"):  # weights on their way to divergence
            on_train = self._measure(weights, epoch, out, at) if gradients else None
            # that pass saw every training sample once, unless it drew them or disturbed them
            if (
                on_train is None
                or training.sampler == "replacement"
                or training.label_noise
                or self.net.noise
            ):
                on_train = self._evaluate(weights, epoch, self.data.train_rows)
            on_test = self._evaluate(weights, epoch, self.test_rows)
            for prefix, totals, count in (("", on_train, n_train), ("test_", on_test, n_test)):
                loss, hits = totals[:, : len(self.replicas)] / (count or np.nan)
                if not self.ensemble.samples.are_labels:
                    hits = np.full_like(loss, np.nan)
                out[f"{prefix}loss"][at, self.replicas] = loss
                out[f"{prefix}accuracy"][at, self.replicas] = hits

    def _evaluate(self, weights: Weights, epoch: int, order: np.ndarray) -> np.ndarray:
        """Summed loss and hits, (2, lane)."""
        totals = np.zeros((2, self.width))
        kernels.evaluate(
            self.net, self.data, self.keys, weights.theta, self.buffers, order, epoch, totals
        )
        return totals

    def _measure(
        self, weights: Weights, epoch: int, out: dict[str, np.ndarray], at: int
    ) -> np.ndarray:
        """Record gradient mean, noise and trace on the coming batches; return their losses."""
        sizes, n_train = self.data.batch_sizes, len(self.data.train_rows)
        epoch_rows(
            self.keys.batches, epoch, self.data.train_rows, self.data.sampler, self.order,
            self.words,
        )  # fmt: skip
        sums, norms, totals = self._pass(weights, epoch, self.order, sizes)
        mean, variance = self._mean_and_variance(sums)
        exact_mean = mean
        if self.ensemble.training.sampler == "replacement":
            sums, norms, _ = self._pass(weights, epoch, self.data.train_rows, np.array([n_train]))
            exact_mean = sums[0] / n_train
        trace = norms[:, : len(self.replicas)].T / n_train - self._by_layer(exact_mean**2)
        values = {
            "gradient_mean": self.of_rows(mean),
            "gradient_variance": self.of_rows(variance),
            "mean_norm": np.sqrt(self._by_layer(mean**2)),
            "noise_norm": np.sqrt(self._by_layer(variance)),
            "weight_norm": np.sqrt(self._by_layer(weights.theta.astype(np.float64) ** 2)),
            "noise_trace": np.maximum(trace, 0.0),
        }
        for name, value in values.items():
            out[name][at, self.replicas] = value
        return totals

    def record_followed(self, sums: np.ndarray, out: dict[str, np.ndarray], at: int) -> None:
        """Record mean and noise of the gradients that an epoch's updates followed.

        Parameters
        ----------
        sums : (2, parameter * lane)
            See ``kernels.train``.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # weights on their way to divergence
            mean, variance = self._mean_and_variance(sums)
            out["followed_mean_norm"][at, self.replicas] = np.sqrt(self._by_layer(mean**2))
            out["followed_noise_norm"][at, self.replicas] = np.sqrt(self._by_layer(variance))

    def _mean_and_variance(self, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of batch gradients from sum_b n_b g_b and sum_b n_b g_b**2."""
        sizes = self.data.batch_sizes
        mean, square = sums / sizes.sum()
        whole_pass = self.ensemble.training.sampler != "replacement"
        return mean, batch_variance(mean, square, sizes, whole_pass)

    def _by_layer(self, rows: np.ndarray) -> np.ndarray:
        """Sums over the parameters of each layer, (replica, layer)."""
        return np.add.reduceat(self.of_rows(rows), self.net.weight_at, axis=1)

    def _pass(
        self, weights: Weights, epoch: int, order: np.ndarray, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums of batch gradients, squared per-sample norms and losses; ``kernels.measure``."""
        sums = np.zeros((2, len(weights.theta)))
        norms = np.zeros((self.ensemble.network.layers, self.width))
        totals = np.zeros((2, self.width))
        kernels.measure(
            self.net, self.data, self.keys, weights.theta, weights.gradient, self.squares,
            self.buffers, order, sizes, epoch, sums, norms, totals,
        )  # fmt: skip
        return sums, norms, totals
