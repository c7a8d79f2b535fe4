"""Engines: what trains an ensemble and says what happened."""
