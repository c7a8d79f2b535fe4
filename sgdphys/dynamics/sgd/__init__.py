"""What is particular to stochastic gradient descent: its noise, its phases, its landscape."""
