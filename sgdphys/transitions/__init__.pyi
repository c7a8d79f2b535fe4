"""Public names of sgdphys.transitions, each imported when it is first used; types for editors."""

from .collapse import collapse as collapse
from .order_parameter import order_parameter as order_parameter

__all__ = [
    "collapse",
    "order_parameter",
]
