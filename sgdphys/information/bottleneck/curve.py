"""The information bottleneck curve: certified, or by Blahut-Arimoto iterations."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import xlogy

from sgdphys.arguments import checked
from sgdphys.containers import finite_array
from sgdphys.draws import Seed, stream
from sgdphys.errors import InputError
from sgdphys.glossary import Quantity
from sgdphys.information.bottleneck.certificate import (
    MERGE_WITHIN,
    Channel,
    annealed,
    channel_of,
    coordinates,
    of_encoder,
)
from sgdphys.quantities import STEP_RATIO, labelled

_SAME = 1e-6
"""Difference in bits of free energies that are equal."""
_STARTS = Quantity(
    "1",
    "starts that end lowest",
    "",
    "number of starts of Blahut-Arimoto iterations that end at the lowest free energy found",
)


def blahut_arimoto(
    channel: Channel, beta: float, start: np.ndarray, tolerance: float, most: int
) -> tuple[np.ndarray, int, bool, float]:
    """Blahut-Arimoto iterations of the encoder (class, cluster), to a tolerance in its change."""
    share = start
    p, conditional = channel.p_x, channel.p_y_given_x
    known = xlogy(conditional, conditional).sum(axis=1)
    before, ratio = np.nan, np.nan
    for turn in range(1, most + 1):
        mass = p @ share
        q = (p[:, None] * share).T @ conditional / np.maximum(mass, 1e-300)[:, None]
        cross = conditional @ np.log(np.maximum(q, 1e-300)).T
        logs = np.log(np.maximum(mass, 1e-300)) - beta * (known[:, None] - cross)
        logs -= logs.max(axis=1, keepdims=True)
        new = np.exp(logs)
        new /= new.sum(axis=1, keepdims=True)
        moved = float(np.abs(new - share).max())
        ratio, before = moved / before if before else np.nan, moved
        share = new
        if moved < tolerance:
            return share, turn, True, ratio
    return share, most, False, ratio


def _lowest(
    channel: Channel, beta: float, starts: list[np.ndarray], tolerance: float, most: int
) -> tuple[np.ndarray, int, bool, float, int]:
    """``blahut_arimoto`` from the start that ends at the lowest free energy, and how many do.

    The first start is preferred where it is as good as another.
    """
    solved = [blahut_arimoto(channel, beta, start, tolerance, most) for start in starts]
    about = [of_encoder(channel, share) for share, *_ in solved]
    energy = np.array([about_x - beta * about_y for about_x, about_y in about])
    is_lowest = energy <= energy.min() + _SAME
    return *solved[int(is_lowest.argmax())], int(is_lowest.sum())


def _count(channel: Channel, share: np.ndarray) -> int:
    """Number of different decoders with mass, of an encoder (class, cluster)."""
    mass = channel.p_x @ share
    kept = mass > 1e-9
    q = (channel.p_x[:, None] * share[:, kept]).T @ channel.p_y_given_x / mass[kept, None]
    return len(np.unique(np.round(q, 6), axis=0))


def bound_betas(onset: float) -> np.ndarray:
    """200 log-spaced betas from the onset to 3000, at which the bound is computed."""
    return np.geomspace(onset, 3000.0, 200)


@checked
def bottleneck_curve(
    p_xy: Any,
    betas: Iterable[float] | float,
    *,
    method: str = "certified",
    tolerance: float = 1e-10,
    iterations: int = 100_000,
    starts: int = 4,
    rng: Seed = 0,
) -> xr.Dataset:
    """Information bottleneck curve (IB curve, relevance-compression function), certified optimal.

    Parameters
    ----------
    p_xy : array (x, y) or DataArray
        Joint probabilities of input and label; inputs of probability 0 are ignored.
    betas : float or iterable of float
        Above 0. A certified answer at one beta does not depend on the others.
    method : str
        "certified": clusters are added where the optimality condition is violated, and masses and
        decoders are solved by Newton's method; binary labels. "blahut_arimoto": alternating
        iterations from a perturbed start, for any number of labels and for the study of their
        slowing down; without a proof of optimality.
    tolerance : float
        Largest excess of a certified point; largest change of the encoder for "blahut_arimoto".
    iterations : int
        Maximum number of Blahut-Arimoto iterations.
    starts : int
        Random starts of the Blahut-Arimoto iterations at every beta, besides the solution at the
        next larger one.
    rng : int, SeedSequence or Generator
        Seed of the perturbed and the random starts.

    Returns
    -------
    Dataset
        Along ``beta``, ascending and without repetitions: I_XT, I_TY in bits; clusters; iterations;
        converged; certificate, an upper bound in bits on how far the free energy lies above the
        optimum (NaN without a proof); eigenvalue, the ratio of the last two steps of
        Blahut-Arimoto, and lowest_starts, the number of starts that end at the lowest free energy
        (both NaN for "certified"). Attributes: the number of classes after merging inputs of equal
        p(y|x), I(X;Y), and whether the label is a function of the input.

    Raises
    ------
    InputError
        If p_xy is no joint distribution, for betas that are not above 0, or for a certified curve
        of more than two labels.

    See Also
    --------
    critical_betas : Bifurcations of the curve.
    bottleneck_distance : Distance of a layer from the curve.
    gaussian_bottleneck : The curve of Gaussian variables in closed form.

    Notes
    -----
    Minimises F = I(X;T) - beta I(T;Y) over encoders p(t|x). With "certified", converged means that
    the certificate is at most the tolerance: the point is optimal. With "blahut_arimoto" it means
    no more than that the encoder has stopped to change, which it also does at a local optimum. The
    iterations are run from several starts, and the lowest end is given; where few starts reach it,
    as lowest_starts says, give more. Counted at 8 betas from 1.5 to 20 of 51 random distributions
    of 3 to 5 inputs and 3 labels: 5 of 408 points were above the lowest of 33 starts, by up to 0.93
    bit, without random starts, and none with four. With deterministic labels the curve is
    min(I(X;T), H(Y)), of slope 1 and then 0; an attribute says so.

    References
    ----------
    Tishby, Pereira and Bialek (1999); Lindsay (1983), Ann. Stat. 11, 86, for the certificate of a
    mixing measure; Kolchinsky, Tracey and Van Kuyk (2019) for deterministic labels.

    Examples
    --------
    A binary symmetric channel of error 0.1: nothing is kept at beta = 1, all of
    I(X;Y) at large beta:

    >>> import sgdphys as sp
    >>> found = sp.information.bottleneck_curve([[0.45, 0.05], [0.05, 0.45]], [1, 2, 100])
    >>> found["I_XT"].values.round(3), found["I_TY"].values.round(3)
    (array([0.   , 0.696, 1.   ]), array([0.   , 0.407, 0.531]))
    >>> bool(found["converged"].all())
    True
    """
    channel = channel_of(p_xy)
    given = list(betas) if isinstance(betas, Iterable) and not hasattr(betas, "ndim") else betas
    beta = np.unique(finite_array(given, "betas"))
    if not len(beta) or not (beta > 0).all() or not np.isfinite(beta).all():
        raise InputError("betas must be finite and above 0, at least one of them")
    if method not in ("certified", "blahut_arimoto"):
        raise InputError(f"method is {method!r}; it can be 'certified' or 'blahut_arimoto'")
    if not isinstance(starts, int | np.integer) or starts < 0:
        raise InputError(f"starts is {starts!r}; it must be a whole number of at least 0")
    labels = channel.p_y_given_x.shape[1]
    if method == "certified" and labels != 2:
        raise InputError(
            f"there are {labels} labels; a certificate exists for two: use method='blahut_arimoto'"
        )
    rows = []
    if method == "certified":
        solved = annealed(channel, beta.tolist(), tolerance)
        for b, (clusters, above, turns) in zip(beta, solved, strict=True):
            about = coordinates(channel, clusters, float(b))
            proof = np.log1p(above) / np.log(2)
            done = above <= tolerance
            rows.append((*about, len(clusters.mass), turns, done, proof, np.nan, np.nan))
    else:
        generator = stream(rng)
        noise = generator.uniform(size=(len(channel.p_x), len(channel.p_x)))
        share = np.eye(len(channel.p_x)) * 0.5 + 0.5 * noise / noise.sum(axis=1, keepdims=True)
        for b in beta[::-1]:  # from large to small beta: reverse annealing
            share = 0.99 * share + 0.01 / share.shape[1]  # zeros of an encoder would persist
            size = share.shape[1]
            drawn = [generator.dirichlet(np.full(size, 0.5), size) for _ in range(starts)]
            share, turns, done, ratio, lowest = _lowest(
                channel, float(b), [share, *drawn], tolerance, iterations
            )
            about = of_encoder(channel, share)
            rows.append((*about, _count(channel, share), turns, done, np.nan, ratio, lowest))
        rows.reverse()
    columns = [np.array(c) for c in zip(*rows, strict=True)]
    names = ("I_XT", "I_TY", "clusters", "iterations", "converged", "certificate", "eigenvalue",
             "lowest_starts")  # fmt: skip
    data = xr.Dataset(
        {name: ("beta", column) for name, column in zip(names, columns, strict=True)},
        coords={"beta": beta},
        attrs={
            "method": method,
            "reference": "Tishby, Pereira and Bialek (1999); Lindsay (1983)",
            "interval_method": "none: the distribution is given",
            "classes": len(channel.p_x),
            "merged_within": MERGE_WITHIN,
            "information": channel.information,
            "deterministic": int(channel.is_deterministic),
        },
    )
    return labelled(data, {"eigenvalue": STEP_RATIO, "lowest_starts": _STARTS})
