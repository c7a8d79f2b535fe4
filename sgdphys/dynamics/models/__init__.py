"""Models of diffusion that ``fit`` compares: likelihood, coefficients, simulation."""
