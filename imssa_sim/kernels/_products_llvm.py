"""Numba intrinsics of products, made to measure; see ``ops``."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from imssa_sim.kernels._memory_llvm import address, is_flat, loaded_from
from imssa_sim.kernels._vectors_llvm import (
    LANES,
    abreast,
    call,
    cut,
    has,
    instruction,
    int32s,
    widened,
)


def _multiply_pairs(context: Any, builder: Any, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
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
        return abreast(builder, [_multiply_pairs(context, builder, *p) for p in pieces])

    return c(a, b, c), codegen


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
            element = context.get_value_type(x.dtype)
            align = x.dtype.bitwidth // 8
            pairs = isinstance(x.dtype, types.Integer)
            zero = ir.Constant(ir.VectorType(element, LANES), [0 if pairs else 0.0] * LANES)
            int64 = ir.IntType(64)
            s_data = address(context, builder, s, a_s, a_s0)
            x_data = address(context, builder, x, a_x, a_x0)
            before = builder.block
            body = builder.append_basic_block("rows")
            after = builder.append_basic_block("sums")
            empty = builder.icmp_signed("<=", a_n, ir.Constant(int64, 0))
            offsets = [builder.mul(a_sc, ir.Constant(int64, c)) for c in range(scalars)]
            builder.cbranch(empty, after, body)

            builder.position_at_end(body)
            row = builder.phi(int64)
            row.add_incoming(ir.Constant(int64, 0), before)
            places = scalars * vectors
            sums = [builder.phi(zero.type) for _ in range(places)]
            s_row = builder.gep(s_data, [builder.mul(row, a_si)], inbounds=True)
            x_row = builder.gep(x_data, [builder.mul(row, a_xi)], inbounds=True)
            loaded = []
            for v in range(vectors):
                at = builder.gep(x_row, [ir.Constant(int64, v * LANES)], inbounds=True)
                loaded.append(loaded_from(builder, at, element, align))
            new = []
            for c in range(scalars):
                scalar = builder.load(builder.gep(s_row, [offsets[c]], inbounds=True), align=align)
                wide = widened(builder, scalar)
                for v in range(vectors):
                    operands = (wide, loaded[v], sums[c * vectors + v])
                    new.append(
                        _multiply_pairs(context, builder, *operands)
                        if pairs
                        else call(builder, "llvm.fma", *operands)
                    )
            following = builder.add(row, ir.Constant(int64, 1))
            row.add_incoming(following, body)
            for phi, value in zip(sums, new, strict=True):
                phi.add_incoming(zero, before)
                phi.add_incoming(value, body)
            builder.cbranch(builder.icmp_signed("<", following, a_n), body, after)

            builder.position_at_end(after)
            for place in range(places):
                final = builder.phi(zero.type)
                final.add_incoming(zero, before)
                final.add_incoming(new[place], body)
                new[place] = final
            for c in range(scalars):
                start = builder.add(a_o0, builder.mul(a_oc, ir.Constant(int64, c)))
                for v in range(vectors):
                    at = builder.add(start, ir.Constant(int64, v * LANES))
                    pointer = address(context, builder, out, a_out, at)
                    pointer = builder.bitcast(pointer, zero.type.as_pointer())
                    builder.store(new[c * vectors + v], pointer, align=align)
            return context.get_dummy_value()

        arguments = (s, whole, whole, whole, x, whole, whole, whole, out, whole, whole)
        return types.void(*arguments), codegen

    return product


def make_double_product(vectors: int) -> Any:
    """The product of a row with a matrix, and that of its pairs with another, in one pass.

    ``product(x, w, wi, out, pairs, q, qi, totals, n, o0)`` writes, for v < vectors::

        out[o0 + 16*v + lane] = sum_{i<n} x[i] * w[o0 + i*wi + 16*v + lane]
        totals[o0 + 16*v + lane] = sum_{r<(n+1)/2} pairs[r] * q[o0 + r*qi + 16*v + lane]

    the first as in :func:`make_product`, the second in pairs of int16. A row alone keeps few sums,
    each of which waits for itself; those of the other product fill the gaps.
    """

    @intrinsic
    def product(typingctx, x, w, wi, out, pairs, q, qi, totals, n, o0):  # type: ignore[no-untyped-def]
        whole = types.intp

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a_x, a_w, a_wi, a_out, a_pairs, a_q, a_qi, a_totals, a_n, a_o0 = args
            element, int64 = context.get_value_type(x.dtype), ir.IntType(64)
            align = x.dtype.bitwidth // 8
            one = ir.Constant(int64, 1)
            nothing = [ir.Constant(ir.VectorType(element, LANES), [0.0] * LANES)] * vectors
            nothing += [int32s(*[0] * LANES)] * vectors

            def at(base: ir.Value, place: ir.Value) -> ir.Value:
                return builder.gep(base, [place], inbounds=True)

            def row(i: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
                """The sums after row i of the first product."""
                number = widened(builder, builder.load(at(a_x, i), align=align))
                start = at(a_w, builder.add(a_o0, builder.mul(i, a_wi)))
                return [
                    call(
                        builder, "llvm.fma", number,
                        loaded_from(builder, at(start, _place(v)), element, align), sums[v],
                    )
                    for v in range(vectors)
                ] + sums[vectors:]  # fmt: skip

            def pair(r: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
                """The sums after pair r of the second."""
                number = widened(builder, builder.load(at(a_pairs, r), align=4))
                start = at(a_q, builder.add(a_o0, builder.mul(r, a_qi)))
                found = [
                    loaded_from(builder, at(start, _place(v)), ir.IntType(32), 4)
                    for v in range(vectors)
                ]
                return sums[:vectors] + [
                    _multiply_pairs(context, builder, number, found[v], sums[vectors + v])
                    for v in range(vectors)
                ]

            before = builder.block
            body, after, last, end = (
                builder.append_basic_block(name) for name in ("two_rows", "odd", "last", "sums")
            )
            count = builder.ashr(a_n, one)
            builder.cbranch(builder.icmp_signed("<=", count, ir.Constant(int64, 0)), after, body)

            builder.position_at_end(body)
            r = builder.phi(int64)
            sums = [builder.phi(zero.type) for zero in nothing]
            i = builder.shl(r, one)
            new = pair(r, row(builder.add(i, one), row(i, sums)))
            following = builder.add(r, one)
            r.add_incoming(ir.Constant(int64, 0), before)
            r.add_incoming(following, body)
            for phi, zero, value in zip(sums, nothing, new, strict=True):
                phi.add_incoming(zero, before)
                phi.add_incoming(value, body)
            builder.cbranch(builder.icmp_signed("<", following, count), body, after)

            builder.position_at_end(after)
            even = [builder.phi(zero.type) for zero in nothing]
            for phi, zero, value in zip(even, nothing, new, strict=True):
                phi.add_incoming(zero, before)
                phi.add_incoming(value, body)
            odd = builder.icmp_signed("!=", builder.and_(a_n, one), ir.Constant(int64, 0))
            builder.cbranch(odd, last, end)

            builder.position_at_end(last)
            whole_sums = pair(count, row(builder.sub(a_n, one), even))
            builder.branch(end)

            builder.position_at_end(end)
            final = [builder.phi(zero.type) for zero in nothing]
            for v, phi in enumerate(final):
                phi.add_incoming(even[v], after)
                phi.add_incoming(whole_sums[v], last)
            for v, value in enumerate(final):
                target = at(a_out if v < vectors else a_totals, a_o0)
                place = builder.bitcast(at(target, _place(v % vectors)), value.type.as_pointer())
                builder.store(value, place, align=align)
            return context.get_dummy_value()

        return types.void(x, w, whole, out, pairs, q, whole, totals, whole, whole), codegen

    return product


def _place(vector: int) -> ir.Constant:
    return ir.Constant(ir.IntType(64), vector * LANES)
