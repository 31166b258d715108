"""Numba intrinsics of products, made to measure; see ``ops``."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from imssa_sim.compiled import private
from imssa_sim.compiled.private import has, value_type
from imssa_sim.kernels._memory_llvm import INT64, address, at, is_flat, loaded_from, put
from imssa_sim.kernels._vectors_llvm import (
    LANES,
    abreast,
    call,
    cut,
    instruction,
    int32s,
    widened,
)


def multiply_pairs(context: Any, builder: Any, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """Per lane of int32: both halves of a times those of b, as int16, added to c."""
    if has(context, "avx512vnni"):
        return instruction(builder, "llvm.x86.avx512.vpdpwssd.512", c.type, c, a, b)
    words = ir.VectorType(ir.IntType(16), 2 * LANES)
    if has(context, "avx512bw"):
        a, b = (builder.bitcast(x, words) for x in (a, b))
        return builder.add(c, instruction(builder, "llvm.x86.avx512.pmaddw.d.512", c.type, a, b))
    if has(context, "avx2"):
        words, sums = (ir.VectorType(ir.IntType(n), LANES // (n // 16)) for n in (16, 32))
        halves = [
            instruction(
                builder, "llvm.x86.avx2.pmadd.wd", sums, *(builder.bitcast(h, words) for h in pair)
            )
            for pair in zip(*(cut(builder, x, LANES // 2) for x in (a, b)), strict=True)
        ]
        return builder.add(c, abreast(builder, halves))
    sixteen = int32s(*[16] * LANES)
    low = [builder.ashr(builder.shl(x, sixteen), sixteen) for x in (a, b)]
    high = [builder.ashr(x, sixteen) for x in (a, b)]
    return builder.add(builder.add(c, builder.mul(*low)), builder.mul(*high))


@intrinsic
def fma_pairs(typingctx, a, b, c):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        wide = [widened(builder, v, c.lanes) for v in args]
        pieces = zip(*(cut(builder, v, LANES) for v in wide), strict=True)
        return abreast(builder, [multiply_pairs(context, builder, *p) for p in pieces])

    return c(a, b, c), codegen


def summed(
    builder: Any,
    first: ir.Value,
    last: ir.Value,
    sums: list[ir.Value],
    step: Callable[[ir.Value, list[ir.Value]], list[ir.Value]],
) -> list[ir.Value]:
    """Write a loop: the sums after ``sums = step(i, sums)`` for i = first … last - 1."""
    before = builder.block
    body, after = builder.append_basic_block("loop"), builder.append_basic_block("summed")
    builder.cbranch(builder.icmp_signed("<", first, last), body, after)

    builder.position_at_end(body)
    index = builder.phi(INT64)
    phis = [builder.phi(value.type) for value in sums]
    new = step(index, phis)
    following = builder.add(index, ir.Constant(INT64, 1))
    for phi, start, value in zip([index, *phis], [first, *sums], [following, *new], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(value, body)
    builder.cbranch(builder.icmp_signed("<", following, last), body, after)

    builder.position_at_end(after)
    final = [builder.phi(value.type) for value in sums]
    for phi, start, value in zip(final, sums, new, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(value, body)
    return final


def make_product(scalars: int, vectors: int) -> Any:
    """A register-blocked product of ``scalars`` x ``vectors`` accumulators.

    ``product(s, s0, si, sc, x, x0, xi, n, out, o0, oc)`` writes, for c < scalars, v < vectors::

        out[o0 + c*oc + 16*v + lane] = sum_{i<n} s[s0 + i*si + c*sc] * x[x0 + i*xi + 16*v + lane]

    summed in the order of i by fused multiply-adds, all sums at once in registers. Where the
    memory is int32, each number of s and x is a pair of int16 and stands for two rows.
    """

    @intrinsic
    def product(typingctx, s, s0, si, sc, x, x0, xi, n, out, o0, oc):  # type: ignore[no-untyped-def]
        if not (is_flat(s) and is_flat(x) and is_flat(out) and s.dtype == x.dtype == out.dtype):
            return None
        whole = types.intp

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a_s, a_s0, a_si, a_sc, a_x, a_x0, a_xi, a_n, a_out, a_o0, a_oc = args
            element = value_type(context, x.dtype)
            align = x.dtype.bitwidth // 8
            pairs = isinstance(x.dtype, types.Integer)
            zero = ir.Constant(ir.VectorType(element, LANES), [0 if pairs else 0.0] * LANES)
            s_data = address(context, builder, s, a_s, a_s0)
            x_data = address(context, builder, x, a_x, a_x0)
            offsets = [builder.mul(a_sc, ir.Constant(INT64, c)) for c in range(scalars)]

            def row(i: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
                s_row = builder.gep(s_data, [builder.mul(i, a_si)], inbounds=True)
                x_row = builder.gep(x_data, [builder.mul(i, a_xi)], inbounds=True)
                found = [
                    loaded_from(builder, at(builder, x_row, v * LANES), element, align)
                    for v in range(vectors)
                ]
                new = []
                for c in range(scalars):
                    number = builder.load(at(builder, s_row, offsets[c]), align=align)
                    wide = widened(builder, number)
                    for v in range(vectors):
                        operands = (wide, found[v], sums[c * vectors + v])
                        new.append(
                            multiply_pairs(context, builder, *operands)
                            if pairs
                            else call(builder, "llvm.fma", *operands)
                        )
                return new

            sums = summed(builder, ir.Constant(INT64, 0), a_n, [zero] * (scalars * vectors), row)
            for c in range(scalars):
                start = builder.add(a_o0, builder.mul(a_oc, ir.Constant(INT64, c)))
                for v in range(vectors):
                    place = builder.add(start, ir.Constant(INT64, v * LANES))
                    target = address(context, builder, out, a_out, place)
                    put(builder, target, sums[c * vectors + v], align)
            return private.nothing(context)

        arguments = (s, whole, whole, whole, x, whole, whole, whole, out, whole, whole)
        return types.void(*arguments), codegen

    return product
