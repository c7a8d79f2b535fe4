"""Information of layers about inputs and labels, in bits."""

from lazy_loader import attach_stub

# the names and where they live: __init__.pyi
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
