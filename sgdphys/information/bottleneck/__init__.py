"""The information bottleneck of a joint distribution, and how far layers are from it."""
