"""Gradient mean against gradient noise, layer by layer."""
