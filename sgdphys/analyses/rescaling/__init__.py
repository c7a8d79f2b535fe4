"""The same function with other weights."""
