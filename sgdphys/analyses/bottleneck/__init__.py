"""Layers compared with the information bottleneck bound."""
