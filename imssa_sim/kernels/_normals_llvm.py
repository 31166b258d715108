"""Numba intrinsics of random words and their normals, written from ``_recipes``; see ``ops``."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from imssa_sim.kernels._memory_llvm import address, is_flat, loaded_from
from imssa_sim.kernels._normal_table import TABLE
from imssa_sim.kernels._recipes import (
    both_inverses,
    inverse_normal,
    run,
    run_in_turn,
    threefry2x32,
)
from imssa_sim.kernels._vectors_llvm import (
    LANES,
    Vector,
    abreast,
    call,
    cut,
    has,
    instruction,
    same_lanes,
    widened,
)

_INT, _FLOAT = ir.IntType(32), ir.FloatType()


def _shaped(kind: ir.Type, like: ir.Type) -> ir.Type:
    """As many lanes of a type."""
    return ir.VectorType(kind, like.count) if isinstance(like, ir.VectorType) else kind


class _Writer:
    """The operations of a recipe as instructions on values of one shape."""

    def __init__(self, context: Any, builder: Any, shape: ir.Type) -> None:
        self.builder = builder
        self.shape = shape
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

    def coefficient(self, power: int, octave: ir.Value) -> ir.Value:
        """Entries of a column of the table: from two registers, or from memory lane by lane."""
        builder, rows = self.builder, len(TABLE)
        columns = ir.ArrayType(_FLOAT, TABLE.size)
        values = ir.Constant(columns, [float(v) for v in TABLE.T.ravel()])
        table = cgutils.global_constant(builder, "coefficients", values)
        table.align = 64

        def place(row: ir.Value) -> ir.Value:
            at = builder.add(ir.Constant(_INT, power * rows), row)
            return builder.gep(table, [ir.Constant(_INT, 0), at], inbounds=True)

        if self.wide:
            halves = [
                loaded_from(builder, place(ir.Constant(_INT, first)), _FLOAT, 64)
                for first in (0, LANES)
            ]
            name = "llvm.x86.avx512.vpermi2var.ps.512"
            found = [
                instruction(builder, name, halves[0].type, halves[0], piece, halves[1])
                for piece in cut(builder, octave, LANES)
            ]
            return abreast(builder, found)
        last = ir.Constant(_INT, rows - 1)
        if not isinstance(octave.type, ir.VectorType):
            return builder.load(place(builder.and_(octave, last)))
        result = ir.Constant(_shaped(_FLOAT, octave.type), ir.Undefined)
        for lane in range(octave.type.count):
            at = ir.Constant(_INT, lane)
            row = builder.and_(builder.extract_element(octave, at), last)
            result = builder.insert_element(result, builder.load(place(row)), at)
        return result

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
            return context.make_tuple(builder, signature.return_type, words)

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
        return context.make_tuple(builder, signature.return_type, words)

    arguments = (word0, word1, out, key0, key1, counter0, counter1)
    return types.UniTuple(kind, 2)(*arguments), codegen
