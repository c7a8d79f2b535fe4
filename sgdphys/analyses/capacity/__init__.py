"""Capacity: which random labels a plane separates, and which descent has separated."""
