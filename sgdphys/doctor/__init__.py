"""Whether sgdphys works on this machine: what is installed, what there is, and a self-test."""
