"""A model of one's own: fitted, compared and simulated like others, refused where it is wrong."""

from typing import ClassVar

import numpy as np
import pytest
from scipy.special import ndtri_exp

import sgdphys as sp
from sgdphys.errors import InputError
from sgdphys.glossary import GLOSSARY, Quantity

WIDTH = Quantity("{x}", "width", "w", "mean size of a step")
STEPS = np.random.default_rng(0).laplace(scale=2.0, size=400).cumsum()


class Laplace(sp.dynamics.Model):
    name, sentence = "laplace", "a walk with steps of a Laplace law"
    coefficients: ClassVar = {"width": WIDTH}
    bounds: ClassVar = {"width": (0, np.inf)}

    def start(self, x, t):
        return [abs(np.diff(x)).mean()]

    def steps(self, values, x, t):
        z = np.diff(x) / values[0]
        residual = -np.sign(z) * ndtri_exp(-abs(z) - np.log(2))
        return np.stack([residual, -abs(z) - np.log(2 * values[0])])

    def simulate(self, values, t, start, copies, rng):
        dx = rng.laplace(scale=values[0], size=(copies, len(t) - 1))
        return start + np.pad(dx.cumsum(axis=1), ((0, 0), (1, 0)))


def test_the_maximum_is_found_with_its_interval():
    """The width of maximum likelihood is the mean size; its relative error is 1/sqrt(n)."""
    found = sp.fit(STEPS, models=["wiener", "levy", Laplace()])
    size = abs(np.diff(STEPS)).mean()
    assert found.best.item() == "laplace"
    assert found.laplace_width.item() == pytest.approx(size, rel=1e-4)
    ends = np.log([found.laplace_width_low.item(), found.laplace_width_high.item()])
    np.testing.assert_allclose(
        ends, np.log(size) + np.array([-1.96, 1.96]) / np.sqrt(399), atol=3e-3
    )
    assert found.laplace_width.attrs["units"] == "1"
    assert found.simulate(copies=3).shape == (3, 400)


def changed(**attributes):
    return type("Changed", (Laplace,), attributes)()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (changed(name="none"), "the name of the model Changed is 'none'"),
        (changed(name="a, b"), "the name of the model Changed is 'a, b'"),
        (changed(name="ou"), "is called 'ou', as another one is"),
        (
            changed(name="noisy", coefficients={"ou_kappa": WIDTH}, bounds={}),
            "would be 'noisy_ou_kappa'",
        ),
        (changed(coefficients={}), "has no coefficients"),
        (changed(coefficients={"width": "{x}"}), r"give a sgdphys\.glossary\.Quantity"),
        (changed(coefficients={"width_low": WIDTH}), "a name that results use otherwise"),
        (changed(coefficients={"count": WIDTH}), "a name that results use otherwise"),
        (changed(coefficients={"drift": WIDTH}, bounds={}), r"has the unit \{x\}, not \{x\}/\{t\}"),
        (changed(bounds={"with": (0, 1)}), "has bounds of 'with', no coefficient of it"),
        (changed(bounds={"width": (1, 0)}), "the bounds of 'width' of the model 'laplace' are"),
        (changed(start=lambda self, x, t: None), "returned None; give 1 numbers"),
        (changed(start=lambda self, x, t: [1.0, 2.0]), "give 1 numbers"),
        (changed(start=lambda self, x, t: [-1.0]), "which is not between its bounds 0 and inf"),
        (changed(steps=lambda self, v, x, t: np.diff(x)), r"give an array \(2, 399\)"),
        (changed(steps=lambda self, v, x, t: None), "returned NoneType for 400 points"),
        (
            changed(steps=lambda self, v, x, t: np.stack([np.diff(x) * np.nan, -np.diff(x) ** 2])),
            "residuals that are NaN",
        ),
        (changed(start=sp.dynamics.Model.start), r"has neither start\(\) nor fit\(\)"),
    ],
)  # fmt: skip
def test_a_wrong_model_is_refused_in_a_sentence(model, said):
    with pytest.raises(InputError, match=said):
        sp.fit(STEPS, models=["wiener", model])


def test_a_coefficient_that_models_share_stands_along_their_dimension():
    model = changed(
        coefficients={"diffusion": GLOSSARY["diffusion"]}, bounds={"diffusion": (0, np.inf)}
    )
    found = sp.fit(STEPS, models=["wiener", model])
    assert found["diffusion"].sel(model="laplace").notnull().item()


def test_a_series_that_is_too_short_for_any_choice_says_so():
    """Also of a model that asks for fewer points than a choice does: it was "uneven"."""
    found = sp.fit(STEPS[:31], models=[changed(fewest=10)])
    assert sp.status.words(found["status"]).item() == "too short to compare models"
