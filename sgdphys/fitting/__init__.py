"""Fits of diffusion models to anyone's file: read, choose directions, fit, tell."""
