"""How the times of compression and of the gradients' transition go together over settings.

The settings of a sweep, such as rates and batch sizes, are the independent units: networks of one
setting share its time. All times are in a clock that the claim names.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from sgdphys.analyses.phases.readings import READINGS, crossing_or_last, reading_of
from sgdphys.claims.estimates import Estimate
from sgdphys.claims.results import LEARNED, Results
from sgdphys.errors import InputError, NotEnoughData
from sgdphys.information.fit import FITTED
from sgdphys.information.onset import ONSET_SHARE, loss_epoch

CLOCKS = {"epochs": "epoch", "updates": "updates", "rate x updates": "flow_time"}
"""Coordinates along epoch, by the names of clocks in claims."""
_FEWEST = 5
_FEWEST_NETWORKS = 2


class Times(NamedTuple):
    """Logarithms of times: (setting, layer), and of the fit (setting,)."""

    onset: np.ndarray
    transition: np.ndarray
    fit: np.ndarray


def onset_per_transition(results: Results) -> Estimate:
    """Slope of log onset of compression on log transition over settings, at a given fit time."""
    times = _times(results)

    def slope(kept: np.ndarray) -> float:
        y, x, z = (v[kept] for v in times)
        z = np.broadcast_to(z[:, None], y.shape)
        known = np.isfinite(y) & np.isfinite(x)
        columns = [_within(v, known)[known] for v in (x, z)]
        return float(np.linalg.lstsq(np.stack(columns, axis=1), _within(y, known)[known])[0][0])

    return _over_settings(slope, len(times.fit), parameters=3)


def onset_time_factor(results: Results) -> Estimate:
    """Factor by which the onset of compression differs between settings, within a layer.

    The exponential of the standard deviation over settings of its logarithm.
    """
    onset = _times(results).onset

    def log_spread(kept: np.ndarray) -> float:
        y = onset[kept]
        known = np.isfinite(y)
        deviations = _within(y, known)[known]
        layers = known.any(axis=0).sum()
        return float(np.log((deviations**2).sum() / (known.sum() - layers)) / 2)

    found = _over_settings(log_spread, len(onset), parameters=1)
    value, low, high = np.exp(np.exp(found[:3])).tolist()
    return found._replace(value=value, low=low, high=high)


def _over_settings(
    statistic: Callable[[np.ndarray], float], settings: int, parameters: int
) -> Estimate:
    """Estimate with the jackknife interval over settings, of Student's t."""
    from scipy.special import stdtrit

    every = np.arange(settings)
    value = statistic(every)
    without = np.array([statistic(np.delete(every, k)) for k in every])
    deviation = np.sqrt((settings - 1) / settings * ((without - without.mean()) ** 2).sum())
    freedom = settings - parameters
    half_width = stdtrit(freedom, 0.975) * deviation
    return Estimate(value, value - half_width, value + half_width, settings, freedom=freedom)


def _within(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values (setting, layer) minus the mean of their layer over the settings known."""
    count = np.maximum(known.sum(axis=0), 1)
    return np.asarray(values - np.where(known, values, 0.0).sum(axis=0) / count)


def _times(results: Results) -> Times:
    """Times of every setting, geometric means over the networks that have both events.

    Raises
    ------
    NotEnoughData
        With fewer than five settings.
    """
    reading, clock = reading_of(results), str(results.wanted("clock") or "rate x updates")
    if clock not in CLOCKS:
        raise InputError(f"there is no clock {clock!r}; there are {', '.join(CLOCKS)}")
    information, phases = results.of("information"), results.of("phases")
    settings = information.sizes.get("case", 1)
    if settings < _FEWEST:
        raise NotEnoughData(f"a comparison of settings needs at least {_FEWEST} cases of a sweep")
    output = information.isel(layer=[-1])
    wanted = results.wanted("layer")
    if wanted is not None:
        layers = np.atleast_1d(wanted)
        information, phases = information.sel(layer=layers), phases.sel(layer=layers)
    began = _events(information, "I_XT", "I_XT", clock, _onset)
    crossed = _events(
        phases, READINGS[reading], READINGS["samples"], clock,
        lambda curve, epoch: crossing_or_last(np.moveaxis(curve, 0, -1), epoch, reading),
    )  # fmt: skip
    fit = _events(output, "I_TY", "I_TY", clock, _fitted)
    known = np.isfinite(began) & np.isfinite(crossed)
    count = known.sum(axis=1)
    enough = (count >= _FEWEST_NETWORKS) & (2 * count >= known.any(axis=2).sum(axis=1)[:, None])
    onset, transition = (
        np.where(enough, np.where(known, v, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
        for v in (began, crossed)
    )
    times = Times(onset, transition, fit[:, 0, 0])
    keep = np.isfinite(times.fit) & np.isfinite(times.onset).any(axis=1)
    if keep.sum() < _FEWEST:
        raise NotEnoughData(
            f"{int(keep.sum())} settings have both events and a fit, and {_FEWEST} are needed"
        )
    return Times(*(v[keep] for v in times))


def _events(
    data: xr.Dataset,
    name: str,
    reference: str,
    clock: str,
    at: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Logarithms of the times of an event of every setting, network and layer.

    Parameters
    ----------
    data : Dataset (case, epoch, replica, layer)
    name, reference : str
        The curves, and those that tell whether a network is finite at the end.
    at : callable
        Receives the curves (epoch, replica, layer) of one setting, of the networks that are finite
        to the end and have learnt something, and their epochs; returns epochs.
    """
    coordinate = CLOCKS[clock]
    if coordinate not in data.coords:
        raise InputError(f"the results have no {coordinate} along epoch; analyse them again")
    order = ("case", "epoch", "replica", "layer")
    curves = data[name].transpose(*order).to_numpy()
    ends = data[reference].transpose(*order).to_numpy()
    epoch = data["epoch"].to_numpy().astype(np.float64)
    clocks = np.broadcast_to(data[coordinate].to_numpy(), curves.shape[:2])
    learned = np.ones((len(curves), curves.shape[2]), bool)
    if LEARNED in data.coords:
        learned = np.broadcast_to(data[LEARNED].to_numpy(), learned.shape) > 0
    found = []
    for curve, end, time, keep in zip(curves, ends, clocks, learned, strict=True):
        own = np.isfinite(time)  # the other epochs belong to other settings
        if coordinate == "epoch":
            own = np.isfinite(end).any(axis=(1, 2))
        if not own.any():
            found.append(np.full(curve.shape[1:], np.nan))
            continue
        curve = np.where(keep[:, None] & np.isfinite(end[own][-1]), curve[own], np.nan)
        last = np.flatnonzero(np.isfinite(curve).any(axis=(1, 2))).max(initial=0) + 1
        epochs = at(curve[:last], epoch[own][:last])
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(np.interp(epochs, epoch[own], time[own]))
        found.append(np.where(np.isfinite(epochs) & np.isfinite(logs), logs, np.nan))
    return np.array(found)


def _onset(curve: np.ndarray, epoch: np.ndarray) -> np.ndarray:
    """Epoch at a tenth of the loss of I(X;T), (replica, layer)."""
    labelled = xr.DataArray(curve, {"epoch": epoch}, ("epoch", "replica", "layer"))
    return loss_epoch(labelled, ONSET_SHARE).to_numpy()


def _fitted(curve: np.ndarray, epoch: np.ndarray) -> np.ndarray:
    """Epoch at which the mean I(T;Y) of the last layer has made 90% of its rise."""
    known = np.isfinite(curve[-1, :, -1])
    if not known.any():
        return np.full(curve.shape[1:], np.nan)
    mean = curve[:, known, -1].mean(axis=1)
    gained = mean - mean[0]
    first = np.flatnonzero(gained >= FITTED * gained[-1])[0]
    return np.full(curve.shape[1:], epoch[first])
