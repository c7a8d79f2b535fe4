"""Whether the samples of one label draw together."""
