"""A penalty that keeps weight matrices orthonormal.

To the loss it adds strength/4 times the squared Frobenius norm of W W^T - 1, summed over weight
matrices W (output, input); where W has more rows than columns, its columns become orthonormal.

References
----------
Cisse et al. (2017), "Parseval networks"; Goldfeld et al. (2019), who compress less with it.
"""

from sgdphys.compiling import compiled
from sgdphys.simd.operations import fma, load, store


@compiled
def add_penalty(net, theta, strength, width, gradient):
    """Add strength (W W^T - 1) W of every weight matrix to the gradient, on rows of lanes."""
    for layer in range(net.sizes.shape[0] - 1):
        n_in, n_out = net.sizes[layer], net.sizes[layer + 1]
        start = net.weight_at[layer] * width
        row = n_in * width
        for j in range(n_out):
            here = start + j * row
            for k in range(n_out):
                there = start + k * row
                overlap = load(theta, here) * load(theta, there)
                for i in range(width, row, width):
                    overlap = fma(load(theta, here + i), load(theta, there + i), overlap)
                if j == k:
                    overlap = overlap - 1.0
                overlap = overlap * strength
                for i in range(0, row, width):
                    g = fma(overlap, load(theta, there + i), load(gradient, here + i))
                    store(gradient, here + i, g)
