"""Numba intrinsics of memory operations on vectors; see ``ops``."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from imssa_sim.compiled import private
from imssa_sim.compiled.private import declared, memory_of, nothing, value_type
from imssa_sim.kernels._vectors_llvm import LANES, SUFFIX, Vector, widened

INT64 = ir.IntType(64)


def address(context: Any, builder: Any, ty: types.Type, memory: Any, at: ir.Value) -> ir.Value:
    if isinstance(ty, types.Array):
        memory = memory_of(context, builder, ty, memory)
    return builder.gep(memory, [at], inbounds=True)


def at(builder: Any, base: ir.Value, place: ir.Value | int) -> ir.Value:
    """The pointer ``place`` elements behind ``base``."""
    place = ir.Constant(INT64, place) if isinstance(place, int) else place
    return builder.gep(base, [place], inbounds=True)


def put(builder: Any, pointer: ir.Value, value: ir.Value, align: int) -> None:
    """Store a vector."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=align)


def loaded_from(
    builder: Any, pointer: ir.Value, element: ir.Type, align: int, lanes: int = LANES
) -> ir.Value:
    kind = ir.VectorType(element, lanes)
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=align)


def is_flat(memory: types.Type) -> bool:
    if isinstance(memory, types.Array):
        return memory.ndim == 1 and memory.layout == "C"
    return isinstance(memory, types.CPointer)


@intrinsic
def pointer(typingctx, memory, at):  # type: ignore[no-untyped-def]
    if not is_flat(memory):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return address(context, builder, memory, *args)

    return types.CPointer(memory.dtype)(memory, types.intp), codegen


def _loader(lanes: int) -> Any:
    @intrinsic
    def operation(typingctx, array, at):  # type: ignore[no-untyped-def]
        if not is_flat(array):
            return None

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            pointer = address(context, builder, array, args[0], args[1])
            element = value_type(context, array.dtype)
            return loaded_from(builder, pointer, element, array.dtype.bitwidth // 8, lanes)

        return Vector(array.dtype, lanes)(array, types.intp), codegen

    return operation


load, load_twice, load_four = (_loader(n * LANES) for n in (1, 2, 4))


@intrinsic
def store(typingctx, array, at, a):  # type: ignore[no-untyped-def]
    if not is_flat(array) or not isinstance(a, Vector) or a.element != array.dtype:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = address(context, builder, array, args[0], args[1])
        pointer = builder.bitcast(pointer, args[2].type.as_pointer())
        builder.store(args[2], pointer, align=array.dtype.bitwidth // 8)
        return nothing(context)

    return types.void(array, types.intp, a), codegen


@intrinsic
def take_next(typingctx, counter):  # type: ignore[no-untyped-def]
    if not is_flat(counter) or counter.dtype != types.int64:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        place = address(context, builder, counter, args[0], ir.Constant(ir.IntType(64), 0))
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(counter), codegen


@intrinsic
def gather(typingctx, array, at):  # type: ignore[no-untyped-def]
    if not is_flat(array):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        element = value_type(context, array.dtype)
        lanes = at.lanes
        index = builder.sext(args[1], ir.VectorType(ir.IntType(64), lanes))
        base = address(context, builder, array, args[0], ir.Constant(ir.IntType(64), 0))
        base = builder.ptrtoint(base, ir.IntType(64))
        size = ir.Constant(index.type, [array.dtype.bitwidth // 8] * lanes)
        places = builder.add(builder.mul(index, size), widened(builder, base, lanes))
        places = builder.inttoptr(places, ir.VectorType(ir.PointerType(element), lanes))
        mask = ir.Constant(ir.VectorType(ir.IntType(1), lanes), [1] * lanes)
        rest = ir.Constant(ir.VectorType(element, lanes), ir.Undefined)
        align = ir.Constant(ir.IntType(32), array.dtype.bitwidth // 8)
        kind = ir.FunctionType(rest.type, [places.type, align.type, mask.type, rest.type])
        name = f"llvm.masked.gather.v{lanes}{SUFFIX[str(element)]}.v{lanes}p0"
        function = declared(builder, kind, name)
        return builder.call(function, [places, align, mask, rest])

    return Vector(array.dtype, at.lanes)(array, at), codegen


@intrinsic
def align_stack(typingctx):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        private.align_stack(builder, 64)
        return nothing(context)

    return types.void(), codegen
