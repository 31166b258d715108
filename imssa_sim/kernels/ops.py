"""Scalar operations that Numba lacks: fused multiply-add, bit casts, floor in one instruction.

A fused multiply-add is written out wherever one is wanted and the compiler gets no licence to
contract or to reorder, so each kernel computes one and the same sequence of IEEE operations,
whatever the loop it stands in. With ``NUMBA_DISABLE_JIT=1`` plain Python stands in for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import config, njit, types
from numba.extending import intrinsic

if TYPE_CHECKING or config.DISABLE_JIT:

    def fma(a: Any, b: Any, c: Any) -> Any:
        """``a * b + c``, rounded once (float32: the product is exact in float64)."""
        if isinstance(a, np.float32):
            return np.float32(np.float64(a) * np.float64(b) + np.float64(c))
        return a * b + c

    def floor(a: Any) -> Any:
        """Largest integer not above ``a``, in the type of ``a``."""
        return np.floor(a)

    def bits_of(a: Any) -> Any:
        """The bits of a float32 as int32."""
        return np.float32(a).view(np.int32)

    def float_of(a: Any) -> Any:
        """The float32 with the bits of an int32."""
        return np.int32(a).view(np.float32)

else:

    @intrinsic
    def fma(typingctx, a, b, c):
        def codegen(context, builder, signature, args):
            return builder.fma(*args)

        return a(a, a, a), codegen

    @intrinsic
    def floor(typingctx, a):
        def codegen(context, builder, signature, args):
            function = builder.module.declare_intrinsic("llvm.floor", [args[0].type])
            return builder.call(function, args)

        return a(a), codegen

    @intrinsic
    def bits_of(typingctx, a):
        def codegen(context, builder, signature, args):
            return builder.bitcast(args[0], context.get_value_type(types.int32))

        return types.int32(types.float32), codegen

    @intrinsic
    def float_of(typingctx, a):
        def codegen(context, builder, signature, args):
            return builder.bitcast(args[0], context.get_value_type(types.float32))

        return types.float32(types.int32), codegen


@njit
def floor_affine(x, scale, offset, one):  # type: ignore[no-untyped-def]
    """floor(x * scale + offset), exact although the sum is rounded: the residue's sign is."""
    n = floor(fma(x, scale, offset))
    if fma(x, scale, offset - n) < 0:
        n = n - one
    return n
