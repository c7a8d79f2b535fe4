"""Entropy of clouds of weights."""
