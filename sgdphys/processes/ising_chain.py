"""Ising chain on a ring: a crossover, without a phase transition."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from sgdphys.arguments import checked
from sgdphys.draws import Seed
from sgdphys.glossary import Quantity
from sgdphys.processes.scans import Law, enumerated


@checked
def ising_chain(sizes: Any, couplings: Any, *, replicas: int = 100, rng: Seed = 0) -> xr.Dataset:
    """One-dimensional Ising model on a ring: a crossover without a critical point, drawn exactly.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of spins N, at least 3.
    couplings : sequence of float
        K = J/T between neighbours, for all sizes; or (size, control), each size with its own.
    replicas : int
        Independent draws at each size and coupling.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    Dataset
        m (size, control, replica), magnetisation per spin, with the coordinates size and control.
        Exact order, susceptibility and binder (size, control) as those of ``curie_weiss``. The
        attribute order_of_transition is "crossover"; there is no critical point.

    Raises
    ------
    InputError
        For a size that is not a whole number of at least 3, or couplings that are not finite.

    See Also
    --------
    curie_weiss : A continuous transition.

    Notes
    -----
    The chain orders once the correlation length -1/log(tanh(K)) ~ exp(2 K)/2 exceeds N: later and
    later in longer chains, at K ~ log(2 N)/2, without a limit. The law of the number of spins up
    follows from the trace of the N-th power of the transfer matrix in an imaginary field, whose
    Fourier transform it is; then N <m**2> = (1 + t)/(1 - t) (1 - t**N)/(1 + t**N), t = tanh(K).

    References
    ----------
    Ising (1925), Z. Phys. 31, 253.
    Baxter (1982), "Exactly solved models in statistical mechanics", chapter 2.

    Examples
    --------
    Curves of several sizes do not cross: at every coupling the longer chain is less ordered.

    >>> import sgdphys as sp
    >>> data = sp.processes.ising_chain([64, 128, 256], [1.0, 2.0, 3.0], replicas=10, rng=0)
    >>> data["binder"].sel(control=2.0).values.round(2)
    array([0.56, 0.4 , 0.21])
    """
    return enumerated(
        _law,
        sizes,
        couplings,
        replicas=replicas,
        rng=rng,
        fewest=3,
        named={"control": Quantity("1", "coupling", "K", "coupling divided by the temperature")},
        truth={"process": "ising_chain", "order_of_transition": "crossover"},
    )


def _law(size: int) -> Law:
    up = np.arange(size + 1)
    half_angle = np.pi * up / (size + 1)

    def chances(coupling: float) -> np.ndarray:
        # entries of the transfer matrix: neighbours alike, and different
        alike, different = special.expit([2 * coupling, -2 * coupling])
        root = np.sqrt(different**2 - (alike * np.sin(half_angle)) ** 2 + 0j)
        mean = alike * np.cos(half_angle)
        trace = (mean + root) ** size + (mean - root) ** size
        found = np.fft.fft(np.exp(1j * size * half_angle) * trace).real
        return np.maximum(found, 0.0)  # zero within rounding

    return Law(2 * up / size - 1, chances)
