"""Public names of sgdphys.transitions, each imported when it is first used; types for editors."""

from .collapse import collapse as collapse
from .crossing import crossing as crossing
from .hysteresis import hysteresis as hysteresis
from .order_of_transition import order_of_transition as order_of_transition
from .order_parameter import order_parameter as order_parameter

__all__ = [
    "collapse",
    "crossing",
    "hysteresis",
    "order_of_transition",
    "order_parameter",
]
