"""Critical slowing down: memory, relaxation times and early warnings."""
