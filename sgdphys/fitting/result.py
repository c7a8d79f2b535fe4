"""What ``sgdphys.fit`` returns: the fitted models, a table of them in plain words, their figure."""

from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr

from sgdphys.bars import Progress, shown
from sgdphys.cluster.series import on_cluster
from sgdphys.containers import variables_of
from sgdphys.dynamics.models import choice
from sgdphys.dynamics.models.catalogue import chosen_models
from sgdphys.dynamics.models.copies import simulated
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.series import told
from sgdphys.errors import InputError, nearest
from sgdphys.fitting.by_series import by_series
from sgdphys.fitting.wiener_range import wiener_range
from sgdphys.status import advice, words

_ROWS = 20
"""Series that a notebook shows."""
_OF_SUMMARY = ("best", "nearest", "odds", "reason", "compared", "diffusion", "diffusion_low",
               "diffusion_high", "status")  # fmt: skip
"""Variables that the table of a fit is made of."""
_ALWAYS = {
    "ou": ("kappa", "kappa_low", "kappa_high"),
    "fbm": ("hurst",),
    "levy": ("tail_index",),
}
"""Coefficients in the table of a fit that compared these models, whatever was chosen."""


class Fit(xr.Dataset):  # type: ignore[no-untyped-call]
    """Diffusion models fitted to series: a Dataset that can also be read as a table, and drawn.

    Made by ``sgdphys.fit``; it keeps the series that were given, not a copy of them. So do its
    ``copy()``, ``compute()`` and ``load()``. A part of it, as ``sel`` gives, can be read and
    summarised too, and no longer drawn: it has lost its series.
    """

    __slots__ = ("_models", "_series", "_time")

    def copy(self, deep: bool = False, data: Any = None) -> Self:
        """Return a copy, with the same series; see ``xarray.Dataset.copy``."""
        found = super().copy(deep=deep, data=data)
        if hasattr(self, "_series"):
            found._series, found._time = self._series, self._time
            found._models = self._models
        return found

    def summary(self) -> pd.DataFrame:
        """One row per series: the chosen model, its coefficients, and why if it is none.

        Returns
        -------
        DataFrame
            best; nearest, the other model of lowest BIC, and the odds over it; diffusion with its
            interval, of the chosen model, or of a Wiener process with drift where none was chosen
            or the chosen one has none; kappa with its interval; hurst; tail_index; further
            coefficients of the models that were chosen for some series; not_compared, the models
            that could not be compared; status; reason.

        Raises
        ------
        InputError
            For part of a fit that lacks what the table is made of.
        """
        self._require_all()
        table = xr.Dataset({name: self[name] for name in ("best", "nearest", "odds")})
        for name in ("diffusion", "diffusion_low", "diffusion_high"):
            table[name] = self._of_chosen(name)
        for name in self._shown():
            table[name] = self[name]
        table["not_compared"] = self["best"].copy(data=self._left_out())
        table["status"] = self["status"].copy(data=words(self["status"]))
        table["reason"] = self["reason"]
        return by_series(table)

    def plot(self, ax: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]  # of a fit
        """Draw the fit and its series: see ``sgdphys.figures.fit``.

        Parameters
        ----------
        ax : array of four Axes, optional
            A new figure by default.
        **kwargs
            Passed to ``Axes.plot``, for the paths.

        Returns
        -------
        array of Axes

        Raises
        ------
        InputError
            For part of a fit, which has lost its series.
        """
        from sgdphys.figures.plots.fit import fit as draw

        series, models = self._given("to draw")
        return draw(self, series, time=self._time, models=models.values(), ax=ax, **kwargs)

    def simulate(self, *, copies: int = 1, rng: Any = 0) -> xr.DataArray:
        """Simulate the candidate of every series, with its coefficients and its first point.

        Parameters
        ----------
        copies : int
            Independent paths of every series.
        rng : int, SeedSequence or Generator
            Random numbers: see ``sgdphys.draws``.

        Returns
        -------
        DataArray (copy, ..., time)
            Paths at the times of the series; missing points are missing there, too. NaN for series
            without a candidate. A candidate that was rejected is simulated all the same.

        Raises
        ------
        InputError
            For part of a fit, which has lost its series; for fewer than 1 copy.
        """
        series, models = self._given("to simulate")
        return simulated(self, series, self._time, models, copies=copies, rng=rng)

    def check(self, *, copies: int = 200, rng: Any = 0) -> xr.Dataset:
        """Compare every series with simulated copies of its candidate.

        Parameters
        ----------
        copies : int
            Number of copies of every series, at least 50.
        rng : int, SeedSequence or Generator
            Random numbers: see ``sgdphys.draws``.

        Returns
        -------
        Dataset
            Of ``sgdphys.dynamics.predictive_checks``, which ``sgdphys.figures.predictive_checks``
            draws.

        Raises
        ------
        InputError
            For part of a fit, which has lost its series; for fewer than 50 copies.
        """
        from sgdphys.dynamics.models.predictive_checks import predictive_checks

        series, models = self._given("to check")
        return predictive_checks(
            series, model=self["candidate"], models=models.values(), time=self._time,
            copies=copies, rng=rng,
        )  # fmt: skip

    def wiener_range(self) -> pd.DataFrame:
        """From which lag on, and in which stretches of time, every series is a Wiener process.

        Returns
        -------
        DataFrame
            One row per series: best; lag, infinite where it is one at no lag; at_lags and
            in_time, the same in words; segments, the number of stretches with coefficients of
            their own. Empty and NaN for series with gaps, uneven times, or too few points.

        Raises
        ------
        InputError
            For part of a fit, which has lost its series.

        See Also
        --------
        sgdphys.dynamics.wiener_lag, sgdphys.dynamics.segments : The two, with their numbers.
        """
        series, _ = self._given("to look at")
        return wiener_range(self, series, self._time)

    def _given(self, what: str) -> tuple[Any, dict[str, Model]]:
        """The fitted series, and the models that were compared."""
        try:
            return self._series, self._models
        except AttributeError:
            raise InputError(
                f"this part of a fit has no series {what}; call it on what fit() returned, or fit "
                "the part of the series"
            ) from None

    def _of_chosen(self, name: str) -> xr.DataArray:
        """A coefficient of the chosen model, or of a Wiener process with drift."""
        models = self["model"].to_numpy()
        is_chosen = self["model"] == self["best"]
        found = self[name].where(is_chosen).max("model")
        if "drifted_wiener" in models:
            has = (self["diffusion"].notnull() & is_chosen).any("model")
            found = found.where(has, self[name].sel(model="drifted_wiener", drop=True))
        return found

    def _shown(self) -> list[str]:
        """Coefficients in the table: always those of the oldest models, others where chosen."""
        chosen = set(np.unique(self["best"].to_numpy()))
        models = self.attrs["models"].split(", ")
        found = [name for model in models for name in _ALWAYS.get(model, ())]
        owned = {str(n): v.attrs.get("model") for n, v in self.data_vars.items()}
        return found + [n for n, of in owned.items() if of in chosen and n not in found]

    def _require_all(self) -> None:
        """Refuse part of a fit that lacks variables, models or tests of the table."""
        models = self.attrs.get("models", "").split(", ")
        wanted = (*_OF_SUMMARY, *(name for model in models for name in _ALWAYS.get(model, ())))
        lacking = [name for name in wanted if name not in self]
        kept = np.atleast_1d(self["model"].to_numpy()) if "model" in self.dims else ()
        lacking += [f"model {name}" for name in models if name not in kept]
        if lacking:
            raise InputError(
                f"this part of a fit has no {', '.join(lacking)}, of which summary() makes its "
                "table; call it on what fit() returned, or on a part by series"
            )

    def _left_out(self) -> np.ndarray:
        """Names of the models that could not be compared with a candidate."""
        models = self["model"].to_numpy()
        compared = self["compared"].transpose(..., "model").to_numpy()
        out = np.full(compared.shape[:-1], "", object)
        for series in np.argwhere(compared.any(axis=-1) & ~compared.all(axis=-1)):
            out[tuple(series)] = ", ".join(models[~compared[tuple(series)]])
        return out

    def _repr_html_(self) -> str:
        """For a notebook: the table, what to do about series left out, and the Dataset."""
        try:
            table = self.summary()
        except InputError:  # part of a fit that has no table
            return super()._repr_html_()
        left = f"<p>{len(table) - _ROWS} more series</p>" if len(table) > _ROWS else ""
        sentences = "".join(f"<p>{s}</p>" for s in advice(self["status"].to_numpy()))
        return (
            table.head(_ROWS).to_html(float_format="{:.4g}".format)
            + f"{left}{sentences}<details><summary>all results</summary>"
            + super()._repr_html_()
            + "</details>"
        )


def _variable(data: Any, name: str) -> xr.DataArray:
    """A variable of a Dataset or tree."""
    if not isinstance(data, xr.Dataset | xr.DataTree):
        raise InputError(
            f"variable={name!r} is of a Dataset or DataTree; a {type(data).__name__} was given"
        )
    known = variables_of(data)
    if any(other.startswith(f"{name}/") for other in known):
        raise InputError(f"{name!r} is a group; give one of its variables, as {name}/NAME")
    if name not in known:
        raise InputError(f"there is no variable {name!r}; {nearest(name, known)}")
    return known[name]


def fit(
    x: Any,
    *,
    variable: str | None = None,
    models: Any = None,
    time: Any = None,
    confidence: float = 0.95,
    progress: Progress | bool | None = None,
    scheduler: str | None = None,
) -> Fit:
    """What kind of diffusion process is every series, and why: models compared by BIC.

    Parameters
    ----------
    x : DataArray, Dataset, DataTree, Series, DataFrame, array or tensor
        Paths; an array without names has time first. A trajectory stands for its weights.
    variable : str, optional
        Which variable of a Dataset or DataTree, as "posterior/mu".
    models : str, Model, or sequence of them, optional
        The models to compare, by name or of one's own; all by default: see ``dynamics.fit``.
    time : str, float, array or pair, optional
        Where points lie in time: see ``dynamics.series.paths``.
    confidence : float
    progress : callable or bool, optional
        Receives series done and in all, at each pass over them. True shows a bar instead, False
        none; by default there is one in a notebook and on a terminal, of calls that take more than
        a second.
    scheduler : str, optional
        Address of a Dask scheduler, as "tcp://HOST:8786", whose workers fit blocks of series; the
        result is the same. See docs/how-to/clusters.md.

    Returns
    -------
    Fit
        The Dataset of ``sgdphys.dynamics.fit``, with ``summary()`` and ``plot()``.

    Raises
    ------
    InputError
        As ``sgdphys.dynamics.fit``; for a variable that is not there, or no address of a scheduler.
    WorkError
        When no scheduler answers, it has no workers, or their versions differ.

    See Also
    --------
    sgdphys.dynamics.fit : the same models, a plain Dataset; how one is chosen.

    Examples
    --------
    >>> import sgdphys as sp
    >>> path = sp.processes.ornstein_uhlenbeck(kappa=1, dt=0.1, steps=2000, rng=0)
    >>> found = sp.fit(path.theta, time="time")
    >>> found.best.item()
    'ou'
    >>> found.summary()[["kappa", "kappa_low", "kappa_high"]].round(1).to_numpy().tolist()
    [[1.0, 0.8, 1.2]]
    """
    if variable is not None:
        x = _variable(x, variable)
    compared = chosen_models(models)
    with (
        on_cluster(scheduler),
        shown(progress, "fitting") as report,
        told(report),
    ):
        plain = choice.fit(x, models=compared.values(), time=time, confidence=confidence)
    found = Fit(plain.data_vars, plain.coords, plain.attrs)
    found._series, found._time, found._models = x, time, compared
    return found
