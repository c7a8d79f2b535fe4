"""Estimators of stochastic dynamics: diffusion, relaxation, ensembles and gradient noise."""

from lazy_loader import attach_stub

# the names and where they live: __init__.pyi
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
