"""Processes whose reason is known: what rejects a model of them, in words and numbers."""

import numpy as np
import pytest
from cells import along_time
from simulators import autoregressive, levy, ornstein_uhlenbeck, wiener

import sgdphys as sp
from sgdphys.dynamics.models.catalogue import MODELS
from sgdphys.dynamics.models.reasons import (
    EFFECTS,
    effects,
    reason,
    said_change,
    said_lag,
    said_odds,
    said_stretches,
)
from sgdphys.status import REASONS, TOO_SHORT


def reasoned(x):
    """Reason for one series (point,), of what ``fit`` finds among the first five models."""
    first = ["wiener", "drifted_wiener", "ou", "fbm", "levy"]
    found = sp.dynamics.fit(along_time(x[None]), models=first).isel(series=0)
    candidate = found["candidate"].item()
    model = MODELS[candidate]
    values = model.fit(x[None], np.arange(len(x)) * 1.0, 0.95).values[0]
    z = model.steps(values, x, np.arange(len(x)) * 1.0)[:1]
    return reason(
        best=found["best"].item(),
        candidate=candidate,
        nearest=found["nearest"].item(),
        odds=found["odds"].item(),
        p_values={str(t): found["p_value"].sel(test=t).item() for t in found["test"].to_numpy()},
        found=dict(zip(EFFECTS, effects(z, x[None, :-1])[0].tolist(), strict=True)),
        count=len(x) - 1,
    )


def double_well(rng, n):
    x = np.ones(n)
    for k in range(1, n):
        x[k] = x[k - 1] - 0.1 * (x[k - 1] ** 3 - x[k - 1]) + np.sqrt(0.05) * rng.standard_normal()
    return x


N = 3000
HALF = np.arange(N) < N // 2
PROCESSES = {
    "residuals about doubles": lambda r: (
        np.where(HALF, 1, np.sqrt(2)) * r.standard_normal(N)
    ).cumsum(),
    "residuals about halves": lambda r: (
        np.where(HALF, np.sqrt(2), 1) * r.standard_normal(N)
    ).cumsum(),
    "large residuals come in clusters": lambda r: (
        np.where(np.arange(N) // 100 % 2, 1, 3) * r.standard_normal(N)
    ).cumsum(),
    "the drift is not linear in the level": lambda r: double_well(r, 2 * N),
    "as under measurement noise, is": lambda r: wiener(r, 1, N)[0] + r.standard_normal(N),
    "Student t increments, whose variance is finite, is": lambda r: r.standard_t(4, N).cumsum(),
    "most at lag 2": lambda r: (
        (e := r.standard_normal(N + 2))[2:] - 0.6 * e[:-2]
    ).cumsum(),
}  # fmt: skip


@pytest.mark.parametrize("words", PROCESSES)
def test_the_reason_is_that_of_the_process(words):
    said = reasoned(PROCESSES[words](np.random.default_rng(3)))
    assert words.lower() in said.lower()
    assert said[0].isupper()
    assert said.endswith(".")


@pytest.mark.parametrize(
    "make",
    [lambda r: wiener(r, 1, 1000)[0], lambda r: levy(r, 1, 1000, 1.5)[0],
     lambda r: ornstein_uhlenbeck(r, 1, np.arange(1000), kappa=0.3)[0]],
)  # fmt: skip
def test_a_model_that_nothing_rejects(make):
    said = reasoned(make(np.random.default_rng(4)))
    assert said.startswith(("No test rejects", "It cannot be told between"))


def test_effects_are_what_they_are_called():
    rng = np.random.default_rng(5)
    n = 40_000
    level = np.linspace(-1, 1, n)[rng.permutation(n)][None]
    normal = rng.standard_normal((1, n))
    names = {name: k for k, name in enumerate(EFFECTS)}

    def of(z, name):
        return effects(z, level)[0, names[name]]

    assert of(rng.exponential(1.0, (1, n)), "skewness") == pytest.approx(2, abs=0.2)
    assert of(rng.uniform(-1, 1, (1, n)), "kurtosis") == pytest.approx(-1.2, abs=0.05)
    memory = autoregressive(rng, 1, n, -0.3)
    assert of(memory, "lag") == 1
    assert of(memory, "correlation") == pytest.approx(-0.3, abs=0.02)
    growing = normal * np.where(np.arange(n) < n // 2, 1, 2)
    assert of(growing, "ratio_in_time") == pytest.approx(4, rel=0.05)
    assert of(normal * np.where(level > 0, 2, 1), "ratio_in_level") == pytest.approx(4, rel=0.05)
    far = normal * np.where(np.abs(level) > 0.5, 2, 1)
    assert of(far, "ratio_off_centre") == pytest.approx(4, rel=0.05)
    assert of(normal + level**2 * 45**0.5 / 2, "explained") == pytest.approx(50, abs=2)
    assert abs(of(normal, "explained")) < 0.1
    twice = np.repeat(normal[:, ::2], 2, axis=1)
    assert of(twice, "size_correlation") == pytest.approx(0.5, abs=0.02)


def test_effects_of_constant_residuals_are_numbers():
    assert np.isfinite(effects(np.zeros((2, 60)), np.ones((2, 60)))).all()


BARE = {name: 0.0 for name in EFFECTS}


def test_all_that_rejects_is_named_the_strongest_first():
    said = reason(
        best="none", candidate="ou", nearest="wiener", odds=1e9, count=1000, left_out="levy",
        p_values={"ljung_box": 1e-9, "anderson_darling": 1e-20, "nonlinear_drift": 0.4,
                  "changing_variance": np.nan, "measurement_noise": 1e-40, "adf": 1e-30},
        found={**BARE, "lag": 1, "correlation": -0.3, "kurtosis": 2.0},
    )  # fmt: skip
    assert said == (
        "An ARMA(1,1) process, as under measurement noise, is more than a million times as likely "
        "as ou; the residuals are correlated, most at lag 1 (r = -0.30); the residuals have "
        "heavier tails than a normal law (excess kurtosis 2); models that could not be compared: "
        "levy. Fit every k-th point, or compare with noisy_wiener and noisy_ou if they were left "
        "out."
    )


def test_tests_reject_together():
    """One of six at 0.5% does not, one at 0.1% does: Holm."""
    names = ["anderson_darling", "ljung_box", "changing_variance", "volatility_clustering",
             "nonlinear_drift", "sums_of_8"]  # fmt: skip
    for p_value, start in (
        (0.005, "No test rejects levy"),
        (0.001, "The residuals are correlated"),
    ):
        p_values = dict.fromkeys(names, 0.5) | {"ljung_box": p_value}
        said = reason(
            best="levy", candidate="levy", nearest="wiener", odds=1e9, count=500, found=BARE,
            p_values=p_values,
        )  # fmt: skip
        assert said.startswith(start)


def test_models_that_cannot_be_told_apart():
    said = reason(
        best="wiener", candidate="wiener", nearest="ou", odds=2.04, count=500, found=BARE,
        p_values={},
    )  # fmt: skip
    assert said == (
        "It cannot be told between wiener and ou (odds 2). Record for longer, or see in "
        "predictive_checks where they differ."
    )


def test_a_series_without_a_candidate_has_the_sentence_of_its_status():
    said = reason(best="not compared", candidate="", p_values={}, found={}, count=0,
                  status=TOO_SHORT)  # fmt: skip
    assert said.startswith("The series has too few points")


def test_numbers_in_words():
    assert [said_odds(v) for v in (1.5, 42.0, 3210.0, 1e9)] == [
        "1.5", "42", "3,000", "more than a million",
    ]  # fmt: skip
    assert [said_change(v) for v in (2.0, 0.5, 3.14, 0.2)] == [
        "about doubles (factor 2)", "about halves (factor 0.5)",
        "is 3.1 times as large", "is 0.2 times as large",
    ]  # fmt: skip


def test_where_a_model_stands_in_words():
    models = ["wiener", "wiener", "none", ""]
    assert said_stretches(models, [3000.0, 5000.0, 9000.0, np.nan], "updates") == (
        "wiener until 3000 updates, then wiener with other coefficients until 5000, "
        "then none until 9000"
    )
    assert said_stretches([""], [np.nan]) == ""
    assert [said_lag(lag, 1.0, "updates") for lag in (1.0, 7.0, np.inf, np.nan)] == [
        "Wiener at every lag", "Wiener from lag 7 updates on", "Wiener at no lag", "",
    ]  # fmt: skip


def test_every_reason_says_what_to_do():
    for reason_of in REASONS.values():
        assert reason_of.what[0].islower() or reason_of.what.startswith("{")
        assert reason_of.then
        assert not reason_of.then.endswith(".")
