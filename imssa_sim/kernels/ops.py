"""Operations on vectors of 16 lanes, and on scalars, that compile to one instruction each.

Numba leaves vectorisation to LLVM's guesses and promotes 32-bit integers to 64 bits. The kernels
spell both out instead: a *vector* is a value of 16 lanes held in registers (or a multiple of 16, in
several), every function here takes vectors and scalars alike (a scalar beside a vector stands for
as many equal lanes), and integers keep their width. No fast-math licence is given and each fused
multiply-add is written out, so a kernel is one fixed sequence of IEEE operations whatever the loop
it stands in: that is why results do not depend on how samples are grouped.

With ``NUMBA_DISABLE_JIT=1`` NumPy arrays of 16 elements stand in for vectors; only :func:`fma`
then differs, in the last bit of float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from numba import njit

from imssa_sim.compiled.decorator import compiled_loop
from imssa_sim.compiled.private import compiles

LANES = 16
Function = TypeVar("Function", bound=Callable[..., Any])


if TYPE_CHECKING or not compiles():
    from imssa_sim.kernels._ops_python import (
        absolute,
        add,
        align_stack,
        convert,
        count,
        first_lanes,
        floor_affine,
        fma,
        fma_pairs,
        fold,
        gather,
        interleave,
        iota,
        iota_four,
        join,
        less,
        load,
        load_four,
        load_twice,
        lower_half,
        make_product,
        make_winograd_products,
        mul,
        pointer,
        positive,
        select,
        shift_left,
        shift_right,
        splat,
        sqrt,
        store,
        sub,
        take_next,
        upper_half,
    )
    from imssa_sim.kernels.read_noise._normals_python import (
        normal_from_bits,
        normals_and_words,
        threefry2x32_13,
        threefry2x32_20,
    )
else:
    from imssa_sim.kernels._memory_llvm import (
        align_stack,
        gather,
        load,
        load_four,
        load_twice,
        pointer,
        store,
        take_next,
    )
    from imssa_sim.kernels._products_llvm import fma_pairs, make_product
    from imssa_sim.kernels._vectors_llvm import (
        absolute,
        add,
        convert,
        count,
        first_lanes,
        floor_affine,
        fma,
        fold,
        interleave,
        iota,
        iota_four,
        join,
        less,
        lower_half,
        mul,
        positive,
        select,
        shift_left,
        shift_right,
        splat,
        sqrt,
        sub,
        upper_half,
    )
    from imssa_sim.kernels._winograd_llvm import make_winograd_products
    from imssa_sim.kernels.read_noise._normals_llvm import (
        normal_from_bits,
        normals_and_words,
        threefry2x32_13,
        threefry2x32_20,
    )

__all__ = [
    "LANES",
    "absolute",
    "add",
    "align_stack",
    "convert",
    "count",
    "entry",
    "first_lanes",
    "floor_affine",
    "fma",
    "fma_pairs",
    "fold",
    "gather",
    "inner",
    "interleave",
    "iota",
    "iota_four",
    "join",
    "less",
    "load",
    "load_four",
    "load_twice",
    "lower_half",
    "make_product",
    "make_winograd_products",
    "merged",
    "mul",
    "normal_from_bits",
    "normals_and_words",
    "pointer",
    "positive",
    "select",
    "shift_left",
    "shift_right",
    "splat",
    "sqrt",
    "store",
    "sub",
    "take_next",
    "threefry2x32_13",
    "threefry2x32_20",
    "upper_half",
]


def inner(function: Function) -> Function:
    """Compile a function that only compiled functions call (Python must not: it has no wrapper).

    It is compiled into its callers: to call it would copy the tile's many fields each time.
    """
    options: dict[str, Any] = {
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
        "forceinline": True,
    }
    compiled: Function = njit(**options)(function)
    return compiled


def merged(function: Function) -> Function:
    """Like :func:`inner`, but merged into its one caller before types are inferred.

    What holds most of a kernel would otherwise be optimised and translated once by itself.
    """
    options: dict[str, Any] = {"inline": "always"}
    compiled: Function = njit(**options)(function)
    return compiled


def entry(function: Function) -> Function:
    """Compile a function that Python calls, for good: kept on disk, without the GIL."""
    compiled: Any = compiled_loop(nogil=True)(function)
    result: Function = compiled
    return result
