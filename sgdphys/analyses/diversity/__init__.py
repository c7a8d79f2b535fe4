"""How alike the units of a layer are, and the networks of an ensemble."""
