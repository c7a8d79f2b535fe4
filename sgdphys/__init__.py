"""Training dynamics of neural networks as a physics experiment."""

__version__ = "0.1.0"
