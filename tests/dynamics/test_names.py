"""Dimensions and coordinates that are named as variables of results: a sentence, and no more."""

import numpy as np
import pytest
import xarray as xr

import sgdphys as sp
from sgdphys.errors import InputError

D = sp.dynamics
FUNCTIONS = {
    "fit": (sp.fit, {}),
    "fit_wiener": (D.fit_wiener, {}),
    "fit_ou": (D.fit_ou, {}),
    "msd": (D.msd, {}),
    "autocorrelation": (D.autocorrelation, {}),
    "relaxation_time": (D.relaxation_time, {}),
    "kramers_moyal": (D.kramers_moyal, {"bins": 4}),
    "rolling_indicators": (D.rolling_indicators, {"window": 30}),
    "early_warning": (D.early_warning, {"resamples": 5}),
    "wiener_tests": (D.wiener_tests, {}),
    "ensemble_indicators": (D.ensemble_indicators, {"over": "replica"}),
    "ensemble_diffusion": (D.ensemble_diffusion, {"over": "replica"}),
    "ergodicity_breaking": (D.ergodicity_breaking, {"over": "replica", "lags": [1, 2]}),
    "two_time_msd": (D.two_time_msd, {"over": "replica", "lags": [1], "waiting_times": [1, 2]}),
    "diffusion_coefficient": (D.diffusion_coefficient, {}),
    "diffusion_vs_lag": (D.diffusion_vs_lag, {}),
}
NAMES = ("model", "test", "status", "best", "kappa", "count", "diffusion", "lag", "bin", "msd",
         "variance", "position", "trend", "p_value", "autocorrelation")  # fmt: skip


def walks(**coords):
    x = np.random.default_rng(0).standard_normal((6, 2, 60)).cumsum(axis=-1)
    return xr.DataArray(x, dims=("replica", "other", "step"), coords=coords)


@pytest.mark.thorough(reason="every name of every result")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("function", ["fit_wiener", "kramers_moyal", "rolling_indicators",
                                      "ensemble_indicators", "ensemble_diffusion"])  # fmt: skip
def test_a_name_of_the_result_is_refused_or_harmless(function, name):
    call, options = FUNCTIONS[function]
    for theta in (
        walks().rename(other=name),
        walks(**{name: ("other", [1.0, 2.0])}),
        walks(**{name: 3.0}),
        walks(**{name: ("step", np.arange(60.0))}),
    ):
        said = ""
        try:
            call(theta, time="step", **options)
        except InputError as error:
            said = str(error)
        assert not said or f"{name!r}, and so has the result under the same name; rename" in said


@pytest.mark.parametrize("name", ["model", "test", "status", "best", "kappa"])
def test_fit_says_what_to_rename(name):
    for theta, kind in (
        (walks().rename(other=name), "dimension"),
        (walks(**{name: ("other", [1.0, 2.0])}), "coordinate"),
    ):
        with pytest.raises(InputError, match=f"the series have a {kind} '{name}'.*given_{name}"):
            sp.fit(theta, time="step")
