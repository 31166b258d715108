"""Numba intrinsics of random words and their normals, written from ``_recipes``; see ``ops``."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from imssa_sim.compiled.private import has, in_memory, to_tuple
from imssa_sim.kernels._memory_llvm import address, is_flat, loaded_from
from imssa_sim.kernels._vectors_llvm import (
    LANES,
    Vector,
    abreast,
    call,
    cut,
    instruction,
    int32s,
    same_lanes,
    widened,
)
from imssa_sim.kernels.read_noise._normal_table import TABLE
from imssa_sim.kernels.read_noise._recipes import (
    POWERS,
    both_inverses,
    inverse_normal,
    run,
    run_in_turn,
    threefry2x32,
)

_INT, _FLOAT = ir.IntType(32), ir.FloatType()
ROW = 8  # floats of a row of the table in memory


def _shaped(kind: ir.Type, like: ir.Type) -> ir.Type:
    """As many lanes of a type."""
    return ir.VectorType(kind, like.count) if isinstance(like, ir.VectorType) else kind


def _constant(builder: Any, name: str, values: NDArray[np.float32]) -> ir.Value:
    """Numbers in memory."""
    kind = ir.ArrayType(_FLOAT, values.size)
    flat = ir.Constant(kind, [float(v) for v in values.ravel()])
    return in_memory(builder, name, flat, 64)


def _at(builder: Any, table: ir.Value, index: Any) -> ir.Value:
    at = index if isinstance(index, ir.Value) else ir.Constant(_INT, index)
    return builder.gep(table, [ir.Constant(_INT, 0), at], inbounds=True)


def _turned_over(builder: Any, rows: list[ir.Value]) -> list[ir.Value]:
    """Columns of 8 rows of 8, by exchanging ever larger pieces of two of them."""

    def mix(a: ir.Value, b: ir.Value, *places: int) -> ir.Value:
        return builder.shuffle_vector(a, b, int32s(*places))

    halves = []
    for k in (0, 4):
        low, high = [
            [mix(rows[k + i], rows[k + i + 1], *places) for i in (0, 2)]
            for places in ((0, 8, 1, 9, 4, 12, 5, 13), (2, 10, 3, 11, 6, 14, 7, 15))
        ]
        even, odd = (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)
        halves.append([mix(*pair, *places) for pair in (low, high) for places in (even, odd)])
    return [
        mix(upper, lower, *range(k, k + 4), *range(k + 8, k + 12))
        for k in (0, 4)
        for upper, lower in zip(*halves, strict=True)
    ]


class _Writer:
    """The operations of a recipe as instructions on values of one shape."""

    def __init__(self, context: Any, builder: Any, shape: ir.Type) -> None:
        self.builder = builder
        self.shape = shape
        self.found: tuple[Any, list[ir.Value]] = None, []  # columns at the last octaves
        self.wide = isinstance(shape, ir.VectorType) and has(context, "avx512f")
        self.integer = self.word = lambda n: self._equal(_INT, n)
        self.single = lambda x: self._equal(_FLOAT, x)
        self.xor, self.both, self.either = builder.xor, builder.and_, builder.or_
        self.shift_right = lambda x, n: builder.lshr(x, self._equal(_INT, n))
        self.rotate_left = lambda x, n: call(builder, "llvm.fshl", x, x, self._equal(_INT, n))
        self.smaller = lambda x, y: builder.select(builder.icmp_signed("<", x, y), x, y)
        self.fma = lambda x, y, z: call(builder, "llvm.fma", x, y, z)
        self.to_float = lambda x: builder.sitofp(x, _shaped(_FLOAT, shape))
        self.bits_of = lambda x: builder.bitcast(x, _shaped(_INT, shape))
        self.float_of = lambda x: builder.bitcast(x, _shaped(_FLOAT, shape))

    def _equal(self, kind: ir.Type, value: float) -> ir.Constant:
        if isinstance(self.shape, ir.VectorType):
            return ir.Constant(_shaped(kind, self.shape), [value] * self.shape.count)
        return ir.Constant(kind, value)

    def add(self, x: ir.Value, y: ir.Value) -> ir.Value:
        integer = x.type in (_INT, _shaped(_INT, self.shape))
        return self.builder.add(x, y) if integer else self.builder.fadd(x, y)

    @cached_property
    def table(self) -> ir.Value:
        """The coefficients in memory: by columns for registers, else by rows of 8."""
        by_rows = np.pad(TABLE, ((0, 0), (0, ROW - POWERS)))
        return _constant(self.builder, "coefficients", TABLE.T if self.wide else by_rows)

    def coefficient(self, power: int, octave: ir.Value) -> ir.Value:
        """Entries of a column of the table."""
        if self.wide:
            return self._from_registers(power, octave)
        if self.found[0] is not octave:
            self.found = octave, self._from_memory(octave)
        return self.found[1][power]

    def _from_registers(self, power: int, octave: ir.Value) -> ir.Value:
        """A column of 32 entries fits two registers, of which one instruction picks 16."""
        builder, column = self.builder, power * len(TABLE)
        halves = [
            loaded_from(builder, _at(builder, self.table, column + first), _FLOAT, 64)
            for first in (0, LANES)
        ]
        name = "llvm.x86.avx512.vpermi2var.ps.512"
        found = [
            instruction(builder, name, halves[0].type, halves[0], piece, halves[1])
            for piece in cut(builder, octave, LANES)
        ]
        return abreast(builder, found)

    def _from_memory(self, octave: ir.Value) -> list[ir.Value]:
        """All columns: one row for each lane, 8 rows turned over at a time."""
        builder = self.builder

        def row(lane: ir.Value) -> ir.Value:
            inside = builder.and_(lane, ir.Constant(_INT, len(TABLE) - 1))
            start = _at(builder, self.table, builder.mul(inside, ir.Constant(_INT, ROW)))
            return loaded_from(builder, start, _FLOAT, 4 * ROW, ROW)

        if not isinstance(octave.type, ir.VectorType):
            found = row(octave)
            return [builder.extract_element(found, ir.Constant(_INT, k)) for k in range(POWERS)]
        columns = []
        for first in range(0, octave.type.count, ROW):
            lanes = [ir.Constant(_INT, first + k) for k in range(ROW)]
            rows = [row(builder.extract_element(octave, lane)) for lane in lanes]
            columns.append(_turned_over(builder, rows))
        return [abreast(builder, list(pieces)) for pieces in zip(*columns, strict=True)]

    def tie(self, x: ir.Value, y: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The same values, of which neither is used before both are there.

        An empty piece of assembly code that takes and gives all their registers: without it the
        compiler would sort the instructions of the two recipes apart again.
        """
        if not self.wide:
            return x, y
        parts = [cut(self.builder, v, LANES) for v in (x, y)]
        values = parts[0] + parts[1]
        kinds = [v.type for v in values]
        kind = ir.FunctionType(ir.LiteralStructType(kinds), kinds)
        places = ["=v"] * len(values) + [str(k) for k in range(len(values))]
        nothing = ir.InlineAsm(kind, "", ",".join(places), side_effect=True)
        given = self.builder.call(nothing, values)
        tied = [self.builder.extract_value(given, k) for k in range(len(values))]
        half = len(parts[0])
        return abreast(self.builder, tied[:half]), abreast(self.builder, tied[half:])


def _shape_of(*operands: types.Type) -> types.Type:
    """The vector type among the operands, else uint32."""
    vectors = [o for o in operands if isinstance(o, Vector)]
    return vectors[0] if vectors else types.uint32


def _spread(builder: Any, kind: types.Type, *values: ir.Value) -> list[ir.Value]:
    lanes = kind.lanes if isinstance(kind, Vector) else 0
    return [widened(builder, v, lanes) if lanes else v for v in values]


def _threefry(rounds: int) -> Any:
    @intrinsic
    def operation(typingctx, key0, key1, counter0, counter1):  # type: ignore[no-untyped-def]
        kind = _shape_of(key0, key1, counter0, counter1)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            values = _spread(builder, kind, *args)
            writer = _Writer(context, builder, values[0].type)
            words = run(threefry2x32(writer, rounds, *values))
            return to_tuple(context, builder, signature.return_type, words)

        return types.UniTuple(kind, 2)(key0, key1, counter0, counter1), codegen

    return operation


threefry2x32_13, threefry2x32_20 = _threefry(13), _threefry(20)


@intrinsic
def normal_from_bits(typingctx, words):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return run(inverse_normal(_Writer(context, builder, args[0].type), args[0]))

    return same_lanes(words, types.float32)(words), codegen


@intrinsic
def normals_and_words(typingctx, word0, word1, out, key0, key1, counter0, counter1):  # type: ignore[no-untyped-def]
    if not is_flat(out) or out.dtype != types.float32:
        return None
    kind = word0

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        first, second, memory, *rest = args
        writer = _Writer(context, builder, first.type)

        def give(k: int, normals: ir.Value) -> None:
            at = ir.Constant(ir.IntType(64), k * kind.lanes)
            place = address(context, builder, out, memory, at)
            builder.store(normals, builder.bitcast(place, normals.type.as_pointer()), align=4)

        words, _ = run_in_turn(
            threefry2x32(writer, 13, *_spread(builder, kind, *rest)),
            both_inverses(writer, first, second, give),
            writer.tie,
        )
        return to_tuple(context, builder, signature.return_type, words)

    arguments = (word0, word1, out, key0, key1, counter0, counter1)
    return types.UniTuple(kind, 2)(*arguments), codegen
