"""Diffusion: coefficients, models and anomalous spreading of single series."""
