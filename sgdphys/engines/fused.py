"""The fused engine: multilayer perceptrons, one replica a SIMD lane, everything in cache.

Blocks of replicas are spread over threads and share nothing, so a replica is the same, bit for bit,
whatever runs beside it.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sgdphys import parallel
from sgdphys.compiling import is_compiled
from sgdphys.engines import kernels
from sgdphys.engines.base import Ensemble, Plan, Recorded, State, Stopped, due, room_for
from sgdphys.engines.block import Block, aligned, net_of
from sgdphys.engines.optimisers import Weights
from sgdphys.simd.vectors import lanes

_STRETCH = 2.0e8
"""Multiply-adds of a replica between two looks at whether to stop: a quarter of a second."""


def replica_blocks(ensemble: Ensemble) -> list[range]:
    """Replicas that are trained together, one in each SIMD lane."""
    width = lanes(ensemble.training.dtype)
    return [
        range(first, min(first + width, ensemble.replicas))
        for first in range(0, ensemble.replicas, width)
    ]


class FusedEngine:
    """Trains an ensemble of perceptrons; see ``engines.base.Engine``.

    Parameters
    ----------
    ensemble : Ensemble
    replicas : range, optional
        The replicas that it trains, whole blocks as ``replica_blocks`` has them; what it returns
        of the others has no meaning. All by default.
    """

    name = "fused"

    def __init__(self, ensemble: Ensemble, replicas: range | None = None) -> None:
        self.ensemble = ensemble
        self.threads = parallel.threads()
        net = net_of(ensemble)
        self.blocks = [
            Block(ensemble, net, block)
            for block in replica_blocks(ensemble)
            if replicas is None or block[0] in replicas
        ]

    @staticmethod
    def is_compiled() -> bool:
        """Whether this machine has compiled the kernels before."""
        return is_compiled(kernels.train)

    def initial_state(self) -> State:
        """Weights before any update, one draw a family."""
        theta = self.ensemble.initial_weights()
        return State(
            epoch=0,
            theta=theta,
            velocity=np.zeros_like(theta),
            square=np.zeros_like(theta),
            diverged_step=np.full(len(theta), -1, np.int64),
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
        recorded = room_for(self.ensemble, steps, epochs, plan)
        after = replace(
            state,
            epoch=until,
            **{
                name: np.empty_like(getattr(state, name))
                for name in ("theta", "velocity", "square", "diverged_step")
            },
        )
        if len(steps) and steps[0] == 0:
            recorded.theta[:, 0] = state.theta

        over = threading.Event()  # after a failure or Ctrl-C the others end after their stretch too

        def halted() -> bool:
            return over.is_set() or (stop is not None and stop())

        def work(block: Block) -> None:
            self._advance_block(block, state, after, plan, recorded, progress, halted)

        parallel.map(work, self.blocks, halt=over.set)
        return after, recorded

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
        stretch = max(1, int(_STRETCH / work))
        position = {int(e): k for k, e in enumerate(recorded.epochs)}
        nothing = np.zeros((2, 0))
        epoch = state.epoch
        while True:
            if epoch in position:
                block.take_stock(weights, epoch, plan.gradients, recorded.by_epoch, position[epoch])
            if epoch == after.epoch:
                break
            if halted():
                raise Stopped
            ahead = recorded.epochs[recorded.epochs > epoch]
            end = min([epoch + stretch, after.epoch, *ahead[:1].tolist()])
            is_followed = plan.gradients and epoch in position
            followed = nothing
            if is_followed:
                end, followed = epoch + 1, np.zeros((2, len(weights.theta)))
            start = (epoch - state.epoch) * per_epoch
            kernels.train(
                block.net, block.rule, block.data, block.keys, weights, block.buffers,
                block.order, block.words, (epoch, end), self.ensemble.training.rates,
                slots[start:], out, followed,
            )  # fmt: skip
            if is_followed:
                block.record_followed(followed, recorded.by_epoch, position[epoch])
            if progress is not None:
                progress((end - epoch) * len(block.replicas))
            epoch = end
        for name in ("theta", "velocity", "square"):
            getattr(after, name)[block.replicas] = block.of_rows(getattr(weights, name))
        after.diverged_step[block.replicas] = weights.diverged_step[: len(block.replicas)]
