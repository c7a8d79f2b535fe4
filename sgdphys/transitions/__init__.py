"""Phase transitions from samples of an order parameter: sizes, collapse, order, hysteresis."""

from lazy_loader import attach_stub

# the names and where they live: __init__.pyi
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
