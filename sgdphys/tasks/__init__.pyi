"""Public names of sgdphys.tasks, each imported when it is first used; types for editors."""

from .files import digits as digits
from .files import idx as idx
from .files import table as table
from .general_position import dichotomies as dichotomies
from .rule import icosahedron as icosahedron
from .rule import symmetric_rule as symmetric_rule
from .teachers import committee as committee
from .teachers import random_labels as random_labels
from .teachers import scalar_teacher as scalar_teacher
from .teachers import teacher_student as teacher_student

__all__ = [
    "committee",
    "dichotomies",
    "digits",
    "icosahedron",
    "idx",
    "random_labels",
    "scalar_teacher",
    "symmetric_rule",
    "table",
    "teacher_student",
]
