"""Figures of results, each drawn on axes of yours or on a new figure in your own style."""

from lazy_loader import attach_stub

# the names and where they live: __init__.pyi
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
