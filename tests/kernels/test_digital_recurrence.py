from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.kernels.digital_recurrence import ABREAST, run_block

LIMIT = 127
UNKEPT = (False, np.zeros(0, np.int8), np.int8(0))


def naive(w, d, multiplier, shift, ahead, u):
    """One channel in Python's integers: w (6, M), multipliers over 2**shift, codes u (L,)."""

    def requantised(acc, m, s):
        return max(-LIMIT, min(LIMIT, (acc * m + (1 << (s - 1))) >> s))

    modes = w.shape[1]
    a_re, a_im, b_re, b_im, c_re, c_im = ([int(v) for v in row] for row in w)
    x = [(0, 0)] * modes
    y = []
    for drive in (int(v) for v in u):
        new = []
        for n, (p, q) in enumerate(x):
            re = a_re[n] * p - a_im[n] * q + b_re[n] * drive
            im = a_im[n] * p + a_re[n] * q + b_im[n] * drive
            new.append(
                (
                    requantised(re, multiplier[n], shift[n]),
                    requantised(im, multiplier[n], shift[n]),
                )
            )
        read = x if ahead else new
        total = sum(c_re[n] * p + c_im[n] * q for n, (p, q) in enumerate(read))
        if ahead:
            y.append(requantised(total + d * drive, multiplier[modes], shift[modes]))
        else:
            parts = (
                requantised(total, multiplier[modes], shift[modes]),
                requantised(d * drive, multiplier[modes + 1], shift[modes + 1]),
            )
            y.append(max(-LIMIT, min(LIMIT, sum(parts))))
        x = new
    return y


@pytest.mark.parametrize("word", [np.float32, np.float64])
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    batch=st.sampled_from([1, ABREAST - 1, ABREAST + 3]),
    steps=st.sampled_from([1, 65, 130]),
    channels=st.sampled_from([1, 33]),
    modes=st.integers(1, 4),
    ahead=st.booleans(),
    reverse=st.booleans(),
)
def test_integers_are_exact(word, seed, batch, steps, channels, modes, ahead, reverse):
    rng = np.random.default_rng(seed)
    w = rng.integers(-LIMIT, LIMIT + 1, (channels, 6, modes))
    d = rng.integers(-LIMIT, LIMIT + 1, channels)
    multiplier = rng.integers(2**23, 2**24, (channels, modes + 2))
    shift = rng.integers(28, 34, (channels, modes + 2))
    u = rng.integers(-LIMIT, LIMIT + 1, (batch, steps, channels)).astype(np.int16)
    gain = np.ldexp(multiplier.astype(float), -shift)
    y, clipped = np.empty_like(u), np.zeros(2, np.int64)
    constants = np.array([LIMIT, LIMIT, 0, 0.5, 1], word)
    flat = [v.astype(word).ravel() for v in (w, d, gain[:, :modes], gain[:, modes:])]
    for first in range(0, batch, ABREAST):
        run_block(*flat, constants, ahead, reverse, u, y, first, clipped, *UNKEPT)
    order = slice(None, None, -1) if reverse else slice(None)
    for b, h in {(0, 0), (batch - 1, channels - 1)}:
        expected = naive(
            w[h], int(d[h]), multiplier[h].tolist(), shift[h].tolist(), ahead, u[b, order, h]
        )
        assert y[b, order, h].tolist() == expected
