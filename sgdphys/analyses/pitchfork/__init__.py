"""Critical slowing down of the two-layer scalar network."""
