"""Networks as the trajectories and the estimators know them: perceptrons and their parameters."""

from sgdphys.networks.parameters import ParameterTable
from sgdphys.networks.perceptron import INITIALISATIONS, Perceptron, from_description

__all__ = ["INITIALISATIONS", "ParameterTable", "Perceptron", "from_description"]
