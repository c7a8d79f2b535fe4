"""Information of layers about inputs and labels, in bits."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdphys.information.binned import binned_information
    from sgdphys.information.bottleneck import bottleneck_curve
    from sgdphys.information.critical import critical_betas
    from sgdphys.information.onset import compression
    from sgdphys.information.plane import layer_information

__all__ = [
    "binned_information", "bottleneck_curve", "compression", "critical_betas", "layer_information",
]  # fmt: skip

_HOMES = {
    "binned_information": "binned",
    "bottleneck_curve": "bottleneck",
    "critical_betas": "critical",
    "compression": "onset",
    "layer_information": "plane",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used."""
    if name in _HOMES:
        home = importlib.import_module(f"sgdphys.information.{_HOMES[name]}")
        return getattr(home, name)
    raise AttributeError(f"module 'sgdphys.information' has no attribute {name!r}")
