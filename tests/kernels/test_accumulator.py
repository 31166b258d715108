"""Reads that give increments, which accumulators add up: the delta operator, against its twin."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.kernels.read_circuit import (
    Accumulator,
    Exchange,
    FusedOutput,
    ReadCircuit,
    RecurrentWiring,
    ShotNoise,
)
from imssa_sim.kernels.recurrent import run_recurrent
from imssa_sim.kernels.tiles import pack_tiles

pytestmark = pytest.mark.usefixtures("blocks_of_16")
WHERE = {"seed": 3, "chip": 1, "site": 2}
T, S, I, O = 3, 19, 2, 2  # noqa: E741
R, C = S + I, S + O
LIMIT = 127
N_STATES, N_INPUTS, N_OUTPUTS = (np.array(n) for n in ([S, 3, 0], [2, 1, 2], [2, 2, 1]))
MULTIPLIER, SHIFT = 11_000_001, 20


def naive(p, circuit, twin, codes, ids):
    """All samples in Python's integers: ADC codes of outputs, states, rests, sums beyond them."""
    by = p["accumulator"]
    outputs = np.zeros((*codes.shape[:2], T, O), np.int64)
    states, rests = (np.zeros((len(codes), T, S), np.int64) for _ in range(2))
    beyond = np.zeros((T, S), np.int64)
    half = (1 << by.shift) // 2
    for b, t in np.ndindex(len(codes), T):
        s, o, used = N_STATES[t], N_OUTPUTS[t], p["input_channel"][t][: N_INPUTS[t]]
        x, e = [0] * s, [0] * s
        for k in range(codes.shape[1]):
            z = p["normals"]((3, 1, int(ids[b]), 2, t), k, C * circuit.slices)
            u = [codes[b, k, c] if c >= 0 else 0 for c in used]
            w = [x_j + e_j for x_j, e_j in zip(x, e, strict=True)] if by.feedback else x
            limit = by.drive_limit
            drive = [max(-limit, min(limit, (w_j + half) >> by.shift)) for w_j in w]
            if by.feedback:
                cut = [w_j - (d << by.shift) for w_j, d in zip(w, drive, strict=True)]
                e = [max(-half, min(half, c)) for c in cut]
            adc = twin.read(t, np.array([*drive, *u], np.int64), 0, s + o, z)
            before = x
            if by.exchange is not None:
                sources, signs = (v[t, :s].tolist() for v in (by.exchange.source, by.exchange.sign))
                before = [n * x[i] for i, n in zip(sources, signs, strict=True)]
            x = list(x)
            for j in range(s):
                m, n = int(p["multiplier"][t, j]), p["shift"]
                total = before[j] + ((int(adc[j]) * m + (1 << (n - 1))) >> n)
                beyond[t, j] += abs(total) > p["state_limit"]
                x[j] = max(-p["state_limit"], min(p["state_limit"], total))
            outputs[b, k, t, :o] = adc[s:]
        states[b, t, :s], rests[b, t, :s] = x, e
    return outputs, states, rests, beyond


def parameters(rng, normals, *, by, noise="off", tables=False, slices=1, state_limit=2000):
    shape = (T, R, C * slices)
    most_alike = rng.random(shape) < (0.15 if noise == "flat" else 1)
    circuit = ReadCircuit(
        weights=rng.integers(-31, 32, shape) + rng.normal(0, 0.3, shape),
        rows_used=N_STATES + N_INPUTS, columns_used=N_STATES + N_OUTPUTS, limit=LIMIT,
        adc_scale=0.05 + 0.01 * rng.random((T, C * slices)), adc_offset=0.5, adc_low=-128,
        adc_high=127,
        adc_table=rng.integers(-128, 128, (T, C * slices, 256)).astype(float) if tables else None,
        dac_levels=np.arange(-LIMIT, LIMIT + 1) + rng.normal(0, 0.1, 255) if tables else None,
        variance=None if noise == "off" else rng.uniform(0, 3, shape) * most_alike,
        flat_variance=0.4 if noise == "flat" else 0.0,
        constant_variance=0.0 if noise == "off" else 0.7,
        shot=ShotNoise(rng.uniform(0, 90, shape), rng.uniform(0, 90, 255))
        if noise == "shot" else None,
        slices=slices, slice_gain=np.tile(4.0 ** np.arange(slices), (T, C)),
    )  # fmt: skip
    p = {
        "accumulator": by,
        "input_channel": np.arange(T * I).reshape(T, I) - 1,
        "multiplier": rng.integers(2**22, 2**24, (T, S)),
        "shift": 23 + 2 * (slices - 1),
        "state_limit": state_limit,
        "normals": normals,
    }
    return circuit, p


def pack(circuit, p, dtype=None, output=None):
    wiring = RecurrentWiring(
        n_states=N_STATES, input_channel=p["input_channel"],
        state_gain=np.ldexp(p["multiplier"].astype(float), -p["shift"]),
        state_limit=p["state_limit"], accumulator=p["accumulator"], output=output,
    )  # fmt: skip
    return pack_tiles(circuit, wiring, dtype=dtype)


def twin_of(twins, circuit):
    variance = circuit.variance
    if variance is not None:
        variance = variance + circuit.flat_variance
    shot = circuit.shot
    return twins.Twin(
        weights=circuit.weights, variance=variance, extra_variance=circuit.constant_variance,
        shot_variance=None if shot is None else shot.variance,
        pulse_power=None if shot is None else shot.power, dac_levels=circuit.dac_levels,
        adc_scale=circuit.adc_scale, adc_offset=circuit.adc_offset, adc_low=circuit.adc_low,
        adc_high=circuit.adc_high,
        adc_table=None if circuit.adc_table is None else circuit.adc_table.astype(int),
        slices=circuit.slices, slice_gain=circuit.slice_gain,
    )  # fmt: skip


def random_codes(rng, samples, steps):
    return rng.integers(-LIMIT, LIMIT + 1, (samples, steps, T * I)).astype(np.int16)


def assert_same(result, other):
    for field in dataclasses.fields(result):
        np.testing.assert_array_equal(
            getattr(result, field.name), getattr(other, field.name), err_msg=field.name
        )


def exchange(rng):
    """Any states of the tile change places, and signs."""
    source = np.stack([np.append(rng.permutation(s), np.zeros(S - s, int)) for s in N_STATES])
    return Exchange(source, rng.choice([-1, 1], (T, S)))


def exchange_of_vectors(rng):
    """States change places with those 16 columns on, as real with imaginary parts of many modes."""
    source = np.tile(np.arange(S), (T, 1))
    source[0, [0, 2, 16, 18]] = [16, 18, 0, 2]
    return Exchange(source, rng.choice([-1, 1], (T, S)))


DRIVES = [Accumulator(0, LIMIT), Accumulator(4, LIMIT), Accumulator(6, 31, feedback=True)]
TURNED = Accumulator(6, 31, True, exchange(np.random.default_rng(4)))
APART = Accumulator(4, LIMIT, False, exchange_of_vectors(np.random.default_rng(5)))


@pytest.mark.parametrize(
    "by",
    [*DRIVES, TURNED, APART],
    ids=["all bits", "top bits", "fed back", "turned", "whole vectors"],
)
@pytest.mark.parametrize("noise", ["off", "each", "flat", "shot"])
@pytest.mark.parametrize(("slices", "tables"), [(1, False), (1, True), (2, False), (3, True)])
def test_float64_equals_the_twin(twins, by, noise, slices, tables):
    rng = np.random.default_rng(7)
    circuit, p = parameters(rng, twins.normals, by=by, noise=noise, tables=tables, slices=slices)
    codes, ids = random_codes(rng, 23, 6), rng.permutation(1000)[:23]
    tiles = pack(circuit, p, np.float64)
    assert tiles.arrays.apart == (16 if by is APART else 0)
    result, some, alone = (  # 32 and 16 abreast, and one by one
        run_recurrent(tiles, codes[:n], sample_ids=ids[:n], **WHERE) for n in (23, 9, 2)
    )
    twin = twin_of(twins, circuit)
    outputs, states, rests, beyond = naive(p, circuit, twin, codes, ids)
    for found, count in ((result, 23), (some, 9), (alone, 2)):
        np.testing.assert_array_equal(found.outputs, outputs[:count])
        np.testing.assert_array_equal(found.state, states[:count])
        np.testing.assert_array_equal(found.rest, rests[:count])
    np.testing.assert_array_equal(result.saturated_states, beyond)
    np.testing.assert_array_equal(result.saturated_low, twin.low)
    np.testing.assert_array_equal(result.saturated_high, twin.high)
    np.testing.assert_array_equal(result.sum_squares, twin.squares)  # of the driven codes
    np.testing.assert_array_equal(result.sum_magnitudes, twin.magnitudes)
    np.testing.assert_array_equal(result.non_zeros, twin.non_zeros)
    assert len(np.unique(states)) > 50
    if by.feedback:
        assert len(np.unique(rests)) > 20
    else:
        assert not rests.any()


def test_saturation_of_the_accumulators_is_counted_in_all_layouts(twins):
    rng = np.random.default_rng(3)
    circuit, p = parameters(rng, twins.normals, by=Accumulator(0, LIMIT), state_limit=100)
    codes = random_codes(rng, 32, 9)
    tiles = pack(circuit, p)
    whole = run_recurrent(tiles, codes, sample_ids=np.arange(32), **WHERE)
    parts = [
        run_recurrent(tiles, codes[b : b + 1], sample_ids=[b], **WHERE) for b in range(32)
    ]  # fmt: skip
    halves = [
        run_recurrent(tiles, codes[b : b + 16], sample_ids=np.arange(b, b + 16), **WHERE)
        for b in (0, 16)
    ]
    *_, beyond = naive(p, circuit, twin_of(twins, circuit), codes, np.arange(32))
    assert beyond.sum() > 100
    np.testing.assert_array_equal(sum(half.saturated_states for half in halves), beyond)
    np.testing.assert_array_equal(whole.saturated_states, beyond)
    np.testing.assert_array_equal(sum(part.saturated_states for part in parts), beyond)
    assert not whole.saturated_states[1, 3:].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("noise", ["off", "each", "flat"])
@pytest.mark.parametrize("slices", [1, 2])
def test_result_is_the_same_in_any_grouping(twins, dtype, noise, slices):
    rng = np.random.default_rng(9)
    circuit, p = parameters(rng, twins.normals, by=TURNED, noise=noise, slices=slices)
    output = FusedOutput(np.arange(T * O).reshape(T, O), MULTIPLIER / 2**SHIFT, 60, T * O)
    codes, ids = random_codes(rng, 50, 4), rng.permutation(500)[:50]
    for tiles in (pack(circuit, p, dtype), pack(circuit, p, dtype, output)):

        def run(part, tiles=tiles, **more):
            return run_recurrent(tiles, codes[part], sample_ids=ids[part], **WHERE, **more)

        whole = run(slice(None))
        assert_same(run(slice(None), threads=3), whole)
        parts = [run(slice(i, i + size)) for i, size in ((0, 1), (1, 20), (21, 29))]
        for name in ("outputs", "state", "rest"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            np.testing.assert_array_equal(joined, getattr(whole, name), err_msg=name)
        for name in ("saturated_states", "saturated_low", "sum_squares", "non_zeros", "drives"):
            total = sum(getattr(part, name) for part in parts)
            np.testing.assert_array_equal(total, getattr(whole, name), err_msg=name)


@pytest.mark.parametrize("samples", [1, 40])
def test_fused_output_is_the_requantised_adc_code(twins, samples):
    rng = np.random.default_rng(11)
    circuit, p = parameters(rng, twins.normals, by=DRIVES[1], noise="each")
    codes, ids = random_codes(rng, samples, 5), np.arange(samples)
    channel = np.arange(T * O).reshape(T, O)
    output = FusedOutput(channel, MULTIPLIER / 2**SHIFT, 60, T * O)
    plain = run_recurrent(pack(circuit, p), codes, sample_ids=ids, **WHERE)
    fused = run_recurrent(pack(circuit, p, output=output), codes, sample_ids=ids, **WHERE)
    for t, o in np.ndindex(T, O):
        if o < N_OUTPUTS[t]:
            adc = plain.outputs[:, :, t, o]
            expected = twins.requantise(adc.ravel(), MULTIPLIER, SHIFT, 60).reshape(adc.shape)
            np.testing.assert_array_equal(fused.outputs[:, :, channel[t, o]], expected)
    np.testing.assert_array_equal(fused.state, plain.state)


@given(cut=st.integers(1, 5), feedback=st.booleans(), samples=st.sampled_from([1, 9, 25]))
@settings(max_examples=8, deadline=None)
def test_a_sequence_can_be_run_in_pieces(twins, cut, feedback, samples):
    rng = np.random.default_rng(10)
    by = Accumulator(6, 31, feedback=feedback)
    circuit, p = parameters(rng, twins.normals, by=by, noise="flat")
    tiles, codes = pack(circuit, p), random_codes(rng, samples, 6)
    where = {"sample_ids": np.arange(samples), **WHERE}
    whole = run_recurrent(tiles, codes, **where)
    first = run_recurrent(tiles, codes[:, :cut], **where)
    kept = first.state.copy(), first.rest.copy()
    second = run_recurrent(
        tiles, codes[:, cut:], first_step=cut, state=first.state, rest=first.rest, **where
    )
    np.testing.assert_array_equal(
        np.concatenate([first.outputs, second.outputs], axis=1), whole.outputs
    )
    for found, expected in ((second.state, whole.state), (second.rest, whole.rest)):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal((first.state, first.rest), kept)


def test_wide_states_stay_exact_in_single_precision(twins):
    # 16-bit states, integer cells, a lossless converter: all is integer arithmetic
    rng = np.random.default_rng(8)
    by = Accumulator(8, LIMIT, feedback=True)
    circuit, p = parameters(rng, twins.normals, by=by, state_limit=2**15 - 1)
    circuit = dataclasses.replace(
        circuit, weights=np.rint(circuit.weights), adc_scale=np.ones((T, C)), adc_offset=0.0,
        adc_low=-(2**20), adc_high=2**20,
    )  # fmt: skip
    codes, ids = random_codes(rng, 33, 40), np.arange(33)
    assert pack(circuit, p).dtype == np.float32
    result = run_recurrent(pack(circuit, p), codes, sample_ids=ids, **WHERE)
    _, states, rests, beyond = naive(p, circuit, twin_of(twins, circuit), codes, ids)
    np.testing.assert_array_equal(result.state, states)
    np.testing.assert_array_equal(result.rest, rests)
    assert beyond.any()
    np.testing.assert_array_equal(result.saturated_states, beyond)


def test_wrong_wirings_and_calls_are_named(twins):
    rng = np.random.default_rng(0)
    circuit, p = parameters(rng, twins.normals, by=DRIVES[0])
    codes = random_codes(rng, 2, 1)
    with pytest.raises(ValueError, match="two passes"):
        run_recurrent(pack(circuit, p), codes, sample_ids=[0, 1], two_pass=True, **WHERE)
    with pytest.raises(ValueError, match="rest must be"):
        run_recurrent(pack(circuit, p), codes, sample_ids=[0, 1], rest=np.zeros(3), **WHERE)
    with pytest.raises(ValueError, match="drive up to 128"):
        pack(circuit, {**p, "accumulator": Accumulator(0, 128)})
    with pytest.raises(ValueError, match="below 2"):
        pack(circuit, {**p, "state_limit": 2**22})
    with pytest.raises(ValueError, match="shift"):
        Accumulator(-1, 7)
    with pytest.raises(ValueError, match="drive_limit"):
        Accumulator(1, 0)
    ones = np.ones((T, S), int)
    for wrong, text in (
        (Exchange(S * ones, ones), "name states of the tile"),
        (Exchange(0 * ones, 2 * ones), "be 1 or -1"),
        (Exchange(ones[:, 1:], ones[:, 1:]), "source and sign must be"),
    ):
        with pytest.raises(ValueError, match=text):
            pack(circuit, {**p, "accumulator": Accumulator(0, LIMIT, exchange=wrong)})
