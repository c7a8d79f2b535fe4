"""What every layer knows of input and label, epoch by epoch."""
