"""Arguments that mean one thing everywhere are refused everywhere, before any work."""

import inspect

import numpy as np
import pytest
from signatures import taking

from sgdphys.arguments import checked
from sgdphys.errors import InputError


def called(function, **given):
    """Call a function with nothing else that is right."""
    required = {
        name: None
        for name, p in inspect.signature(function).parameters.items()
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    }
    return function(**required, **given)


@pytest.mark.parametrize("function", taking("confidence"), ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", [95, -1, 0, 1, np.nan, "0.95", None])
def test_a_confidence_lies_between_0_and_1(function, value):
    meant = ": 0.95 for 95%" if value == 95 else "$"
    with pytest.raises(InputError, match=f"confidence is .*; it must lie between 0 and 1{meant}"):
        called(function, confidence=value)


@pytest.mark.parametrize("function", taking("resamples"), ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", [-1, 2.5, True, "many"])
def test_resamples_are_a_whole_number(function, value):
    with pytest.raises(InputError, match=r"resamples is .*; it must be a whole number of at least"):
        called(function, resamples=value)


@pytest.mark.parametrize("function", taking("rng"), ids=lambda f: f.__name__)
@pytest.mark.parametrize("value", [-1, 0.5, True, "0", np.random.RandomState])
def test_only_seeds_and_generators_are_random(function, value):
    with pytest.raises(InputError, match=r"rng is .*; give an int of at least 0"):
        called(function, rng=value)


def test_what_is_checked_is_called_as_it_was_written():
    @checked
    def interval(values, rng=0, *, confidence=0.95, **more):
        """Say what came."""
        return values, rng.entropy, confidence, more

    assert interval(1, 5, confidence=np.float32(0.5), bins=3) == (1, 5, 0.5, {"bins": 3})
    assert interval.__doc__ == "Say what came."
    with pytest.raises(TypeError, match="interval"):
        interval()
