"""Tails of the gradient noise: across parameters, and along batches."""
