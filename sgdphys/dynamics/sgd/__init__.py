"""Statistics particular to stochastic gradient descent: its noise, phases and landscape."""
