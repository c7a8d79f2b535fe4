"""SIMD vectors: registers whose lanes are computed together, and functions of them."""
