"""Networks of trajectories and estimators: perceptrons and their tables of parameters."""

from sgdphys.networks.parameters import ParameterTable
from sgdphys.networks.perceptron import INITIALISATIONS, Perceptron, from_description

__all__ = ["INITIALISATIONS", "ParameterTable", "Perceptron", "from_description"]
