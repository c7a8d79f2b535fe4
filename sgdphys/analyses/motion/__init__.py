"""How far the weights move: from the start, and from later points of the training."""
