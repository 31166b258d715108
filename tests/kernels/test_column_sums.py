"""Sums of a tile's columns over given states, against NumPy's integers."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.kernels.column_sums import TileColumns, add_up
from imssa_sim.kernels.ops import LANES

STATES, INPUTS, COLUMNS, STEPS, SAMPLES = 3, 2, 4, 7, 19
CUT, LIMIT = 4, 7
DUE = np.array([0, 0, 3, 6])


def driving(state, rest, feedback):
    step = 1 << CUT
    whole = state + rest
    code = np.clip((whole + step // 2) >> CUT, -LIMIT, LIMIT)
    return code, np.clip(whole - code * step, -step // 2, step // 2) if feedback else rest


@pytest.mark.parametrize("word", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("accumulates", "feedback", "second"),
    [(False, False, -1), (False, False, STATES), (True, False, -1), (True, True, -1)],
)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("stride", [None, 3])
def test_the_sums_are_those_of_integers(word, accumulates, feedback, second, reverse, stride):
    random = np.random.default_rng(3)
    groups = -(-SAMPLES // LANES)
    after = random.integers(-120, 121, (groups, STEPS, STATES, LANES)).astype(np.int16)
    u = random.integers(-7, 8, (SAMPLES, STEPS, 5)).astype(np.int16)
    weights = random.integers(-9, 10, (COLUMNS, STATES + INPUTS))
    weights[random.random(weights.shape) < 0.3] = 0
    column, row = np.nonzero(weights)
    inputs = np.array([4, 1])
    tile = TileColumns(
        place=np.arange(STATES),
        pitch=STATES,
        inputs=inputs,
        start=np.searchsorted(column, np.arange(COLUMNS + 1)),
        row=row,
        value=weights[column, row].astype(word),
        constants=np.array([LIMIT, 2.0**-CUT, 2.0**CUT, 2.0 ** (CUT - 1), 0.5], word),
        accumulates=accumulates,
        feedback=feedback,
        second=second,
        reverse=reverse,
        signs_apart=False,
    )
    maximum = np.zeros(COLUMNS)
    kept = -(-STEPS // stride) * SAMPLES if stride else 0
    values = np.zeros((COLUMNS, kept), np.float32)
    probed = np.zeros((len(DUE), STATES + INPUTS), np.int16)
    for group, states in enumerate(after):
        first = group * LANES
        add_up(tile, states.reshape(-1), u, first, stride or 1, DUE, maximum, values, probed)

    state = after.transpose(1, 2, 0, 3).reshape(STEPS, STATES, -1)[:, :, :SAMPLES].astype(np.int64)
    found, codes = [], []
    rest = np.zeros_like(state[0])
    for k in range(STEPS):
        before = state[k - 1] if k else np.zeros_like(state[0])
        driven, rest = driving(before, rest, feedback) if accumulates else (before, rest)
        entered = u[:, STEPS - 1 - k if reverse else k, inputs].T
        codes.append(np.concatenate([driven, entered]))
        sums = weights @ codes[-1]
        if second >= 0:
            sums[second:] = (weights @ np.concatenate([state[k], entered]))[second:]
        found.append(sums)
    np.testing.assert_array_equal(maximum, np.abs(found).max(axis=(0, 2)))
    for p, k in enumerate(DUE):
        np.testing.assert_array_equal(probed[p], codes[k][:, p % SAMPLES])
    if stride:
        expected = np.stack(found[::stride], axis=1).reshape(COLUMNS, -1)
        np.testing.assert_array_equal(values, expected)
