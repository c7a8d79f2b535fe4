"""Every situation of every statistic that a claim uses, by the analysis that brings it."""

from counting import Situation
from situations_information import INFORMATION
from situations_phases import PHASES

SITUATIONS: dict[str, Situation] = {**INFORMATION, **PHASES}
