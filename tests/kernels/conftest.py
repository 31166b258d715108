"""Plain twins of the kernels, and random tiles for both."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from imssa_sim.kernels import _blocks
from imssa_sim.kernels.read_noise.normal import fill_normals
from imssa_sim.kernels.read_noise.threefry import derive_key


def normals(coordinates, step, count):
    """Normals of one read; their numbers are the generator's own, tested by themselves."""
    out = np.empty(count, np.float32)
    fill_normals(*derive_key(*coordinates), step, out)
    return out.astype(np.float64)


class Twin:
    """A tile set as the functional description has it, in float64, one read at a time."""

    slices = 1
    slice_gain = None
    shot_variance = None
    dac_steps = None

    def __init__(self, **parameters):
        self.__dict__.update(parameters)
        self.low = np.zeros(self.weights.shape[::2], np.int64)
        self.high = np.zeros_like(self.low)
        self.squares = np.zeros(self.weights.shape[:2], np.int64)
        self.magnitudes = np.zeros_like(self.squares)
        self.non_zeros = np.zeros_like(self.squares)

    def read(self, t, codes, first, last, z):
        """ADC codes of the logical columns first … last - 1 for codes on the first rows."""
        n = len(codes)
        first, last = first * self.slices, last * self.slices
        steps = codes
        if self.dac_steps is not None:
            steps = self.dac_steps[codes + (len(self.dac_steps) - 1) // 2]
        self.squares[t, :n] += steps**2
        self.magnitudes[t, :n] += np.abs(steps)
        self.non_zeros[t, :n] += steps != 0
        v = codes.astype(np.float64)
        if self.dac_levels is not None:
            v = self.dac_levels[codes + (len(self.dac_levels) - 1) // 2]
        acc = v @ self.weights[t, :n]
        if self.variance is not None:
            variance = v**2 @ self.variance[t, :n] + self.extra_variance
            if self.shot_variance is not None:
                power = self.pulse_power[codes + (len(self.pulse_power) - 1) // 2]
                variance = variance + power @ self.shot_variance[t, :n]
            acc = acc + np.sqrt(variance) * z
        code = np.floor(acc * self.adc_scale[t] + self.adc_offset)[first:last]
        self.low[t, first:last] += code < self.adc_low
        self.high[t, first:last] += code > self.adc_high
        code = np.clip(code, self.adc_low, self.adc_high).astype(np.int64)
        if self.adc_table is not None:
            code = self.adc_table[t, np.arange(first, last), code - self.adc_low]
        if self.slices > 1:
            weighted = code * self.slice_gain[t, first:last]
            code = np.array([sum(weighted[i : i + self.slices])
                             for i in range(0, len(code), self.slices)], np.int64)  # fmt: skip
        return code


def requantise(adc, multiplier, shift, limit):
    """The integer requantiser of the golden model, in Python's integers."""
    return np.array(
        [
            max(-limit, min(limit, (int(a) * int(m) + (1 << (int(s) - 1))) >> int(s)))
            for a, m, s in zip(
                adc, np.broadcast_to(multiplier, adc.shape), np.broadcast_to(shift, adc.shape),
                strict=True,
            )
        ],
        dtype=np.int64,
    )  # fmt: skip


def run_twin(tiles, codes, ids, *, seed, chip, site, two_pass):
    """All samples, tiles and steps of a recurrent stage: outputs (B, L, T, O), state (B, T, S)."""
    samples, steps, _ = codes.shape
    outputs = np.zeros((samples, steps, len(tiles.n_states), max(tiles.n_outputs)), np.int64)
    state = np.zeros((samples, len(tiles.n_states), max(tiles.n_states)), np.int64)
    for b in range(samples):
        for t, (s, o) in enumerate(zip(tiles.n_states, tiles.n_outputs, strict=True)):
            x = np.zeros(s, np.int64)
            channels = tiles.input_channel[t][: tiles.n_inputs[t]]
            for k in range(steps):
                z = normals((seed, chip, int(ids[b]), site, t), k, tiles.weights.shape[2])
                u = np.array([codes[b, k, c] if c >= 0 else 0 for c in channels], np.int64)
                first = tiles.read(t, np.concatenate([x, u]), 0, s if two_pass else s + o, z)
                x = requantise(
                    first[:s], tiles.state_multiplier[t, :s], tiles.state_shift, tiles.state_limit
                )
                if two_pass:
                    outputs[b, k, t, :o] = tiles.read(t, np.concatenate([x, u]), s, s + o, z)
                else:
                    outputs[b, k, t, :o] = first[s:]
            state[b, t, :s] = x
    return outputs, state


@pytest.fixture(scope="session")
def twins():
    """The twins, without an import from the tests' folder."""
    return SimpleNamespace(Twin=Twin, run=run_twin, normals=normals, requantise=requantise)


@pytest.fixture(scope="module")
def blocks_of_16():
    """Let left-over samples run 16 abreast however few reads they take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_blocks, "WORTH", 0)
        yield
