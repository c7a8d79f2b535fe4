"""The models that ``fit`` knows by name."""

from collections.abc import Iterable
from typing import Any

from sgdphys.dynamics.models.checking import require_model
from sgdphys.dynamics.models.double_well import DoubleWell
from sgdphys.dynamics.models.fractional_brownian import FractionalBrownian
from sgdphys.dynamics.models.heavy_ball import HeavyBall
from sgdphys.dynamics.models.levy import Levy
from sgdphys.dynamics.models.model import Model
from sgdphys.dynamics.models.noisy_ou import NoisyOU
from sgdphys.dynamics.models.noisy_wiener import NoisyWiener
from sgdphys.dynamics.models.ornstein_uhlenbeck import OrnsteinUhlenbeck
from sgdphys.dynamics.models.reshuffled import Reshuffled
from sgdphys.dynamics.models.scaled_brownian import ScaledBrownian
from sgdphys.dynamics.models.student import Student
from sgdphys.dynamics.models.switching import Switching
from sgdphys.dynamics.models.underdamped import Underdamped
from sgdphys.dynamics.models.wiener import DriftedWiener, Wiener
from sgdphys.errors import InputError, nearest

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Wiener(),
        DriftedWiener(),
        OrnsteinUhlenbeck(),
        FractionalBrownian(),
        Levy(),
        NoisyWiener(),
        NoisyOU(),
        ScaledBrownian(),
        Student(),
        Switching(),
        DoubleWell(),
        Underdamped(),
        HeavyBall(),
        Reshuffled(),
    )
}


def chosen_models(models: Any) -> dict[str, Model]:
    """Models by name, of names and of models of one's own; all by default.

    Raises
    ------
    InputError
        For an unknown name, the same name twice, and what is no model.
    """
    if models is None:
        return dict(MODELS)
    given = [models] if isinstance(models, str | Model) else models
    if not isinstance(given, Iterable):
        raise InputError(f"models is {models!r}; give names of models, such as ['wiener', 'ou']")
    found: dict[str, Model] = {}
    for item in given:
        if isinstance(item, str) and item not in MODELS:
            meant = nearest(item, MODELS)
            said = [n for n, m in MODELS.items() if item and item.lower() in m.sentence.lower()]
            if said and "did you mean" not in meant:
                meant = f"did you mean {said[0]!r}?"
            raise InputError(f"there is no model {item!r}; {meant}")
        if not isinstance(item, str | Model):
            raise InputError(
                f"models has {item!r}; give the name of a model, or an object of a subclass of "
                "sgdphys.dynamics.Model"
            )
        model = MODELS[item] if isinstance(item, str) else item
        require_model(model, MODELS)
        if model.name in found:
            raise InputError(f"models has {model.name!r} twice")
        found[model.name] = model
    if not found:
        raise InputError("models is empty; give at least one")
    return found
