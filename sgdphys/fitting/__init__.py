"""Fits of diffusion models to files: reading, projection, fit, output."""
