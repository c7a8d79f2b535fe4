"""Training dynamics of neural networks as a physics experiment.

Networks are trained as ensembles whose complete weight trajectories are recorded into labelled
netCDF files, and such files are read as physical processes.
"""

from lazy_loader import attach_stub

__version__ = "0.2.0"

# the names and where they live: __init__.pyi
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
