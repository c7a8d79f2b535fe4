"""Stochastic processes with known exact properties, for testing estimators.

Every process returns a Dataset theta (step, replica, parameter) with coordinates step (whole) and
time = step dt; its attributes hold the exact parameters, per unit ``time``. In Langevin form
dX = b(X) dt + sqrt(2 D) dW, so that the mean squared displacement is 2 D t per coordinate.
"""

from lazy_loader import attach_stub

# the names and where they live: __init__.pyi
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
