"""Numba intrinsics of the vector operations; see ``ops``."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: its own calls, and the widths and signs of its number types.)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

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


def _like(kind: types.Type, element: types.Type) -> types.Type:
    """The type of as many lanes as ``kind`` of another element."""
    return Vector(element, kind.lanes) if isinstance(kind, Vector) else element


def _widen(builder: ir.IRBuilder, value: ir.Value, lanes: int = LANES) -> ir.Value:
    if isinstance(value.type, ir.VectorType):
        return value
    vector = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    one = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(one, vector, zeros)


def _lanewise(
    emit: Callable[..., ir.Value], result: types.Type | None = None
) -> Callable[..., Any]:
    """Type an operation whose operands share an element type; scalars widen beside vectors."""

    def build(lanes: int, element: types.Type) -> Callable[..., ir.Value]:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            if lanes:
                args = [_widen(builder, a, lanes) for a in args]
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


def _unary(emit: Callable[..., ir.Value], result: types.Type | None = None) -> Any:
    typed = _lanewise(emit, result)

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


def _is_float(element: types.Type) -> bool:
    return isinstance(element, types.Float)


_SUFFIX = {"float": "f32", "double": "f64", "i16": "i16", "i32": "i32"}


def _call(builder: ir.IRBuilder, name: str, *args: ir.Value) -> ir.Value:
    """Call an LLVM intrinsic whose operands and result are of one type."""
    kind = args[0].type
    if isinstance(kind, ir.VectorType):
        name = f"{name}.v{kind.count}{_SUFFIX[str(kind.element)]}"
    else:
        name = f"{name}.{_SUFFIX[str(kind)]}"
    function = ir.FunctionType(kind, [kind] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)


add = _binary(lambda b, e, x, y: b.fadd(x, y) if _is_float(e) else b.add(x, y))
sub = _binary(lambda b, e, x, y: b.fsub(x, y) if _is_float(e) else b.sub(x, y))
mul = _binary(lambda b, e, x, y: b.fmul(x, y) if _is_float(e) else b.mul(x, y))
xor = _binary(lambda b, e, x, y: b.xor(x, y))
both = _binary(lambda b, e, x, y: b.and_(x, y))
floor = _unary(lambda b, e, x: _call(b, "llvm.floor", x))
sqrt = _unary(lambda b, e, x: _call(b, "llvm.sqrt", x))
absolute = _unary(lambda b, e, x: _call(b, "llvm.fabs", x))
less = _binary(
    lambda b, e, x, y: b.fcmp_ordered("<", x, y) if _is_float(e) else b.icmp_signed("<", x, y),
    types.boolean,
)


def _retyped(x: ir.Value, element: ir.Type) -> ir.Type:
    return ir.VectorType(element, x.type.count) if isinstance(x.type, ir.VectorType) else element


bits_of = _unary(lambda b, e, x: b.bitcast(x, _retyped(x, ir.IntType(32))), types.int32)
float_of = _unary(lambda b, e, x: b.bitcast(x, _retyped(x, ir.FloatType())), types.float32)


@intrinsic
def fma(typingctx, a, b, c):  # type: ignore[no-untyped-def]
    return _lanewise(lambda builder, e, *args: _call(builder, "llvm.fma", *args))(a, b, c)


def _shift(emit: Callable[..., ir.Value]) -> Any:
    @intrinsic
    def operation(typingctx, a, bits):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            value, amount = args
            scalar = value.type.element if isinstance(value.type, ir.VectorType) else value.type
            amount = builder.trunc(amount, scalar) if amount.type != scalar else amount
            if isinstance(value.type, ir.VectorType):
                amount = _widen(builder, amount, value.type.count)
            return emit(builder, _element(signature.args[0]), value, amount)

        return a(a, types.unliteral(bits)), codegen

    return operation


def _rotate(builder: ir.IRBuilder, element: types.Type, x: ir.Value, bits: ir.Value) -> ir.Value:
    return _call(builder, "llvm.fshl", x, x, bits)


shift_left = _shift(lambda b, e, x, n: b.shl(x, n))
shift_right = _shift(lambda b, e, x, n: b.ashr(x, n) if e.signed else b.lshr(x, n))
rotate_left = _shift(_rotate)


@intrinsic
def convert(typingctx, a, like):  # type: ignore[no-untyped-def]
    source, target = _element(a), _element(like)
    result = _like(a, target)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        value = args[0]
        kind = _retyped(value, context.get_value_type(target))
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
    result = _like(mask, _element(a))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        if isinstance(mask, Vector):
            args = [_widen(builder, v, mask.lanes) for v in args]
        return builder.select(*args)

    return result(mask, a, b), codegen


@intrinsic
def count(typingctx, mask, n):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        inside = builder.and_(args[0], _below(builder, mask.lanes, args[1]))
        word = builder.bitcast(inside, ir.IntType(mask.lanes))
        return builder.zext(_call(builder, "llvm.ctpop", word), ir.IntType(64))

    return types.int64(mask, types.intp), codegen


def _below(builder: ir.IRBuilder, lanes: int, n: ir.Value) -> ir.Value:
    """Mask of the first n lanes."""
    places = ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(lanes)))
    bound = _widen(builder, builder.trunc(n, ir.IntType(32)), lanes)
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
        return _widen(builder, args[0])

    return Vector(types.unliteral(a))(types.unliteral(a)), codegen


def _counting(lanes: int) -> Any:
    @intrinsic
    def operation(typingctx):  # type: ignore[no-untyped-def]
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            return ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(lanes)))

        return Vector(types.int32, lanes)(), codegen

    return operation


iota, iota_four = _counting(LANES), _counting(4 * LANES)


def _pointer(context: Any, builder: Any, ty: types.Type, memory: Any, at: ir.Value) -> ir.Value:
    if isinstance(ty, types.Array):
        memory = context.make_array(ty)(context, builder, memory).data
    return builder.gep(memory, [at], inbounds=True)


def _load(
    builder: Any, pointer: ir.Value, element: ir.Type, align: int, lanes: int = LANES
) -> ir.Value:
    kind = ir.VectorType(element, lanes)
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=align)


def _flat(memory: types.Type) -> bool:
    if isinstance(memory, types.Array):
        return memory.ndim == 1 and memory.layout == "C"
    return isinstance(memory, types.CPointer)


@intrinsic
def pointer(typingctx, memory, at):  # type: ignore[no-untyped-def]
    if not _flat(memory):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        return _pointer(context, builder, memory, *args)

    return types.CPointer(memory.dtype)(memory, types.intp), codegen


def _loader(lanes: int) -> Any:
    @intrinsic
    def operation(typingctx, array, at):  # type: ignore[no-untyped-def]
        if not _flat(array):
            return None

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
            pointer = _pointer(context, builder, array, args[0], args[1])
            element = context.get_value_type(array.dtype)
            return _load(builder, pointer, element, array.dtype.bitwidth // 8, lanes)

        return Vector(array.dtype, lanes)(array, types.intp), codegen

    return operation


load, load_twice, load_four = _loader(LANES), _loader(2 * LANES), _loader(4 * LANES)


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
def store(typingctx, array, at, a):  # type: ignore[no-untyped-def]
    if not _flat(array) or not isinstance(a, Vector) or a.element != array.dtype:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, array, args[0], args[1])
        pointer = builder.bitcast(pointer, args[2].type.as_pointer())
        builder.store(args[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, a), codegen


@intrinsic
def take_next(typingctx, counter):  # type: ignore[no-untyped-def]
    if not _flat(counter) or counter.dtype != types.int64:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        place = _pointer(context, builder, counter, args[0], ir.Constant(ir.IntType(64), 0))
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(counter), codegen


@intrinsic
def gather(typingctx, array, at):  # type: ignore[no-untyped-def]
    if not _flat(array):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        element = context.get_value_type(array.dtype)
        lanes = at.lanes
        index = builder.sext(args[1], ir.VectorType(ir.IntType(64), lanes))
        base = _pointer(context, builder, array, args[0], ir.Constant(ir.IntType(64), 0))
        base = builder.ptrtoint(base, ir.IntType(64))
        size = ir.Constant(index.type, [array.dtype.bitwidth // 8] * lanes)
        places = builder.add(builder.mul(index, size), _widen(builder, base, lanes))
        places = builder.inttoptr(places, ir.VectorType(ir.PointerType(element), lanes))
        mask = ir.Constant(ir.VectorType(ir.IntType(1), lanes), [1] * lanes)
        rest = ir.Constant(ir.VectorType(element, lanes), ir.Undefined)
        align = ir.Constant(ir.IntType(32), array.dtype.bitwidth // 8)
        kind = ir.FunctionType(rest.type, [places.type, align.type, mask.type, rest.type])
        name = f"llvm.masked.gather.v{lanes}{_SUFFIX[str(element)]}.v{lanes}p0"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, [places, align, mask, rest])

    return Vector(array.dtype, at.lanes)(array, at), codegen


@intrinsic
def fold(typingctx, a):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        value = args[0]
        half = LANES // 2
        while half:
            places = [(lane + half) % LANES for lane in range(LANES)]
            mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), places)
            value = builder.fadd(value, builder.shuffle_vector(value, value, mask))
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


def make_product(scalars: int, vectors: int) -> Any:
    """A register-blocked product of ``scalars`` x ``vectors`` accumulators.

    ``product(s, s0, si, sc, x, x0, xi, n, out, o0, oc)`` writes, for c < scalars, v < vectors::

        out[o0 + c*oc + 16*v + lane] = sum_{i<n} s[s0 + i*si + c*sc] * x[x0 + i*xi + 16*v + lane]

    summed in the order of i by fused multiply-adds, all sums at once in registers.
    """

    @intrinsic
    def product(typingctx, s, s0, si, sc, x, x0, xi, n, out, o0, oc):  # type: ignore[no-untyped-def]
        if not (_flat(s) and _flat(x) and _flat(out) and s.dtype == x.dtype == out.dtype):
            return None
        whole = types.intp

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a_s, a_s0, a_si, a_sc, a_x, a_x0, a_xi, a_n, a_out, a_o0, a_oc = args
            element = context.get_value_type(x.dtype)
            align = x.dtype.bitwidth // 8
            zero = ir.Constant(ir.VectorType(element, LANES), [0.0] * LANES)
            int64 = ir.IntType(64)
            s_data = _pointer(context, builder, s, a_s, a_s0)
            x_data = _pointer(context, builder, x, a_x, a_x0)
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
                loaded.append(_load(builder, at, element, align))
            new = []
            for c in range(scalars):
                scalar = builder.load(builder.gep(s_row, [offsets[c]], inbounds=True), align=align)
                wide = _widen(builder, scalar)
                for v in range(vectors):
                    new.append(_call(builder, "llvm.fma", wide, loaded[v], sums[c * vectors + v]))
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
                    pointer = _pointer(context, builder, out, a_out, at)
                    pointer = builder.bitcast(pointer, zero.type.as_pointer())
                    builder.store(new[c * vectors + v], pointer, align=align)
            return context.get_dummy_value()

        arguments = (s, whole, whole, whole, x, whole, whole, whole, out, whole, whole)
        return types.void(*arguments), codegen

    return product
