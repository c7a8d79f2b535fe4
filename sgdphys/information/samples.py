"""Activations and labels of samples, from any container of arrays."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sgdphys.containers import array_of, bare_array
from sgdphys.draws import Seed, seed_of
from sgdphys.errors import InputError
from sgdphys.missing import missing_as_nan, unmasked

_ROUNDING = 2.0**-51
"""Relative range of a unit that is constant."""


class Samples(NamedTuple):
    """Activations and labels of samples."""

    units: np.ndarray
    """float64 (sample, unit), finite."""
    labels: np.ndarray
    """int64 (sample,), from 0."""
    kinds: int
    """Number of different labels."""
    is_kept: np.ndarray
    """Which of the given samples are kept: those whose activations are not all masked."""

    @property
    def moves(self) -> np.ndarray:
        """Whether each unit changes from sample to sample by more than rounding, bool (unit,)."""
        with np.errstate(over="ignore"):
            spread = np.ptp(self.units, axis=0)
        return np.asarray(spread > _ROUNDING * np.abs(self.units).max(axis=0))

    def matching(self, values: Any, name: str) -> np.ndarray:
        """Further values of each sample (sample, ...), of any kind, for the samples kept."""
        found = unmasked(bare_array(values, name))
        if found.dtype.kind in "iufb":
            found = missing_as_nan(found)
        if found.shape[:1] != self.is_kept.shape:
            raise InputError(
                f"there are {len(self.is_kept)} activations, and {name} have the shape "
                f"{found.shape}"
            )
        found = found[self.is_kept]
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise InputError(f"{name} are not all finite numbers")
        return found


def samples_of(t: Any, y: Any) -> Samples:
    """Return activations (sample, unit) and whole labels.

    Parameters
    ----------
    t : array (sample, unit), (sample,) or (sample, channel, height, width)
        Activations in any container; further axes of a convolution are taken as units. A sample
        whose units are all masked is left out.
    y : array (sample,) or (sample, 1)
        Labels of any kind.

    Raises
    ------
    InputError
        For no samples or units, values that are not finite, masks of single units or of labels,
        and numbers of samples that do not match.
    """
    given = bare_array(t, "activations")
    if given.dtype.kind not in "iufb":
        raise InputError(f"activations are {given.dtype}; real numbers were expected")
    if given.ndim == 0 or not given.size:
        raise InputError(
            f"activations have shape {given.shape}; at least one sample and one unit are needed"
        )
    given = given.reshape(len(given), -1)
    is_kept = np.ones(len(given), bool)
    if np.ma.is_masked(given):
        is_masked = np.ma.getmaskarray(given)
        is_kept = np.logical_not(is_masked.all(axis=1))
        in_part = int(is_masked[is_kept].any(axis=1).sum())
        if in_part:
            raise InputError(
                f"single units of {in_part} samples are masked; leave out these samples or these "
                "units"
            )
        if not is_kept.any():
            raise InputError("all samples are masked; at least one is needed")
        given = given[is_kept]
    units = np.asarray(array_of(given, "activations"), np.float64)
    if not np.isfinite(units).all():
        raise InputError("activations are not all finite; leave out replicas that diverged")
    labels = label_array(y, is_kept)
    if len(labels) != len(units):
        raise InputError(f"there are {len(is_kept)} activations and {len(labels)} labels")
    whole, kinds = whole_labels(labels)
    return Samples(units, whole, kinds, is_kept)


def label_array(y: Any, is_kept: np.ndarray | None = None) -> np.ndarray:
    """Return one label of any kind per sample, for the samples that are kept.

    Raises
    ------
    InputError
        For more than one column, and labels that are masked or missing.
    """
    if isinstance(y, pd.Series | pd.Index | pd.DataFrame):
        if pd.isna(y).to_numpy().any() if isinstance(y, pd.DataFrame) else pd.isna(y).any():
            raise InputError("labels are missing for some samples; leave these samples out")
        values = np.asarray(y.to_numpy())
    elif isinstance(y, np.ndarray) and y.dtype.kind in "OSU":
        values = y
    else:
        values = bare_array(y, "labels")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise InputError(f"labels have shape {values.shape}; one label per sample was expected")
    if is_kept is not None and len(is_kept) == len(values):
        values = values[is_kept]
    if np.ma.getmaskarray(values).any():
        raise InputError("labels are masked for some samples; leave these samples out")
    values = unmasked(values)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError("labels are not all finite")
    return values


def whole_labels(y: Any) -> tuple[np.ndarray, int]:
    """Return labels as whole numbers from 0, and the number of kinds.

    Accepts floats, words, columns (n, 1) and any spacing of label values, in any container.

    Raises
    ------
    InputError
        For more than one column, and labels that are masked, missing or of mixed kinds.
    """
    values = label_array(y)
    try:
        kinds, numbers = np.unique(values, return_inverse=True)
    except TypeError as error:
        raise InputError("labels are of mixed kinds; give numbers or words throughout") from error
    return numbers.astype(np.int64), len(kinds)


def label_stream(rng: Seed, replica: int) -> np.random.Generator:
    """Random numbers that permute the labels of one replica: the same for every estimator."""
    seed = seed_of(rng)
    entropy: Any = seed.entropy
    words = [entropy] if isinstance(entropy, int) else list(entropy)
    return np.random.default_rng(
        np.random.SeedSequence([*words, replica], spawn_key=seed.spawn_key)
    )
