"""Diffusion of twins about their mean, in bursts of steps."""
