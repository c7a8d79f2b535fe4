"""Labelled netCDF files of weight trajectories: the format, writing and reading."""
