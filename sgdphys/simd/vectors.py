"""SIMD vectors as a numba type, and the LLVM code that they compile to."""

import operator
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import models, register_model

SAMPLES = 4
"""Samples that the kernels take at a time, so that each weight loaded is used four times."""


def _register_bytes() -> int:
    features = llvm.get_host_cpu_features()
    return 64 if features.get("avx512f", False) else 32


REGISTER_BYTES = _register_bytes()


def lanes(dtype: Any) -> int:
    """Return the number of lanes of this dtype in one register of this machine."""
    return REGISTER_BYTES // np.dtype(dtype).itemsize


class Lanes(types.Type):
    """numba type of a SIMD vector of ``width`` numbers."""

    def __init__(self, dtype: types.Type, width: int) -> None:
        self.dtype = dtype
        self.width = width
        super().__init__(name=f"Lanes({dtype}, {width})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes_type):
        # numba keeps booleans as bytes; a mask has one bit per lane, as LLVM comparisons return it
        if lanes_type.dtype == types.boolean:
            element = ir.IntType(1)
        else:
            element = manager.lookup(lanes_type.dtype).get_value_type()
        super().__init__(manager, lanes_type, ir.VectorType(element, lanes_type.width))


def spread(builder, value, vector_type):
    """Broadcast a scalar to all lanes."""
    single = builder.insert_element(
        ir.Constant(vector_type, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector_type.count), None)
    return builder.shuffle_vector(single, ir.Constant(vector_type, ir.Undefined), zeros)


def as_lanes(context, builder, value, value_type, lanes_type):
    """Convert a number or a vector to the given vector type."""
    if isinstance(value_type, Lanes):
        return value
    value = context.cast(builder, value, value_type, lanes_type.dtype)
    return spread(builder, value, context.get_value_type(lanes_type))


def common_type(args):
    """The vector type of a mixed call, or None; narrow vectors never mix with wide ones."""
    found = {a for a in args if isinstance(a, Lanes)}
    others = [a for a in args if not isinstance(a, Lanes)]
    if len(found) != 1 or not all(isinstance(a, types.Number) for a in others):
        return None
    return found.pop()


def _register_operator(symbol, emit, *, compares=False):
    class Template(AbstractTemplate):
        def generic(self, args, kws):
            common = common_type(args)
            if common is None or kws:
                return None
            result = Lanes(types.boolean, common.width) if compares else common
            return signature(result, *args)

    infer_global(symbol)(Template)

    def lower(context, builder, sig, args):
        common = common_type(sig.args)
        values = [
            as_lanes(context, builder, value, kind, common)
            for value, kind in zip(args, sig.args, strict=True)
        ]
        return emit(builder, *values)

    arity = 1 if symbol is operator.neg else 2
    kinds = (
        [(Lanes,)] if arity == 1 else [(Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)]
    )
    for kind in kinds:
        lower_builtin(symbol, *kind)(lower)


_register_operator(operator.add, lambda b, x, y: b.fadd(x, y))
_register_operator(operator.sub, lambda b, x, y: b.fsub(x, y))
_register_operator(operator.mul, lambda b, x, y: b.fmul(x, y))
_register_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y))
_register_operator(operator.neg, lambda b, x: b.fneg(x))
_register_operator(operator.lt, lambda b, x, y: b.fcmp_ordered("<", x, y), compares=True)
_register_operator(operator.gt, lambda b, x, y: b.fcmp_ordered(">", x, y), compares=True)


def mask_of(indices):
    """Mask of a shuffle."""
    return ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), list(indices))


def rows_of(builder, value, width):
    """The SAMPLES registers of a block."""
    return [
        builder.shuffle_vector(value, value, mask_of(range(row * width, (row + 1) * width)))
        for row in range(SAMPLES)
    ]


def call_elementwise(builder, name, vector_type, values):
    """Call one of LLVM's overloaded intrinsics."""
    function_type = ir.FunctionType(vector_type, [v.type for v in values])
    element = {ir.FloatType: "f32", ir.DoubleType: "f64"}[type(vector_type.element)]
    full_name = f"{name}.v{vector_type.count}{element}"
    function = builder.module.globals.get(full_name)
    if function is None:
        function = ir.Function(builder.module, function_type, name=full_name)
    return builder.call(function, values)


def reciprocal_estimate(builder, value, register):
    """1 / value to 14 bits, for a 512-bit register of float32."""
    mask_type = ir.IntType(value.type.count)
    name = "llvm.x86.avx512.rcp14.ps.512"
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(register, [register, register, mask_type]), name=name
    )
    everywhere = ir.Constant(mask_type, -1)
    return builder.call(function, [value, ir.Constant(register, None), everywhere])


def joined(builder, rows):
    """Concatenate registers; the inverse of ``rows_of``."""
    while len(rows) > 1:
        count = rows[0].type.count
        rows = [
            builder.shuffle_vector(rows[k], rows[k + 1], mask_of(range(2 * count)))
            for k in range(0, len(rows), 2)
        ]
    return rows[0]


def float_layout(dtype):
    """(bits, mantissa bits, exponent bias) of an IEEE float."""
    return (32, 23, 127) if dtype == types.float32 else (64, 52, 1023)


def gather_registers(builder, data, flat, vector_type):
    """The gather instruction of the processor, one register at a time."""
    i32 = ir.IntType(32)
    width = vector_type.count // SAMPLES
    register = ir.VectorType(vector_type.element, width)
    mask_type = ir.VectorType(ir.IntType(1), width)
    name, size = ("dps", 4) if width == 16 else ("dpd", 8)
    name = f"llvm.x86.avx512.mask.gather.{name}.512"
    kinds = [register, data.type, ir.VectorType(i32, width), mask_type, i32]
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(register, kinds), name=name
    )
    zeros, every = ir.Constant(register, None), ir.Constant(mask_type, [1] * width)
    return joined(
        builder,
        [
            builder.call(function, [zeros, data, row, every, ir.Constant(i32, size)])
            for row in rows_of(builder, flat, width)
        ],
    )


def transposed(builder, rows):
    """Columns of four-element rows, one a lane: four registers from as many rows as lanes."""
    together = len(rows) // 4
    # lanes 4 q + k of a column come from row 4 q + k: register k holds rows k, 4 + k, 8 + k, ...
    registers = [joined(builder, [rows[4 * q + k] for q in range(together)]) for k in range(4)]
    width = len(rows)

    def pick(left, right, places):
        mask = [
            4 * q + place % 4 + width * (place // 4) for q in range(together) for place in places
        ]
        return builder.shuffle_vector(left, right, mask_of(mask))

    low, high = (0, 4, 1, 5), (2, 6, 3, 7)
    a, b, c, d = registers
    first, second = pick(a, b, low), pick(c, d, low)
    third, fourth = pick(a, b, high), pick(c, d, high)
    low, high = (0, 1, 4, 5), (2, 3, 6, 7)
    return [
        pick(first, second, low), pick(first, second, high),
        pick(third, fourth, low), pick(third, fourth, high),
    ]  # fmt: skip
