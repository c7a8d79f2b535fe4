"""Networks as the trajectories and the estimators know them: perceptrons and their parameters."""

from sgdphys.networks.perceptron import (
    INITIALISATIONS,
    ParameterTable,
    Perceptron,
    from_description,
)

__all__ = ["INITIALISATIONS", "ParameterTable", "Perceptron", "from_description"]
