"""The compiled adjoint of the modes of one state that all channels share (S5, LRU).

All values are in code units: ``x' = clip(x + round(a x + b v))``, a the state matrix less one, and
``v`` the increments; ``clip(round(x' / 2**k))`` leaves. Rounding has derivative one, clipping none.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from imssa_sim.compiled.decorator import compiled_loop

A_RE, A_IM, B = range(3)


@compiled_loop(parallel=True, error_model="numpy")
def modes_backward(gains, limits, reverse, v, sums, upstream, to_v, to_gains):  # type: ignore[no-untyped-def]
    """Run from the last step of a direction to its first.

    gains (3, P) float64: `A_RE`, `A_IM` and `B`; limits (3,): of states, of what leaves, and the
    bits below that. v, upstream, to_v (B, L, 2 P) float32, real parts first; sums (B, L, 2 P)
    int64, each x' before it is clipped. to_gains (B, 3, P) float64, zero.
    """
    samples, steps, words = v.shape
    modes = words // 2
    limit = limits[0]
    share = 1.0 / (np.int64(1) << limits[2])
    edge = (limits[1] + 0.5) / share
    for b in prange(samples):
        by = np.zeros(words)
        for back in range(steps):
            step = steps - 1 - back
            at = back if reverse else step
            before = at + 1 if reverse else at - 1
            for n in range(modes):
                m = n + modes
                re, im = sums[b, at, n], sums[b, at, m]
                held_re, held_im = min(max(re, -limit), limit), min(max(im, -limit), limit)
                if abs(held_re) <= edge:
                    by[n] += upstream[b, at, n] * share
                if abs(held_im) <= edge:
                    by[m] += upstream[b, at, m] * share
                g_re = by[n] if abs(re) <= limit else 0.0
                g_im = by[m] if abs(im) <= limit else 0.0
                to_v[b, at, n] = g_re * gains[B, n]
                to_v[b, at, m] = g_im * gains[B, n]
                to_gains[b, B, n] += g_re * v[b, at, n] + g_im * v[b, at, m]
                if step > 0:
                    x_re = min(max(sums[b, before, n], -limit), limit)
                    x_im = min(max(sums[b, before, m], -limit), limit)
                    to_gains[b, A_RE, n] += g_re * x_re + g_im * x_im
                    to_gains[b, A_IM, n] += g_im * x_re - g_re * x_im
                by[n] = g_re + gains[A_RE, n] * g_re + gains[A_IM, n] * g_im
                by[m] = g_im + gains[A_RE, n] * g_im - gains[A_IM, n] * g_re
