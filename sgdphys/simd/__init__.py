"""SIMD lanes: vectors of numbers that move together, and functions of them."""
