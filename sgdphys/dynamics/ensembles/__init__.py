"""Clouds of networks at fixed training time."""
