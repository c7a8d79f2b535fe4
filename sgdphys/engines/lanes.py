"""SIMD lanes as numbers: one lane a replica, so that kernels read like scalar mathematics.

A numba array of shape ``(n * lanes(dtype),)`` holds n quantities of ``lanes(dtype)`` replicas side
by side. ``load`` reads one quantity of all replicas into a register, ``load_block`` one quantity
of ``SAMPLES`` samples of all replicas into ``SAMPLES`` registers; arithmetic on either is
elementwise, so no replica can ever depend on another. Compilers find such code by themselves only
by luck; here it is spelt out as LLVM vector types.
"""

import operator

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

SAMPLES = 4
"""Samples that the kernels take at a time, so that each weight loaded is used four times."""


def _register_bytes() -> int:
    features = llvm.get_host_cpu_features()
    return 64 if features.get("avx512f", False) else 32


REGISTER_BYTES = _register_bytes()


def lanes(dtype: np.dtype | type) -> int:
    """Return how many replicas of this dtype fit one register of this machine."""
    return REGISTER_BYTES // np.dtype(dtype).itemsize


class Lanes(types.Type):
    """numba type of ``width`` numbers that move together."""

    def __init__(self, dtype: types.Type, width: int) -> None:
        self.dtype = dtype
        self.width = width
        super().__init__(name=f"Lanes({dtype}, {width})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes_type):
        # numba keeps booleans as bytes; a mask is one bit a lane, as LLVM compares produce it.
        if lanes_type.dtype == types.boolean:
            element = ir.IntType(1)
        else:
            element = manager.lookup(lanes_type.dtype).get_value_type()
        super().__init__(manager, lanes_type, ir.VectorType(element, lanes_type.width))


def _spread(builder, value, vector_type):
    """All lanes equal to one scalar."""
    single = builder.insert_element(
        ir.Constant(vector_type, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector_type.count), None)
    return builder.shuffle_vector(single, ir.Constant(vector_type, ir.Undefined), zeros)


def _as_lanes(context, builder, value, value_type, lanes_type):
    if isinstance(value_type, Lanes):
        return value
    value = context.cast(builder, value, value_type, lanes_type.dtype)
    return _spread(builder, value, context.get_value_type(lanes_type))


def _common(args):
    """The lanes type of a mixed call, or None; narrow lanes never mix with wide ones."""
    found = {a for a in args if isinstance(a, Lanes)}
    others = [a for a in args if not isinstance(a, Lanes)]
    if len(found) != 1 or not all(isinstance(a, types.Number) for a in others):
        return None
    return found.pop()


def _register_operator(symbol, emit, *, compares=False):
    class Template(AbstractTemplate):
        def generic(self, args, kws):
            common = _common(args)
            if common is None or kws:
                return None
            result = Lanes(types.boolean, common.width) if compares else common
            return signature(result, *args)

    infer_global(symbol)(Template)

    def lower(context, builder, sig, args):
        common = _common(sig.args)
        values = [
            _as_lanes(context, builder, value, kind, common)
            for value, kind in zip(args, sig.args, strict=True)
        ]
        return emit(builder, *values)

    arity = 1 if symbol is operator.neg else 2
    kinds = [(Lanes,)] if arity == 1 else [(Lanes, Lanes), (Lanes, types.Number),
                                           (types.Number, Lanes)]
    for kind in kinds:
        lower_builtin(symbol, *kind)(lower)


_register_operator(operator.add, lambda b, x, y: b.fadd(x, y))
_register_operator(operator.sub, lambda b, x, y: b.fsub(x, y))
_register_operator(operator.mul, lambda b, x, y: b.fmul(x, y))
_register_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y))
_register_operator(operator.neg, lambda b, x: b.fneg(x))
_register_operator(operator.lt, lambda b, x, y: b.fcmp_ordered("<", x, y), compares=True)
_register_operator(operator.gt, lambda b, x, y: b.fcmp_ordered(">", x, y), compares=True)


def _pointer(context, builder, array_type, array, index, vector_type):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), vector_type.as_pointer())


def _load(rows):
    def typing(typing_context, array, index):
        width = rows * lanes(str(array.dtype))
        result = Lanes(array.dtype, width)

        def codegen(context, builder, sig, args):
            vector_type = context.get_value_type(result)
            start = context.cast(builder, args[1], sig.args[1], types.intp)
            pointer = _pointer(context, builder, sig.args[0], args[0], start, vector_type)
            return builder.load(pointer, align=array.dtype.bitwidth // 8)

        return result(array, index), codegen

    return typing


@intrinsic
def load(typing_context, array, index):
    """One quantity of every replica: array[index : index + lanes]."""
    return _load(1)(typing_context, array, index)


@intrinsic
def load_block(typing_context, array, index):
    """One quantity of SAMPLES samples of every replica."""
    return _load(SAMPLES)(typing_context, array, index)


@intrinsic
def store(typing_context, array, index, value):
    """Write lanes of either width to array[index:]."""

    def codegen(context, builder, sig, args):
        start = context.cast(builder, args[1], sig.args[1], types.intp)
        vector_type = context.get_value_type(value)
        pointer = _pointer(context, builder, sig.args[0], args[0], start, vector_type)
        builder.store(args[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, value), codegen


@intrinsic
def gather(typing_context, table, indices, start, scale, offset):
    """Lanes of table[indices[start + k] * scale + offset], k over SAMPLES rows of lanes."""
    result = Lanes(table.dtype, SAMPLES * lanes(str(table.dtype)))

    def codegen(context, builder, sig, args):
        i32 = ir.IntType(32)
        rows_type = ir.VectorType(i32, result.width)
        vector_type = context.get_value_type(result)
        pointer = _pointer(context, builder, sig.args[1], args[1], args[2], rows_type)
        rows = builder.load(pointer, align=4)
        scale32 = builder.trunc(args[3], i32)
        offset32 = builder.trunc(args[4], i32)
        flat = builder.add(
            builder.mul(rows, _spread(builder, scale32, rows_type)),
            _spread(builder, offset32, rows_type),
        )
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        if REGISTER_BYTES == 64:
            return _gather_registers(builder, data, flat, vector_type)
        picked = ir.Constant(vector_type, ir.Undefined)
        for k in range(result.width):
            lane = ir.Constant(i32, k)
            element = builder.load(builder.gep(data, [builder.extract_element(flat, lane)]))
            picked = builder.insert_element(picked, element, lane)
        return picked

    sig = result(table, indices, types.intp, types.intp, types.intp)
    return sig, codegen


def _gather_registers(builder, data, flat, vector_type):
    """The processor's own gather, a register at a time."""
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
    return _joined(
        builder,
        [
            builder.call(function, [zeros, data, row, every, ir.Constant(i32, size)])
            for row in _rows(builder, flat, width)
        ],
    )


def _mask_of(indices):
    return ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), list(indices))


@intrinsic
def across_samples(typing_context, value):
    """The same lanes for each of the SAMPLES samples of a block."""
    wide = Lanes(value.dtype, value.width * SAMPLES)

    def codegen(context, builder, sig, args):
        mask = _mask_of(list(range(value.width)) * SAMPLES)
        return builder.shuffle_vector(args[0], args[0], mask)

    return wide(value), codegen


def _rows(builder, value, width):
    return [
        builder.shuffle_vector(value, value, _mask_of(range(row * width, (row + 1) * width)))
        for row in range(SAMPLES)
    ]


@intrinsic
def sum_samples(typing_context, total, value):
    """total + the sum of value over the SAMPLES samples of a block."""

    def codegen(context, builder, sig, args):
        result = args[0]
        for row in _rows(builder, args[1], total.width):
            result = builder.fadd(result, row)
        return result

    return total(total, value), codegen


@intrinsic
def add_products(typing_context, total, left, right):
    """total + sum over the SAMPLES samples of left * right, one fused step a sample."""

    def codegen(context, builder, sig, args):
        result = args[0]
        for x, y in zip(_rows(builder, args[1], total.width),
                        _rows(builder, args[2], total.width), strict=True):
            result = _call(builder, "llvm.fmuladd", result.type, [x, y, result])
        return result

    return total(total, left, right), codegen


def _call(builder, name, vector_type, values):
    function_type = ir.FunctionType(vector_type, [v.type for v in values])
    element = {ir.FloatType: "f32", ir.DoubleType: "f64"}[type(vector_type.element)]
    full_name = f"{name}.v{vector_type.count}{element}"
    function = builder.module.globals.get(full_name)
    if function is None:
        function = ir.Function(builder.module, function_type, name=full_name)
    return builder.call(function, values)


def _elementwise(name, *args):
    common = _common(args)

    def codegen(context, builder, sig, values):
        spread = [
            _as_lanes(context, builder, value, kind, common)
            for value, kind in zip(values, sig.args, strict=True)
        ]
        return _call(builder, name, context.get_value_type(common), spread)

    return common(*args), codegen


@intrinsic
def fma(typing_context, x, y, z):
    """x * y + z, fused where the processor can."""
    return _elementwise("llvm.fmuladd", x, y, z)


@intrinsic
def magnitude(typing_context, x):
    """Elementwise absolute value."""
    return _elementwise("llvm.fabs", x)


@intrinsic
def square_root(typing_context, x):
    """Elementwise square root."""
    return _elementwise("llvm.sqrt", x)


@intrinsic
def nearest_integer(typing_context, x):
    """Elementwise rounding, halves to even."""
    return _elementwise("llvm.rint", x)


@intrinsic
def where(typing_context, mask, x, y):
    """Elementwise choice: x where the mask holds, else y (either may be a scalar)."""
    common = _common((x, y))

    def codegen(context, builder, sig, args):
        chosen = _as_lanes(context, builder, args[1], sig.args[1], common)
        other = _as_lanes(context, builder, args[2], sig.args[2], common)
        return builder.select(args[0], chosen, other)

    return common(mask, x, y), codegen


@intrinsic
def quick_divide(typing_context, x, y):
    """x / y for finite y; in float32 a reciprocal estimate and one Newton step, good to 2 ulp.

    A 512-bit division takes 16 cycles, this a fifth of it, and tanh is half of the training time.
    """
    width = lanes(str(x.dtype))
    estimated = x.dtype == types.float32 and REGISTER_BYTES == 64

    def codegen(context, builder, sig, args):
        if not estimated:
            return builder.fdiv(*args)
        register = ir.VectorType(ir.FloatType(), width)
        rows = 1 if x.width == width else SAMPLES
        split = [[v] if rows == 1 else _rows(builder, v, width) for v in args]
        quotients = []
        for numerator, denominator in zip(*split, strict=True):
            guess = _reciprocal_estimate(builder, denominator, register)
            two = ir.Constant(register, [2.0] * width)
            error = _call(
                builder, "llvm.fmuladd", register, [builder.fneg(denominator), guess, two]
            )
            quotients.append(builder.fmul(numerator, builder.fmul(guess, error)))
        return _joined(builder, quotients)

    return x(x, y), codegen


def _reciprocal_estimate(builder, value, register):
    mask_type = ir.IntType(value.type.count)
    name = "llvm.x86.avx512.rcp14.ps.512"
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(register, [register, register, mask_type]), name=name
    )
    everywhere = ir.Constant(mask_type, -1)
    return builder.call(function, [value, ir.Constant(register, None), everywhere])


def _joined(builder, rows):
    while len(rows) > 1:
        count = rows[0].type.count
        rows = [
            builder.shuffle_vector(rows[k], rows[k + 1], _mask_of(range(2 * count)))
            for k in range(0, len(rows), 2)
        ]
    return rows[0]


def _layout(dtype):
    """(bits, mantissa bits, exponent bias) of an IEEE float."""
    return (32, 23, 127) if dtype == types.float32 else (64, 52, 1023)


@intrinsic
def power_of_two(typing_context, k):
    """2**k for whole k within the range of normal numbers."""

    def codegen(context, builder, sig, args):
        bits, mantissa, bias = _layout(k.dtype)
        whole_type = ir.VectorType(ir.IntType(bits), k.width)
        whole = builder.fptosi(args[0], whole_type)
        biased = builder.add(whole, _spread(builder, ir.Constant(ir.IntType(bits), bias),
                                            whole_type))
        shift = _spread(builder, ir.Constant(ir.IntType(bits), mantissa), whole_type)
        return builder.bitcast(builder.shl(biased, shift), args[0].type)

    return k(k), codegen


@intrinsic
def exponent(typing_context, x):
    """The k of x = m 2**k with 1 <= m < 2, for positive normal x."""

    def codegen(context, builder, sig, args):
        bits, mantissa, bias = _layout(x.dtype)
        whole_type = ir.VectorType(ir.IntType(bits), x.width)
        whole = builder.bitcast(args[0], whole_type)
        shift = _spread(builder, ir.Constant(ir.IntType(bits), mantissa), whole_type)
        biased = builder.lshr(whole, shift)
        k = builder.sub(biased, _spread(builder, ir.Constant(ir.IntType(bits), bias), whole_type))
        return builder.sitofp(k, args[0].type)

    return x(x), codegen


@intrinsic
def any_lane(typing_context, mask):
    """Whether the mask holds in any lane."""

    def codegen(context, builder, sig, args):
        bits = builder.bitcast(args[0], ir.IntType(mask.width))
        found = builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(mask.width), 0))
        return context.cast(builder, found, types.boolean, types.boolean)

    return types.boolean(mask), codegen


@intrinsic
def is_nan(typing_context, x):
    """Mask of lanes that are not a number."""
    mask = Lanes(types.boolean, x.width)

    def codegen(context, builder, sig, args):
        return builder.fcmp_unordered("uno", args[0], args[0])

    return mask(x), codegen


def horner(single, double):
    """Return an intrinsic that evaluates a polynomial, lowest power first, by dtype."""

    @intrinsic
    def polynomial(typing_context, x):
        chosen = single if x.dtype == types.float32 else double

        def codegen(context, builder, sig, args):
            vector_type = args[0].type
            constants = [ir.Constant(vector_type, [float(c)] * x.width) for c in chosen]
            result = constants[-1]
            for constant in reversed(constants[:-1]):
                result = _call(builder, "llvm.fmuladd", vector_type, [result, args[0], constant])
            return result

        return x(x), codegen

    return polynomial


def by_dtype(single, double):
    """Return an intrinsic that spreads one of two constants over lanes like its argument's."""

    @intrinsic
    def constant(typing_context, like):
        value = float(single if like.dtype == types.float32 else double)

        def codegen(context, builder, sig, args):
            return ir.Constant(args[0].type, [value] * like.width)

        return like(like), codegen

    return constant
