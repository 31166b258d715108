"""The two products of a noisy read in one loop, the second by Winograd's inner product.

A sum of products takes half as many multiplications as it has terms,

    sum_i u_i v_i = sum_(a,b) (u_a + v_b) (u_b + v_a) - sum_(a,b) u_a u_b - sum_(a,b) v_a v_b

over pairs (a, b) of rows (S. Winograd, "A new algorithm for inner product", IEEE Trans. Comput.
C-17, 693, 1968): the second sum is the same for all columns, the third for all samples. The
additions go to units that the multiply-adds of the other product leave idle. In integers modulo
2**32 all of this is exact.
"""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from imssa_sim.compiled import private
from imssa_sim.compiled.private import value_type
from imssa_sim.kernels._memory_llvm import INT64, at, loaded_from, put
from imssa_sim.kernels._products_llvm import multiply_pairs, summed
from imssa_sim.kernels._vectors_llvm import LANES, call, widened


def _vectors(builder: Any, base: ir.Value, count: int) -> list[ir.Value]:
    kind, align = base.type.pointee, 8 if base.type.pointee == ir.DoubleType() else 4
    places = [at(builder, base, n * LANES) for n in range(count)]
    return [loaded_from(builder, place, kind, align) for place in places]


def _everywhere(builder: Any, base: ir.Value, place: int) -> ir.Value:
    return widened(builder, builder.load(at(builder, base, place)))


def _plus(builder: Any, a: ir.Value, b: ir.Value) -> ir.Value:
    """Sums of int16, two to a number."""
    words = ir.VectorType(ir.IntType(16), 2 * LANES)
    total = builder.add(builder.bitcast(a, words), builder.bitcast(b, words))
    return builder.bitcast(total, a.type)


def make_winograd_products(columns: int, vectors: int) -> Any:
    """Sums and noise of ``vectors`` of samples in ``columns`` columns, in one pass over n rows.

    With W = 16 ``vectors`` samples,

    ``products(x, w, u, v, pitch, n, j, start, common, unit, extra, flat, squares, sums,
    deviations)`` writes, for c in j … j + columns - 1 and s < W::

        sums[W*c + s] = sum_{i<n} x[W*i + s] * w[i*pitch + c]
        total[c, s] = start[c] + common[s]
            + sum_{k<n/4} (u0 + v2) * (u2 + v0) + (u1 + v3) * (u3 + v1)
        deviations[W*c + s] = sqrt(max(0, unit[c] * total[c, s] + extra[c] + flat[c] * squares[s]))

    the first as in ``make_product``, the second in int16 and modulo 2**32, n/4 rounded up, where
    u0 and u1 are the lower and the upper half of ``u[2*W*k + s]``, u2 and u3 those of
    ``u[2*W*k + W + s]``, v0 and v1 of ``v[2*k*pitch + c]``, v2 and v3 of
    ``v[(2*k + 1)*pitch + c]``. No sum in brackets may leave 16 bits.
    """
    width = vectors * LANES

    @intrinsic
    def products(  # type: ignore[no-untyped-def]
        typingctx,
        x,
        w,
        u,
        v,
        pitch,
        n,
        j,
        start,
        common,
        unit,
        extra,
        flat,
        squares,
        sums,
        deviations,
    ):
        whole, count = types.intp, columns * vectors

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a_x, a_w, a_u, a_v, a_pitch, a_n, a_j, a_start, a_common, *given = args
            a_unit, a_extra, a_flat, a_squares, a_sums, a_deviations = given
            w_j, v_j, start_j, *parts = (
                at(builder, base, a_j) for base in (a_w, a_v, a_start, a_unit, a_extra, a_flat)
            )

            def times(a: ir.Value, b: int) -> ir.Value:
                return builder.mul(a, ir.Constant(INT64, b))

            def row(i: ir.Value, so_far: list[ir.Value]) -> list[ir.Value]:
                """The sums after row i."""
                codes = _vectors(builder, at(builder, a_x, times(i, width)), vectors)
                weights = at(builder, w_j, builder.mul(i, a_pitch))
                wide = [_everywhere(builder, weights, c) for c in range(columns)]
                factors = [(weight, code) for weight in wide for code in codes]
                pairs = zip(factors, so_far, strict=True)
                return [call(builder, "llvm.fma", *pair, value) for pair, value in pairs]

            def four(k: ir.Value, c: int, so_far: list[ir.Value]) -> list[ir.Value]:
                """The totals of a column after the rows 4 k … 4 k + 3."""
                squares = _vectors(builder, at(builder, a_u, times(k, 2 * width)), 2 * vectors)
                lower = at(builder, v_j, builder.mul(times(k, 2), a_pitch))
                ahead = _everywhere(builder, lower, c)
                behind = _everywhere(builder, at(builder, lower, a_pitch), c)
                new = []
                for s in range(vectors):
                    a = _plus(builder, squares[s], behind)
                    b = _plus(builder, squares[vectors + s], ahead)
                    total = so_far[c * vectors + s]
                    new.append(multiply_pairs(context, builder, a, b, total))
                return new

            def four_rows(k: ir.Value, so_far: list[ir.Value]) -> list[ir.Value]:
                products, totals, new = so_far[:count], so_far[count:], []
                for r in range(4):  # columns of the second product between rows of the first
                    for c in range(r * columns // 4, (r + 1) * columns // 4):
                        new += four(k, c, totals)
                    i = builder.add(times(k, 4), ir.Constant(INT64, r))
                    products = row(i, products)
                return products + new

            def last_four(k: ir.Value, so_far: list[ir.Value]) -> list[ir.Value]:
                return [value for c in range(columns) for value in four(k, c, so_far)]

            element = value_type(context, x.dtype)
            nothing = ir.Constant(ir.VectorType(element, LANES), [0.0] * LANES)
            everyone = _vectors(builder, a_common, vectors)
            begun = [
                builder.add(_everywhere(builder, start_j, c), value)
                for c in range(columns)
                for value in everyone
            ]
            two, three = (ir.Constant(INT64, k) for k in (2, 3))
            fours, ends = builder.ashr(a_n, two), builder.ashr(builder.add(a_n, three), two)
            found = summed(
                builder, ir.Constant(INT64, 0), fours, [nothing] * count + begun, four_rows
            )
            totals = summed(builder, fours, ends, found[count:], last_four)
            products = summed(builder, times(fours, 4), a_n, found[:count], row)

            begin, align = times(a_j, width), x.dtype.bitwidth // 8
            sums_j, deviations_j = (at(builder, base, begin) for base in (a_sums, a_deviations))
            all_squares = _vectors(builder, a_squares, vectors)
            for c in range(columns):
                scale, offset, shared = (_everywhere(builder, base, c) for base in parts)
                for k in range(c * vectors, (c + 1) * vectors):
                    total = builder.sitofp(totals[k], nothing.type)
                    var = call(builder, "llvm.fma", scale, total, offset)
                    var = call(builder, "llvm.fma", shared, all_squares[k % vectors], var)
                    above = builder.fcmp_ordered(">", var, nothing)
                    root = call(builder, "llvm.sqrt", builder.select(above, var, nothing))
                    put(builder, at(builder, sums_j, k * LANES), products[k], align)
                    put(builder, at(builder, deviations_j, k * LANES), root, align)
            return private.nothing(context)

        given = (start, common, unit, extra, flat, squares, sums, deviations)
        return types.void(x, w, u, v, whole, whole, whole, *given), codegen

    return products
