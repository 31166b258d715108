"""NumPy twins of the vector operations, for ``NUMBA_DISABLE_JIT=1``; see ``ops``."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

LANES = 16
Lanes: TypeAlias = NDArray[Any]
"""A vector: lanes of one number type in registers."""
_COUNTING = Lock()


def add(a: Any, b: Any) -> Any:
    """Sum; integers wrap."""
    with np.errstate(over="ignore"):
        return a + b


def sub(a: Any, b: Any) -> Any:
    """Difference; integers wrap."""
    with np.errstate(over="ignore"):
        return a - b


def mul(a: Any, b: Any) -> Any:
    """Product."""
    return a * b


def fma(a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once (in float32 by way of float64: its products are exact there)."""
    if np.result_type(a) == np.float32:
        wide = np.multiply(a, b, dtype=np.float64) + np.asarray(c, dtype=np.float64)
        return wide.astype(np.float32) if wide.ndim else np.float32(wide)
    return a * b + c


def floor(a: Any) -> Any:
    """Largest integer not above ``a``, in the type of ``a``."""
    return np.floor(a)


def floor_affine(x: Any, scale: Any, offset: Any) -> Any:
    """floor(x * scale + offset), exact for an ``offset`` of few bits.

    The rounded sum may reach an integer from below; the sign of the residue, which one fused
    multiply-add gives exactly, tells.
    """
    n = floor(fma(x, scale, offset))
    passed = fma(x, scale, sub(offset, n)) < 0
    return np.where(passed, n - 1, n).astype(np.result_type(n))[()]


def sqrt(a: Any) -> Any:
    """Square root."""
    return np.sqrt(a)


def absolute(a: Any) -> Any:
    """Magnitude."""
    return np.abs(a)


def xor(a: Any, b: Any) -> Any:
    """Bitwise exclusive or."""
    return a ^ b


def both(a: Any, b: Any) -> Any:
    """Bitwise (or, of masks, logical) and."""
    return a & b


def either(a: Any, b: Any) -> Any:
    """Bitwise inclusive or."""
    return a | b


def smaller(a: Any, b: Any) -> Any:
    """The smaller of two integers."""
    return np.minimum(a, b)


def positive(a: Any) -> Any:
    """``a`` where it is above 0, else 0."""
    return np.where(a > 0, a, np.result_type(a).type(0))[()]


def shift_left(a: Any, bits: int) -> Any:
    """``a << bits``."""
    return a << np.result_type(a).type(bits)


def shift_right(a: Any, bits: int) -> Any:
    """``a >> bits``; keeps the sign of signed integers."""
    return a >> np.result_type(a).type(bits)


def rotate_left(a: Any, bits: Any) -> Any:
    """Rotate 32-bit words."""
    return (a << np.uint32(bits)) | (a >> np.uint32(32 - bits))


def bits_of(a: Any) -> Any:
    """The bits of float32 as int32."""
    return a.view(np.int32)


def float_of(a: Any) -> Any:
    """float32 with the bits of an int32."""
    return a.view(np.float32)


def convert(a: Any, like: Any) -> Any:
    """``a`` in the element type of ``like``; floats are cut towards zero to integers."""
    return np.asarray(a).astype(np.result_type(like))[()]


def less(a: Any, b: Any) -> Lanes:
    """Mask of the lanes where ``a < b``."""
    mask: Lanes = np.less(a, b)
    return mask


def select(mask: Any, a: Any, b: Any) -> Any:
    """Lanes of ``a`` where the mask is set, of ``b`` elsewhere."""
    return np.where(mask, a, b)[()]


def count(mask: Any, n: int) -> int:
    """Number of lanes set among the first n."""
    return int(np.count_nonzero(mask[:n]))


def first_lanes(a: Any, n: int) -> Lanes:
    """The first n lanes, the others 0."""
    kept: Lanes = np.where(np.arange(a.size) < n, a, a.dtype.type(0))
    return kept


def splat(a: Any) -> Lanes:
    """16 equal lanes."""
    return np.full(LANES, a, dtype=np.result_type(a))


def iota() -> Lanes:
    """Lanes 0 … 15 as int32."""
    return np.arange(LANES, dtype=np.int32)


def iota_four() -> Lanes:
    """Lanes 0 … 63 as int32."""
    return np.arange(4 * LANES, dtype=np.int32)


def load(array: Any, at: int, lanes: int = LANES) -> Lanes:
    """16 elements of a flat array from index ``at``."""
    if not 0 <= at <= array.size - lanes:
        raise IndexError(f"a vector at {at} leaves an array of {array.size}")
    found: Lanes = array[at : at + lanes].copy()
    return found


def load_twice(array: Any, at: int) -> Lanes:
    """32 elements of a flat array from index ``at``: two vectors abreast."""
    return load(array, at, 2 * LANES)


def load_four(array: Any, at: int) -> Lanes:
    """64 elements of a flat array from index ``at``: four vectors abreast."""
    return load(array, at, 4 * LANES)


def join(a: Any, b: Any) -> Lanes:
    """Two vectors abreast."""
    return np.concatenate([a, b])


def lower_half(a: Any) -> Lanes:
    """The first of two vectors abreast."""
    half: Lanes = a[: a.size // 2]
    return half


def upper_half(a: Any) -> Lanes:
    """The second of two vectors abreast."""
    half: Lanes = a[a.size // 2 :]
    return half


def store(array: Any, at: int, a: Any) -> None:
    """Write the lanes of a vector to a flat array from index ``at``."""
    if not 0 <= at <= array.size - a.size:
        raise IndexError(f"a vector at {at} leaves an array of {array.size}")
    array[at : at + a.size] = a


def pointer(array: Any, at: int) -> Any:
    """The flat memory from index ``at`` on."""
    if not 0 <= at <= array.size:
        raise IndexError(f"a pointer to {at} leaves an array of {array.size}")
    return array[at:]


def take_next(counter: Any) -> int:
    """The number in ``counter[0]``, which is raised by one, as if no other thread came between."""
    with _COUNTING:
        taken = int(counter[0])
        counter[0] += 1
        return taken


def gather(array: Any, at: Any) -> Lanes:
    """Elements of a flat array at int32 indices."""
    found: Lanes = array[at]
    return found


def fold(a: Any) -> Any:
    """Sum of the lanes: halves are added, then quarters, and so on."""
    while a.size > 1:
        a = a[: a.size // 2] + a[a.size // 2 :]
    return a[0]


def interleave(a: Any, b: Any) -> Lanes:
    """a0 b0 a1 b1 …, two vectors abreast."""
    return np.stack([a, b], axis=1).ravel()


def _low_word(a: Any) -> Any:
    return np.asarray(a).astype(np.int16).astype(np.int32)


def fma_pairs(a: Any, b: Any, c: Any) -> Any:
    """Per lane of int32: both halves of a times those of b, as int16, added to c."""
    low = _low_word(a) * _low_word(b)
    return c + low + _low_word(np.asarray(a) >> 16) * _low_word(np.asarray(b) >> 16)


def make_product(scalars: int, vectors: int) -> Callable[..., None]:
    """Register-blocked product; see ``_products_llvm.make_product``."""

    def product(
        s: Any,
        s0: int,
        si: int,
        sc: int,
        x: Any,
        x0: int,
        xi: int,
        n: int,
        out: Any,
        o0: int,
        oc: int,
    ) -> None:
        step = fma_pairs if x.dtype == np.int32 else fma
        for c in range(scalars):
            for v in range(vectors):
                acc = np.zeros(LANES, dtype=x.dtype)
                for i in range(n):
                    acc = step(s[s0 + i * si + c * sc], load(x, x0 + i * xi + v * LANES), acc)
                store(out, o0 + c * oc + v * LANES, acc)

    return product


def make_winograd_products(columns: int, vectors: int) -> Callable[..., None]:
    """Sums and noise in one pass; see ``_winograd_llvm.make_winograd_products``."""
    first = make_product(columns, vectors)
    width = vectors * LANES

    def products(
        x: Any,
        w: Any,
        u: Any,
        v: Any,
        pitch: int,
        n: int,
        j: int,
        start: Any,
        common: Any,
        unit: Any,
        extra: Any,
        flat: Any,
        squares: Any,
        sums: Any,
        deviations: Any,
    ) -> None:
        first(w, j, pitch, 1, x, 0, width, n, sums, j * width, width)
        for c in range(j, j + columns):
            total = start[c] + load(common, 0, width)
            for k in range((n + 3) // 4):
                u01, u23 = (load(u, (2 * k + r) * width, width) for r in range(2))
                v01, v23 = (v[(2 * k + r) * pitch + c] for r in range(2))
                total = fma_pairs(_add_words(u01, v23), _add_words(u23, v01), total)
            var = fma(unit[c], convert(total, unit[c]), extra[c])
            var = fma(flat[c], load(squares, 0, width), var)
            store(deviations, c * width, sqrt(positive(var)))

    return products


def _add_words(a: Any, b: Any) -> Any:
    """Sums of both halves of int32, as int16."""
    low, high = (np.asarray(a >> bits) + (b >> bits) for bits in (0, 16))
    return (low & 0xFFFF) | (high << 16)


def align_stack() -> None:
    """Let the compiled function that calls this keep vectors at whole cache lines of the stack."""
