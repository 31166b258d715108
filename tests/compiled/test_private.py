"""Each private part of Numba and llvmlite that is used, by itself: a failure names what changed."""

from __future__ import annotations

import numpy as np
import pytest
from llvmlite import ir
from numba import njit, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from imssa_sim.compiled import private

pytestmark = pytest.mark.skipif(not private.compiles(), reason="nothing is compiled")
INT32 = ir.IntType(32)


def emitting(result, emit):
    """A compiled function of one array, written by ``emit(context, builder, type, value)``."""

    @intrinsic
    def operation(typingctx, array):
        def codegen(context, builder, signature, args):
            return emit(context, builder, signature.args[0], args[0])

        return result(array), codegen

    return njit(lambda array: operation(array))


class Noting(private.Cache):
    """A cache that notes what it is asked."""

    cache_path = None

    def __init__(self):
        self.asked, self.given = [], []

    def load_overload(self, sig, target_context):
        self.asked.append((sig, target_context))

    def save_overload(self, sig, data):
        self.given.append((sig, data))

    def enable(self):
        pass

    disable = flush = enable


def compiled(function):
    cache, dispatcher = Noting(), njit(function)
    private.attach(dispatcher, cache)
    assert dispatcher(2) == function(2)
    return cache


def test_a_dispatcher_asks_the_cache_that_is_attached():
    cache = compiled(lambda n: n + 1)
    ((asked, _),), ((given, result),) = cache.asked, cache.given
    assert asked == given == (types.int64,)
    assert result.signature.return_type == types.int64


def test_a_dispatcher_without_a_cache_is_named():
    with pytest.raises(AttributeError, match="_cache"):
        private.attach(object(), Noting())


def test_machine_code_is_taken_apart_and_put_together():
    cache = compiled(lambda n: 3 * n)
    ((_, context),), ((_, result),) = cache.asked, cache.given
    parts = private.packed(result)
    again = private.unpacked(context, parts)
    assert again.signature == result.signature
    assert again.fndesc.qualname == result.fndesc.qualname


def test_machine_code_with_addresses_is_not_taken_apart():
    large = np.zeros(1_000_000)  # held by address
    cache = compiled(lambda n: n + int(large[0]))
    assert private.packed(cache.given[0][1]) is None


def test_the_processor_is_known_by_name_and_features():
    triple, name, features = private.processor(cpu_target.target_context)
    assert "-" in triple
    assert name
    assert private.has(cpu_target.target_context, features.split(",")[0].lstrip("+-")) is (
        features.startswith("+")
    )
    assert not private.has(cpu_target.target_context, "no such feature")


def test_the_options_are_known():
    assert len(private.options()) == 3


def test_functions_of_the_processor_can_be_declared():
    def emit(context, builder, kind, array):
        function = ir.FunctionType(INT32, [INT32])
        for _ in range(2):  # the second time it is there
            bits = private.declared(builder, function, "llvm.ctpop.i32")
        return builder.call(bits, [ir.Constant(INT32, 7)])

    assert emitting(types.int32, emit)(np.zeros(1)) == 3


def test_constants_lie_in_memory_aligned():
    def emit(context, builder, kind, array):
        numbers = ir.Constant(ir.ArrayType(INT32, 2), [11, 12])
        place = private.in_memory(builder, "numbers", numbers, 64)
        assert place.align == 64
        index = [ir.Constant(INT32, 0), ir.Constant(INT32, 1)]
        return builder.load(builder.gep(place, index))

    assert emitting(types.int32, emit)(np.zeros(1)) == 12


def test_arrays_have_a_pointer_to_their_memory():
    def emit(context, builder, kind, array):
        memory = private.memory_of(context, builder, kind, array)
        return builder.load(builder.gep(memory, [ir.Constant(ir.IntType(64), 1)]))

    assert emitting(types.float32, emit)(np.array([3, 4], np.float32)) == 4


def test_types_of_values_are_known():
    context = cpu_target.target_context
    assert private.value_type(context, types.float32) == ir.FloatType()
    assert private.value_type(context, types.int16) == ir.IntType(16)


def test_tuples_can_be_given_back():
    pair = types.UniTuple(types.int32, 2)

    def emit(context, builder, kind, array):
        values = [ir.Constant(INT32, k) for k in (5, 6)]
        return private.to_tuple(context, builder, pair, values)

    assert emitting(pair, emit)(np.zeros(1)) == (5, 6)


def test_nothing_can_be_given_back():
    run = emitting(types.void, lambda context, builder, kind, array: private.nothing(context))
    assert run(np.zeros(1)) is None


def test_the_stack_is_aligned_and_nothing_is_thrown():
    def emit(context, builder, kind, array):
        private.align_stack(builder, 64)
        text = str(builder.function)
        assert "alignstack(64)" in text
        assert "nounwind" in text
        return private.nothing(context)

    emitting(types.void, emit)(np.zeros(1))


def test_vectors_are_numbers_in_registers():
    from imssa_sim.kernels._vectors_llvm import Vector

    context = cpu_target.target_context
    assert private.value_type(context, Vector(types.float32)) == ir.VectorType(ir.FloatType(), 16)
    assert private.value_type(context, Vector(types.boolean)) == ir.VectorType(ir.IntType(1), 16)


def test_pointers_know_what_they_point_to():
    pointer = ir.VectorType(ir.FloatType(), 16).as_pointer()
    assert pointer.pointee.count == 16
