"""Following the updates of optimizers: when each is done, by which gradients, at which rates.

Optimizers are used through their own methods, so that nothing here imports torch.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sgdphys.errors import InputError
from sgdphys.trajectory.tensors import identities

_STEP = "Optimizer.profile_hook_step.<locals>.wrapper"
"""Function of torch that calls the hooks of a class of optimizers around its step."""


def optimizers_of(given: Any, parameters: set[int]) -> list[Any]:
    """Return the optimizers to follow, out of what wraps them.

    Parameters
    ----------
    given : optimizer, or sequence of them
        Wrappers that keep theirs as ``optimizer`` (accelerate) are taken off.
    parameters : set of int
        Identities of the parameters that are recorded.

    Raises
    ------
    InputError
        For one without step hooks, or that updates none of the parameters.
    """
    if given is None:
        return []
    found: list[Any] = []
    for one in given if isinstance(given, list | tuple) else [given]:
        while hasattr(getattr(one, "optimizer", None), "param_groups"):
            one = one.optimizer
        hooked = hasattr(one, "register_step_post_hook")
        if not hooked or not hasattr(one, "_optimizer_step_pre_hooks"):
            raise InputError(
                f"optimizer is a {type(one).__name__} without step hooks; leave it out and call "
                "step() after each update"
            )
        if not parameters & identities(_parameters_of(one)):
            raise InputError(
                f"the optimizer ({type(one).__name__}) updates no parameter that is recorded; give "
                "the one of this model"
            )
        if all(one is not other for other in found):
            found.append(one)
    return found


def _parameters_of(optimizer: Any) -> list[Any]:
    return [p for group in optimizer.param_groups for p in group["params"]]


class Updates:
    """Follows optimizers by their step hooks, until ``stop``.

    Parameters
    ----------
    optimizers : sequence of torch.optim.Optimizer
    after : callable
        Called once each of them has stepped; updates that a gradient scaler skips are none. An
        optimizer that came before another one in the first round, and did not step when that one
        does, has skipped the round.
    gradients : callable, optional
        Called with the identities of an optimizer's parameters, and the scale of their gradients,
        at the weights before the update. Where the optimizer takes a closure, after its first
        evaluation.
    """

    def __init__(
        self,
        optimizers: Sequence[Any],
        after: Callable[[], None],
        gradients: Callable[[set[int], Any], None] | None,
    ) -> None:
        self._after, self._gradients = after, gradients
        self._optimizers = list(optimizers)
        self._waiting = set(map(id, optimizers))
        self._order: list[int] = []
        self._has_stepped = self._has_more = False
        self._rates = [_rates_of(optimizer) for optimizer in self._optimizers]
        self._hooks = []
        for optimizer in optimizers:
            self._hooks.append(optimizer.register_step_pre_hook(self._before_step))
            self._hooks.append(optimizer.register_step_post_hook(self._after_step))

    @property
    def rates(self) -> np.ndarray:
        """Learning rates at the last update of each optimizer, of its first groups of parameters.

        Those of the beginning, in order.
        """
        return np.concatenate(self._rates)

    @property
    def is_between(self) -> bool:
        """Whether only some of the optimizers have stepped."""
        return self._has_stepped

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        if self._gradients is None or _is_skipped(optimizer) or _is_nested(optimizer):
            return None
        closure = kwargs.get("closure") or next((a for a in args[1:] if callable(a)), None)
        if closure is None:
            self._see_gradients(optimizer)
            return None
        seen = self._once_evaluated(closure, optimizer)
        if "closure" in kwargs:
            return args, {**kwargs, "closure": seen}
        return tuple(seen if a is closure else a for a in args), kwargs

    def _once_evaluated(self, closure: Any, optimizer: Any) -> Any:
        """The closure, whose gradients are seen after its first evaluation."""
        first = True

        def evaluated(*args: Any, **kwargs: Any) -> Any:
            nonlocal first
            loss = closure(*args, **kwargs)
            if first:
                first = False
                self._see_gradients(optimizer)
            return loss

        return evaluated

    def _see_gradients(self, optimizer: Any) -> None:
        assert self._gradients is not None
        scale = getattr(optimizer, "grad_scale", None)
        self._gradients(identities(_parameters_of(optimizer)), scale)

    def _after_step(self, optimizer: Any, *_: Any) -> None:
        if _is_nested(optimizer):
            return
        own = id(optimizer)
        if own not in self._order:
            self._order.append(own)
        self._waiting.difference_update(self._order[: self._order.index(own) + 1])
        self._has_stepped |= not _is_skipped(optimizer)
        self._note_rates(optimizer)
        if not self._waiting:
            is_step, self._has_stepped = self._has_stepped, False
            self._waiting = set(map(id, self._optimizers))
            if is_step:
                self._after()

    def _note_rates(self, optimizer: Any) -> None:
        """Rates of an optimizer's update, before a scheduler changes them."""
        number = next(k for k, one in enumerate(self._optimizers) if one is optimizer)
        known = len(self._rates[number])
        now = _rates_of(optimizer)
        if len(now) > known and not self._has_more:
            self._has_more = True
            warnings.warn(
                f"the optimizer ({type(optimizer).__name__}) has {len(now)} groups of parameters "
                f"now, and had {known}: learning rates of the new ones are not recorded",
                stacklevel=4,
            )
        self._rates[number] = np.pad(now[:known], (0, known - len(now[:known])),
                                     constant_values=np.nan)  # fmt: skip

    def stop(self) -> None:
        """Follow no longer."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []


def _rates_of(optimizer: Any) -> np.ndarray:
    return np.array([float(group.get("lr", np.nan)) for group in optimizer.param_groups])


def _is_nested(optimizer: Any) -> bool:
    """Whether a step was called by another step of the same optimizer, as by ``super().step()``.

    Every class of optimizer calls the hooks. Frames tell, where a count would be wrong once a step
    has raised.
    """
    frame, steps = sys._getframe(1), 0
    while frame is not None and steps < 2:
        if frame.f_code.co_qualname == _STEP and frame.f_locals.get("self") is optimizer:
            steps += 1
        frame = frame.f_back  # type: ignore[assignment]
    return steps > 1


def _is_skipped(optimizer: Any) -> bool:
    """Whether a fused optimizer skips this update inside, for gradients that overflowed."""
    found = getattr(optimizer, "found_inf", None)
    return found is not None and float(found) > 0
