"""Every situation of every statistic that a claim uses, by the analysis that brings it."""

from counting import Situation
from situations_bound import BOUND
from situations_capacity import CAPACITY
from situations_information import INFORMATION
from situations_motion import MOTION
from situations_phases import PHASES
from situations_relations import RELATIONS
from situations_stationarity import STATIONARITY

SITUATIONS: dict[str, Situation] = {
    **INFORMATION, **PHASES, **MOTION, **RELATIONS, **STATIONARITY, **BOUND, **CAPACITY,
}  # fmt: skip
