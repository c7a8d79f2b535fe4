"""Two-dimensional Ising model on a torus, simulated by clusters (Swendsen-Wang)."""

import math
from typing import Any

import numpy as np
import xarray as xr

from sgdphys import parallel
from sgdphys.arguments import checked, require_whole
from sgdphys.compiling import compiled
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.processes.scans import by_size, labelled_scan, whole_numbers

_NAMED = {
    "size": Quantity("1", "length", "L", "number of sites along each side of the torus"),
    "control": Quantity("1", "temperature", "T", "temperature in units of the coupling"),
    "energy": Quantity("1", "energy per site", "e", "energy in units of the coupling"),
}


@checked
def ising(
    lengths: Any, temperatures: Any, *, sweeps: int = 60, replicas: int = 100, rng: Seed = 0
) -> xr.Dataset:
    """Two-dimensional Ising model, square lattice on a torus, simulated by Swendsen-Wang clusters.

    Parameters
    ----------
    lengths : sequence of int
        L, number of sites along each side, at least 3.
    temperatures : sequence of float
        T/J, for all lengths; or (size, control), each length with its own; above 0.
    sweeps : int
        Cluster updates of every replica before it is recorded. The relaxation time at the critical
        point is about 5 of them at L = 64, and grows more slowly than L**0.3.
    replicas : int
        Independent simulations at each length and temperature.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    Dataset
        m (size, control, replica), magnetisation per site, and energy (size, control, replica) per
        site, with the coordinates size, which holds L, and control, which holds T. Attributes:
        critical_point, exponent_control 1, exponent_order 1/8, exponent_susceptibility 7/4 (powers
        of L), cumulant at the critical point, and order_of_transition.

    Raises
    ------
    InputError
        For a length that is not a whole number of at least 3, or temperatures that are not above 0.

    See Also
    --------
    curie_weiss : A continuous transition that is drawn exactly.
    ising_chain : One dimension, without a transition.

    Notes
    -----
    H = -J sum over neighbours of s_i s_j. Equal neighbours are joined with the probability
    1 - exp(-2 J/T), and each cluster takes a random sign. Every replica starts ordered and is
    independent of the others. T_c = 2/log(1 + sqrt(2)) (Onsager); the exponents are nu = 1, beta =
    1/8 and gamma = 7/4, and the cumulant at T_c tends to 0.61069. One cluster update takes about
    30 ns a site.

    References
    ----------
    Onsager (1944), Phys. Rev. 65, 117.
    Swendsen and Wang (1987), Phys. Rev. Lett. 58, 86.
    Kamieniarz and Bloete (1993), J. Phys. A 26, 201.

    Examples
    --------
    Ordered below the critical temperature, disordered above it:

    >>> import sgdphys as sp
    >>> data = sp.processes.ising([8], [1.5, 5.0], sweeps=20, replicas=200, rng=0)
    >>> abs(data["m"]).mean("replica").values.round(1)
    array([[1. , 0.2]])
    >>> round(data.attrs["critical_point"], 6)
    2.269185
    """
    lengths = whole_numbers(lengths, "lengths", 3)
    temperatures = by_size(temperatures, len(lengths))
    require_whole(replicas, "replicas", 1)
    require_whole(sweeps, "sweeps", 1)
    if not (temperatures > 0).all():
        raise InputError(f"temperatures must be above 0; the least is {temperatures.min():g}")

    def recorded(place: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        draw = stream(rng, *place)
        return _simulated(int(lengths[place[0]]), temperatures[place], sweeps, replicas, draw)

    shape = (*temperatures.shape, replicas)
    found = parallel.map(recorded, np.ndindex(temperatures.shape))
    m, energy = (np.reshape(values, shape) for values in zip(*found, strict=True))
    dims = ("size", "control", "replica")
    truth = {
        "process": "ising",
        "order_of_transition": "continuous",
        "critical_point": 2 / math.log(1 + math.sqrt(2)),
        "exponent_control": 1.0,
        "exponent_order": 0.125,
        "exponent_susceptibility": 1.75,
        "cumulant": 0.61069,
    }
    data = xr.Dataset({"m": (dims, m), "energy": (dims, energy)})
    return labelled_scan(data, lengths, temperatures, named=_NAMED, truth=truth)


def _simulated(
    length: int, temperature: float, sweeps: int, replicas: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Magnetisation and energy per site (replica,) after so many cluster updates."""
    sites = length**2
    spins = np.ones((replicas, sites), dtype=np.int8)
    label = np.empty(sites, dtype=np.int32)
    join = -math.expm1(-2 / temperature)
    for _ in range(sweeps):
        bonds = rng.random((replicas, sites, 2), dtype=np.float32)
        signs = rng.integers(0, 2, (replicas, sites), dtype=np.int8) * 2 - 1
        _update(spins, length, bonds, signs, join, label)
    lattice = spins.reshape(replicas, length, length)
    bonds_of = sum((lattice * np.roll(lattice, 1, axis)).sum(axis=(1, 2)) for axis in (1, 2))
    return spins.mean(axis=1), -bonds_of / sites


@compiled
def _update(
    spins: np.ndarray,
    length: int,
    bonds: np.ndarray,
    signs: np.ndarray,
    join: float,
    label: np.ndarray,
) -> None:
    """Join equal neighbours by chance, and give every cluster the sign of its first site."""
    sites = length * length
    for r in range(spins.shape[0]):
        for i in range(sites):
            label[i] = i
        for i in range(sites):
            right = i + 1 if (i + 1) % length else i + 1 - length
            below = i + length if i + length < sites else i + length - sites
            for side in range(2):
                j = right if side == 0 else below
                if spins[r, i] == spins[r, j] and bonds[r, i, side] < join:
                    a, b = i, j
                    while label[a] != a:
                        label[a] = label[label[a]]
                        a = label[a]
                    while label[b] != b:
                        label[b] = label[label[b]]
                        b = label[b]
                    if a < b:
                        label[b] = a
                    else:
                        label[a] = b
        for i in range(sites):  # a label is never larger than its site, so roots come first
            label[i] = label[label[i]]
            spins[r, i] = signs[r, label[i]]
