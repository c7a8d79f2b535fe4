"""SIMD vectors as numbers: one lane per replica, so that kernels read like scalar mathematics.

A numba array of shape ``(n * lanes(dtype),)`` holds n quantities of ``lanes(dtype)`` replicas side
by side. ``load`` reads one quantity of all replicas into a register, ``load_block`` one quantity
of ``SAMPLES`` samples of all replicas into ``SAMPLES`` registers; arithmetic on either is
elementwise, so no replica can ever depend on another. Compilers do not
vectorise such code reliably; here it is written in LLVM vector types.
"""

from typing import Any

import numba.extending
from llvmlite import ir
from numba.core import types

from sgdphys.simd.vectors import (
    REGISTER_BYTES,
    SAMPLES,
    Lanes,
    as_lanes,
    call_elementwise,
    common_type,
    float_layout,
    gather_registers,
    joined,
    lanes,
    mask_of,
    reciprocal_estimate,
    rows_of,
    spread,
    transposed,
)

COLUMNS = 4
"""Columns that ``store_columns`` writes at a time."""

intrinsic: Any = numba.extending.intrinsic  # numba's stubs leave the typing context in


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
    """Write a vector of either width to array[index:]."""

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
            builder.mul(rows, spread(builder, scale32, rows_type)),
            spread(builder, offset32, rows_type),
        )
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        if REGISTER_BYTES == 64:
            return gather_registers(builder, data, flat, vector_type)
        picked = ir.Constant(vector_type, ir.Undefined)
        for k in range(result.width):
            lane = ir.Constant(i32, k)
            element = builder.load(builder.gep(data, [builder.extract_element(flat, lane)]))
            picked = builder.insert_element(picked, element, lane)
        return picked

    sig = result(table, indices, types.intp, types.intp, types.intp)
    return sig, codegen


@intrinsic
def store_columns(typing_context, table, rows, scale, offset, out, index):
    """Write four neighbouring columns of rows of a table, over SAMPLES rows of lanes each.

    Column c of out[index:] receives table[rows[k] * scale + offset + c], as four calls of
    ``gather`` would: a row is loaded at once, and registers are transposed.
    """
    width = lanes(str(table.dtype))

    def codegen(context, builder, sig, args):
        i64 = ir.IntType(64)
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        places = context.make_array(sig.args[1])(context, builder, args[1]).data
        group = ir.VectorType(context.get_value_type(table.dtype), COLUMNS)
        align = table.dtype.bitwidth // 8
        columns: list[list[Any]] = [[] for _ in range(COLUMNS)]
        for sample in range(SAMPLES):
            loaded = []
            for lane in range(width):
                place = ir.Constant(i64, sample * width + lane)
                row = builder.sext(builder.load(builder.gep(places, [place])), i64)
                first = builder.add(builder.mul(row, args[2]), args[3])
                pointer = builder.bitcast(builder.gep(data, [first]), group.as_pointer())
                loaded.append(builder.load(pointer, align=align))
            for column, register in zip(columns, transposed(builder, loaded), strict=True):
                column.append(register)
        block = SAMPLES * width
        for k, registers in enumerate(columns):
            value = joined(builder, registers)
            start = builder.add(args[5], ir.Constant(i64, k * block))
            pointer = _pointer(context, builder, sig.args[4], args[4], start, value.type)
            builder.store(value, pointer, align=align)
        return context.get_dummy_value()

    return types.void(table, rows, types.intp, types.intp, out, types.intp), codegen


@intrinsic
def across_samples(typing_context, value):
    """The same lanes for each of the SAMPLES samples of a block."""
    wide = Lanes(value.dtype, value.width * SAMPLES)

    def codegen(context, builder, sig, args):
        mask = mask_of(list(range(value.width)) * SAMPLES)
        return builder.shuffle_vector(args[0], args[0], mask)

    return wide(value), codegen


@intrinsic
def sum_samples(typing_context, total, value):
    """Add to total the sum of value over the SAMPLES samples of a block."""

    def codegen(context, builder, sig, args):
        result = args[0]
        for row in rows_of(builder, args[1], total.width):
            result = builder.fadd(result, row)
        return result

    return total(total, value), codegen


@intrinsic
def add_products(typing_context, total, left, right):
    """Add to total the sum over the SAMPLES samples of left * right, one fused step per sample."""

    def codegen(context, builder, sig, args):
        result = args[0]
        for x, y in zip(
            rows_of(builder, args[1], total.width),
            rows_of(builder, args[2], total.width),
            strict=True,
        ):
            result = call_elementwise(builder, "llvm.fmuladd", result.type, [x, y, result])
        return result

    return total(total, left, right), codegen


def _elementwise(name, *args):
    common = common_type(args)

    def codegen(context, builder, sig, values):
        spread = [
            as_lanes(context, builder, value, kind, common)
            for value, kind in zip(values, sig.args, strict=True)
        ]
        return call_elementwise(builder, name, context.get_value_type(common), spread)

    return common(*args), codegen


@intrinsic
def fma(typing_context, x, y, z):
    """Fused multiply-add x * y + z, where the processor has it."""
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
    """Elementwise choice: x where the mask holds, otherwise y (either may be a scalar)."""
    common = common_type((x, y))

    def codegen(context, builder, sig, args):
        chosen = as_lanes(context, builder, args[1], sig.args[1], common)
        other = as_lanes(context, builder, args[2], sig.args[2], common)
        return builder.select(args[0], chosen, other)

    return common(mask, x, y), codegen


@intrinsic
def quick_divide(typing_context, x, y):
    """Quotient x / y for finite y; in float32 a reciprocal estimate and a Newton step, to 2 ulp.

    A 512-bit division takes 16 cycles, this a fifth of it, and tanh is half of the training time.
    """
    width = lanes(str(x.dtype))
    estimated = x.dtype == types.float32 and REGISTER_BYTES == 64

    def codegen(context, builder, sig, args):
        if not estimated:
            return builder.fdiv(*args)
        register = ir.VectorType(ir.FloatType(), width)
        rows = 1 if x.width == width else SAMPLES
        split = [[v] if rows == 1 else rows_of(builder, v, width) for v in args]
        quotients = []
        for numerator, denominator in zip(*split, strict=True):
            guess = reciprocal_estimate(builder, denominator, register)
            two = ir.Constant(register, [2.0] * width)
            error = call_elementwise(
                builder, "llvm.fmuladd", register, [builder.fneg(denominator), guess, two]
            )
            quotients.append(builder.fmul(numerator, builder.fmul(guess, error)))
        return joined(builder, quotients)

    return x(x, y), codegen


@intrinsic
def power_of_two(typing_context, k):
    """2**k for whole k within the range of normal numbers."""

    def codegen(context, builder, sig, args):
        bits, mantissa, bias = float_layout(k.dtype)
        whole_type = ir.VectorType(ir.IntType(bits), k.width)
        whole = builder.fptosi(args[0], whole_type)
        biased = builder.add(
            whole, spread(builder, ir.Constant(ir.IntType(bits), bias), whole_type)
        )
        shift = spread(builder, ir.Constant(ir.IntType(bits), mantissa), whole_type)
        return builder.bitcast(builder.shl(biased, shift), args[0].type)

    return k(k), codegen


@intrinsic
def exponent(typing_context, x):
    """Exponent k of x = m 2**k with 1 <= m < 2, for positive normal x."""

    def codegen(context, builder, sig, args):
        bits, mantissa, bias = float_layout(x.dtype)
        whole_type = ir.VectorType(ir.IntType(bits), x.width)
        whole = builder.bitcast(args[0], whole_type)
        shift = spread(builder, ir.Constant(ir.IntType(bits), mantissa), whole_type)
        biased = builder.lshr(whole, shift)
        k = builder.sub(biased, spread(builder, ir.Constant(ir.IntType(bits), bias), whole_type))
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
                result = call_elementwise(
                    builder, "llvm.fmuladd", vector_type, [result, args[0], constant]
                )
            return result

        return x(x), codegen

    return polynomial


def by_dtype(single, double):
    """Return an intrinsic that broadcasts one of two constants to a vector like its argument."""

    @intrinsic
    def constant(typing_context, like):
        value = float(single if like.dtype == types.float32 else double)

        def codegen(context, builder, sig, args):
            return ir.Constant(args[0].type, [value] * like.width)

        return like(like), codegen

    return constant
