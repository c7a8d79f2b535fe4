"""Fluctuation relations, irreversibility and curvature in bursts of steps."""
