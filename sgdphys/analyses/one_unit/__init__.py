"""Information of one unit of a network's activation, in closed form."""
