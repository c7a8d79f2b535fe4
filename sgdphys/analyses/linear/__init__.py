"""Exact error and information of linear networks."""
