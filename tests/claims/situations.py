"""Every situation of every statistic that a claim uses, by the analysis that brings it."""

from counting import Situation
from situations_bound import BOUND
from situations_information import INFORMATION

SITUATIONS: dict[str, Situation] = {**INFORMATION, **BOUND}
