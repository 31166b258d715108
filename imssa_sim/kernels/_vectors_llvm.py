"""Numba intrinsics of the vector operations; see ``ops``."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from imssa_sim.compiled.private import declared, has, value_type

LANES = 16


class Vector(types.Type):
    """Lanes of a number type, or of booleans (a mask), in registers."""

    def __init__(self, element: types.Type, lanes: int = LANES) -> None:
        self.element = element
        self.lanes = lanes
        super().__init__(name=f"Vector({element}, {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Vector) -> None:
        is_mask = fe_type.element == types.boolean
        element = ir.IntType(1) if is_mask else manager[fe_type.element].get_value_type()
        super().__init__(manager, fe_type, ir.VectorType(element, fe_type.lanes))


def _element(ty: types.Type) -> types.Type:
    ty = types.unliteral(ty)
    return ty.element if isinstance(ty, Vector) else ty


def _lanes(*operands: types.Type) -> int:
    """Lanes of the vectors among the operands, 0 if all are scalars, -1 if they differ."""
    widths = {o.lanes for o in operands if isinstance(o, Vector)}
    return widths.pop() if len(widths) == 1 else -len(widths)


def same_lanes(kind: types.Type, element: types.Type) -> types.Type:
    """The type of as many lanes as ``kind`` of another element."""
    return Vector(element, kind.lanes) if isinstance(kind, Vector) else element


def widened(builder: ir.IRBuilder, value: ir.Value, lanes: int = LANES) -> ir.Value:
    if isinstance(value.type, ir.VectorType):
        return value
    vector = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(one, vector, zeros)


def instruction(builder: Any, name: str, result: ir.Type, *args: ir.Value) -> ir.Value:
    """Call an instruction of the processor."""
    kind = ir.FunctionType(result, [a.type for a in args])
    return builder.call(declared(builder, kind, name), args)


def int32s(*values: int) -> ir.Constant:
    """A constant vector."""
    return ir.Constant(ir.VectorType(ir.IntType(32), len(values)), list(values))


def cut(builder: Any, value: ir.Value, lanes: int) -> list[ir.Value]:
    """Pieces of a vector."""
    return [
        builder.shuffle_vector(value, value, int32s(*range(at, at + lanes)))
        for at in range(0, value.type.count, lanes)
    ]


def abreast(builder: Any, pieces: list[ir.Value]) -> ir.Value:
    """The vector of which these, a power of two many, are the pieces."""
    while len(pieces) > 1:
        both = int32s(*range(2 * pieces[0].type.count))
        pairs = zip(pieces[::2], pieces[1::2], strict=True)
        pieces = [builder.shuffle_vector(a, b, both) for a, b in pairs]
    return pieces[0]


def _lanewise(
    emit: Callable[..., ir.Value], result: types.Type | None = None
) -> Callable[..., Any]:
    """Type an operation whose operands share an element type; scalars widen beside vectors."""

    def build(lanes: int, element: types.Type) -> Callable[..., ir.Value]:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            if lanes:
                args = [widened(builder, a, lanes) for a in args]
            return emit(builder, element, *args)

        return codegen

    def typed(*operands: types.Type) -> Any:
        elements = {_element(o) for o in operands}
        lanes = _lanes(*operands)
        if len(elements) != 1 or lanes < 0:
            return None
        element = elements.pop()
        kind = element if result is None else result
        return (Vector(kind, lanes) if lanes else kind)(*operands), build(lanes, element)

    return typed


def _unary(emit: Callable[..., ir.Value]) -> Any:
    typed = _lanewise(emit)

    @intrinsic
    def operation(typingctx, a):  # type: ignore[no-untyped-def]
        return typed(a)

    return operation


def _binary(emit: Callable[..., ir.Value], result: types.Type | None = None) -> Any:
    typed = _lanewise(emit, result)

    @intrinsic
    def operation(typingctx, a, b):  # type: ignore[no-untyped-def]
        return typed(a, b)

    return operation


def _zero(x: ir.Value) -> ir.Constant:
    return ir.Constant(x.type, [0.0] * x.type.count if isinstance(x.type, ir.VectorType) else 0.0)


def _is_float(element: types.Type) -> bool:
    return isinstance(element, types.Float)


SUFFIX = {"float": "f32", "double": "f64", "i16": "i16", "i32": "i32", "i64": "i64"}


def call(builder: ir.IRBuilder, name: str, *args: ir.Value) -> ir.Value:
    """Call an LLVM intrinsic whose operands and result are of one type."""
    kind = args[0].type
    if isinstance(kind, ir.VectorType):
        name = f"{name}.v{kind.count}{SUFFIX[str(kind.element)]}"
    else:
        name = f"{name}.{SUFFIX[str(kind)]}"
    function = ir.FunctionType(kind, [kind] * len(args))
    return builder.call(declared(builder, function, name), args)


add = _binary(lambda b, e, x, y: b.fadd(x, y) if _is_float(e) else b.add(x, y))
sub = _binary(lambda b, e, x, y: b.fsub(x, y) if _is_float(e) else b.sub(x, y))
mul = _binary(lambda b, e, x, y: b.fmul(x, y) if _is_float(e) else b.mul(x, y))
positive = _unary(lambda b, e, x: b.select(b.fcmp_ordered(">", x, _zero(x)), x, _zero(x)))
sqrt = _unary(lambda b, e, x: call(b, "llvm.sqrt", x))
absolute = _unary(lambda b, e, x: call(b, "llvm.fabs", x))
less = _binary(
    lambda b, e, x, y: b.fcmp_ordered("<", x, y) if _is_float(e) else b.icmp_signed("<", x, y),
    types.boolean,
)


def _retyped(x: ir.Value, element: ir.Type) -> ir.Type:
    return ir.VectorType(element, x.type.count) if isinstance(x.type, ir.VectorType) else element


@intrinsic
def fma(typingctx, a, b, c):  # type: ignore[no-untyped-def]
    return _lanewise(lambda builder, e, *args: call(builder, "llvm.fma", *args))(a, b, c)


@intrinsic
def floor_affine(typingctx, x, scale, offset):  # type: ignore[no-untyped-def]
    operands = (x, scale, offset)
    vectors = [o for o in operands if isinstance(o, Vector)]
    if len({_element(o) for o in operands}) != 1:
        return None
    kind = vectors[0] if vectors else x
    bits = _element(kind).bitwidth

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        if vectors:
            args = [widened(builder, v, kind.lanes) for v in args]
        if vectors and has(context, "avx512f"):  # rounded down, the sum passes no integer
            down = ir.Constant(ir.IntType(32), 9)
            name = f"llvm.x86.avx512.vfmadd.p{'s' if bits == 32 else 'd'}.512"
            pieces = zip(*(cut(builder, v, 512 // bits) for v in args), strict=True)
            sums = [instruction(builder, name, p[0].type, *p, down) for p in pieces]
            return call(builder, "llvm.floor", abreast(builder, sums))
        value, factor, shift = args
        n = call(builder, "llvm.floor", call(builder, "llvm.fma", *args))
        residue = call(builder, "llvm.fma", value, factor, builder.fsub(shift, n))
        one = ir.Constant(n.type, [1.0] * n.type.count if vectors else 1.0)
        passed = builder.fcmp_ordered("<", residue, _zero(residue))
        return builder.select(passed, builder.fsub(n, one), n)

    return kind(*operands), codegen


def _shift(emit: Callable[..., ir.Value]) -> Any:
    @intrinsic
    def operation(typingctx, a, bits):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            value, amount = args
            scalar = value.type.element if isinstance(value.type, ir.VectorType) else value.type
            amount = builder.trunc(amount, scalar) if amount.type != scalar else amount
            if isinstance(value.type, ir.VectorType):
                amount = widened(builder, amount, value.type.count)
            return emit(builder, _element(signature.args[0]), value, amount)

        return a(a, types.unliteral(bits)), codegen

    return operation


shift_left = _shift(lambda b, e, x, n: b.shl(x, n))
shift_right = _shift(lambda b, e, x, n: b.ashr(x, n) if e.signed else b.lshr(x, n))


@intrinsic
def convert(typingctx, a, like):  # type: ignore[no-untyped-def]
    source, target = _element(a), _element(like)
    result = same_lanes(a, target)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        value = args[0]
        kind = _retyped(value, value_type(context, target))
        if source == target:
            return value
        if _is_float(source) and _is_float(target):
            wider = target.bitwidth > source.bitwidth
            return builder.fpext(value, kind) if wider else builder.fptrunc(value, kind)
        if _is_float(target):
            cast = builder.sitofp if source.signed else builder.uitofp
            return cast(value, kind)
        if _is_float(source):
            return builder.fptosi(value, kind)
        if target.bitwidth == source.bitwidth:
            return value
        if target.bitwidth < source.bitwidth:
            return builder.trunc(value, kind)
        return builder.sext(value, kind) if source.signed else builder.zext(value, kind)

    return result(a, like), codegen


@intrinsic
def select(typingctx, mask, a, b):  # type: ignore[no-untyped-def]
    result = same_lanes(mask, _element(a))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        if isinstance(mask, Vector):
            args = [widened(builder, v, mask.lanes) for v in args]
        return builder.select(*args)

    return result(mask, a, b), codegen


@intrinsic
def count(typingctx, mask, n):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        one = ir.Constant(ir.IntType(64), 1)  # in whole registers: masks are few
        word = builder.zext(builder.bitcast(args[0], ir.IntType(mask.lanes)), one.type)
        inside = builder.and_(word, builder.sub(builder.shl(one, args[1]), one))
        return call(builder, "llvm.ctpop", inside)

    return types.int64(mask, types.intp), codegen


def _below(builder: ir.IRBuilder, lanes: int, n: ir.Value) -> ir.Value:
    """Mask of the first n lanes."""
    places = ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(lanes)))
    bound = widened(builder, builder.trunc(n, ir.IntType(32)), lanes)
    return builder.icmp_signed("<", places, bound)


@intrinsic
def first_lanes(typingctx, a, n):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        value = args[0]
        return builder.select(
            _below(builder, a.lanes, args[1]), value, ir.Constant(value.type, [0] * a.lanes)
        )

    return a(a, types.intp), codegen


@intrinsic
def splat(typingctx, a):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return widened(builder, args[0])

    return Vector(types.unliteral(a))(types.unliteral(a)), codegen


def _counting(lanes: int) -> Any:
    @intrinsic
    def operation(typingctx):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            return ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(lanes)))

        return Vector(types.int32, lanes)(), codegen

    return operation


iota, iota_four = _counting(LANES), _counting(4 * LANES)


@intrinsic
def join(typingctx, a, b):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 2 * a.lanes), list(range(2 * a.lanes)))
        return builder.shuffle_vector(args[0], args[1], mask)

    return Vector(a.element, 2 * a.lanes)(a, b), codegen


def _half(upper: bool) -> Any:
    @intrinsic
    def operation(typingctx, a):  # type: ignore[no-untyped-def]
        half = a.lanes // 2

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            first = half if upper else 0
            mask = ir.Constant(
                ir.VectorType(ir.IntType(32), half), list(range(first, first + half))
            )
            return builder.shuffle_vector(args[0], args[0], mask)

        return Vector(a.element, half)(a), codegen

    return operation


lower_half = _half(False)
upper_half = _half(True)


@intrinsic
def fold(typingctx, a):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        value = args[0]
        half = LANES // 2
        while half:
            places = [(lane + half) % LANES for lane in range(LANES)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), places)
            moved = builder.shuffle_vector(value, value, mask)
            value = (
                builder.fadd(value, moved) if _is_float(a.element) else builder.add(value, moved)
            )
            half //= 2
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return a.element(a), codegen


@intrinsic
def interleave(typingctx, a, b):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        places = [lane // 2 + (lane % 2) * a.lanes for lane in range(2 * a.lanes)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 2 * a.lanes), places)
        return builder.shuffle_vector(args[0], args[1], mask)

    return Vector(a.element, 2 * a.lanes)(a, b), codegen
