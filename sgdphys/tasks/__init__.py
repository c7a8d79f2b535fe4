"""Data sets: x (sample, feature) with labels y or real targets, p_x, and p_y_given_x.

The attribute ``shape`` is that of one input, for networks that look at it.
"""

from sgdphys.tasks.files import digits, idx, table
from sgdphys.tasks.rule import icosahedron, symmetric_rule
from sgdphys.tasks.teachers import committee, random_labels, scalar_teacher, teacher_student

__all__ = [
    "committee",
    "digits",
    "icosahedron",
    "idx",
    "random_labels",
    "scalar_teacher",
    "symmetric_rule",
    "table",
    "teacher_student",
]
