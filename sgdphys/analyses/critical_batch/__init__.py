"""Updates to a loss against the batch size, and the noise scale on the way."""
