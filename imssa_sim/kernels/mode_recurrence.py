"""The recurrence of diagonal modes in integers, driven by a dense map; digital, sample by sample.

No fastmath: every operation here is exact.
"""

from __future__ import annotations

import numpy as np

from imssa_sim.compiled.decorator import compiled_loop


@compiled_loop(nogil=True, error_model="numpy")
def run_modes(a, gains, shift, limits, reverse, v, out, clipped, kept):  # type: ignore[no-untyped-def]
    """Run ``x' = clip(x + ((a x) g + v h + half >> s))`` and give the top bits of each x'.

    a (2, P) int64, real and imaginary codes; gains (2, P) int64, g and h; shift (P,) int64, >= 1;
    limits (3,): of states, of what leaves, and the bits below that. v, out (B, L, 2 P) int16, real
    parts first; clipped (B,) int64 counts states beyond their limit. kept (B, L, 2 P) int64: each
    x' before it is clipped; or none, (0, 0, 0).
    """
    samples, steps, words = v.shape
    modes = words // 2
    limit, out_limit, below = limits[0], limits[1], limits[2]
    rounding = (np.int64(1) << below) >> 1
    for b in range(samples):
        x = np.zeros(words, dtype=np.int64)
        beyond = 0
        for step in range(steps):
            at = steps - 1 - step if reverse else step
            for n in range(modes):
                re, im = x[n], x[n + modes]
                half = np.int64(1) << (shift[n] - 1)
                acc = (a[0, n] * re - a[1, n] * im) * gains[0, n]
                new = re + ((acc + np.int64(v[b, at, n]) * gains[1, n] + half) >> shift[n])
                beyond += abs(new) > limit
                if kept.size:
                    kept[b, at, n] = new
                x[n] = min(max(new, -limit), limit)
                acc = (a[1, n] * re + a[0, n] * im) * gains[0, n]
                new = im + ((acc + np.int64(v[b, at, n + modes]) * gains[1, n] + half) >> shift[n])
                beyond += abs(new) > limit
                if kept.size:
                    kept[b, at, n + modes] = new
                x[n + modes] = min(max(new, -limit), limit)
            for n in range(words):
                code = (x[n] + rounding) >> below
                out[b, at, n] = np.int16(min(max(code, -out_limit), out_limit))
        clipped[b] = beyond
