"""Data sets: x (sample, feature) with labels y or real targets, p_x, and p_y_given_x.

The attribute ``shape`` is that of one input, for networks that need it (convolutions).
"""

from lazy_loader import attach_stub

# the names and where they live: __init__.pyi
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
