"""Principal components of trajectories, compared with random walks."""
