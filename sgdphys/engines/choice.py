"""Which engine trains an ensemble: the fused one where it can and is faster, else torch."""

from collections.abc import Callable

from sgdphys.engines.base import Engine, Ensemble
from sgdphys.errors import InputError
from sgdphys.networks import Perceptron

WIDE = 192
"""Units of a layer from which a BLAS product beats the lanes."""


def engine_for(
    ensemble: Ensemble,
    name: str = "auto",
    device: str = "cpu",
    tell: Callable[[str], None] = lambda sentence: None,
) -> Engine:
    """Return the engine of an ensemble.

    Parameters
    ----------
    ensemble : Ensemble
    name : str
        "fused", "vmapped" or "auto".
    device : str
        "cpu" or "cuda"; CUDA is vmapped.
    tell : callable
        Receives a sentence where "auto" does not choose the fused engine.

    Raises
    ------
    InputError
        When the engine asked for cannot train it.
    """
    chosen = name
    if name == "auto":
        chosen, reason = "fused", ""
        if not isinstance(ensemble.network, Perceptron):
            chosen, reason = "vmapped", "the network is a module of torch"
        elif device != "cpu":
            chosen, reason = "vmapped", f"train.device is {device!r}"
        elif max(ensemble.network.sizes) >= WIDE and not ensemble.needs_fused:
            chosen, reason = "vmapped", f"a layer has {max(ensemble.network.sizes)} units"
        if reason:
            tell(f"training with the vmapped engine, through torch: {reason}")
    if chosen == "fused":
        from sgdphys.engines.fused import FusedEngine

        if device != "cpu":
            raise InputError("the fused engine trains on the CPU; leave train.device out")
        return FusedEngine(ensemble)
    from sgdphys.engines.vmapped import VmappedEngine

    return VmappedEngine(ensemble, device)
