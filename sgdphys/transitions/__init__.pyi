"""Public names of sgdphys.transitions, each imported when it is first used; types for editors."""

from .order_parameter import order_parameter as order_parameter

__all__ = [
    "order_parameter",
]
