"""All that this package takes from the private parts of Numba and llvmlite.

Numba promises no stability for what is below ``numba.core``, llvmlite none for the attributes of
its functions. Everything of that kind is here, one small function each, and
``tests/compiled/test_private.py`` tries each by itself: it names what another version broke.
"""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# (Numba is typed in part only: neither its own calls nor its settings.)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.caching import _Cache as Cache
from numba.core.compiler import CompileResult

__all__ = [
    "Cache",
    "align_stack",
    "attach",
    "compiles",
    "declared",
    "has",
    "in_memory",
    "memory_of",
    "nothing",
    "options",
    "packed",
    "processor",
    "to_tuple",
    "unpacked",
    "value_type",
]


# The cache of a compiled function.


def attach(dispatcher: Any, cache: Cache) -> None:
    """Let a dispatcher ask ``cache`` before it compiles, and give it what it compiled."""
    if not hasattr(dispatcher, "_cache"):
        raise AttributeError("numba's Dispatcher has no _cache any more: loops cannot be kept")
    dispatcher._cache = cache


def packed(result: Any) -> tuple[Any, ...] | None:
    """What must be kept of a compiled function; None if it holds addresses of this process."""
    if any(not part.can_cache for part in result.lifted) or result.library.has_dynamic_globals:
        return None
    parts: tuple[Any, ...] = result._reduce()
    return parts


def unpacked(context: Any, parts: tuple[Any, ...]) -> Any:
    """The compiled function of what was kept."""
    context.refresh()
    return CompileResult._rebuild(context, *parts)


def processor(context: Any) -> tuple[str, ...]:
    """Triple, name and features of the processor that is compiled for."""
    found: tuple[str, ...] = context.codegen().magic_tuple()
    return found


def compiles() -> bool:
    """Whether functions are compiled at all (not with ``NUMBA_DISABLE_JIT=1``)."""
    return not config.DISABLE_JIT


def options() -> tuple[Any, ...]:
    """Settings of the environment that change the machine code."""
    return config.BOUNDSCHECK, config.OPT, config.DEBUGINFO_DEFAULT


# Writing instructions.


def has(context: Any, feature: str) -> bool:
    """Whether the processor that is compiled for has a feature, by LLVM's name."""
    return f"+{feature}" in processor(context)[2].split(",")


def declared(builder: Any, kind: ir.FunctionType, name: str) -> Any:
    """A function of the module, declared if it is not yet."""
    return cgutils.get_or_insert_function(builder.module, kind, name)


def in_memory(builder: Any, name: str, value: ir.Constant, align: int) -> Any:
    """A constant in memory."""
    place = cgutils.global_constant(builder, name, value)
    place.align = align
    return place


def memory_of(context: Any, builder: Any, kind: types.Array, array: Any) -> Any:
    """Pointer to the first element of an array."""
    return context.make_array(kind)(context, builder, array).data


def value_type(context: Any, kind: types.Type) -> Any:
    """LLVM's type of a value in registers."""
    return context.get_value_type(kind)


def to_tuple(context: Any, builder: Any, kind: types.Type, values: Sequence[Any]) -> Any:
    """A tuple of values."""
    return context.make_tuple(builder, kind, values)


def nothing(context: Any) -> Any:
    """What a function without a result returns."""
    return context.get_dummy_value()


def align_stack(builder: Any, size: int) -> None:
    """Let the function that is being written keep its stack at multiples of ``size`` bytes."""
    attributes = builder.function.attributes
    attributes.alignstack = size
    attributes.add("nounwind")  # true, and llvmlite writes none for an empty set
