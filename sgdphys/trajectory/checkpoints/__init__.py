"""Saved checkpoints, or arrays of a complete training, read as one trajectory."""

from sgdphys.trajectory.checkpoints.importing import read_checkpoints

__all__ = ["read_checkpoints"]
