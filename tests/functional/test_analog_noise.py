"""Noise and errors depend on their coordinates alone; energy and statistics against naive twins."""

import math

import numpy as np
import pytest

from imssa_sim.functional.activity import bits_of_inputs
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.columns import slices_of
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.reads import Reader
from imssa_sim.mapping.build import build_program
from imssa_sim.program.saturation import Saturation
from imssa_sim.quantisation.requantiser import requantise

NOISY = {"tile": {"cell": "cells/taox_imssa"}, "adc": {"bits": 8}}


def chip_of(random_networks, **changes):
    sections = dict(NOISY)
    for name, value in changes.items():
        sections[name] = sections.get(name, {}) | value if isinstance(value, dict) else value
    return random_networks.hardware(**({"ideal": False} | sections))


def sequences(net, count, seed=0):
    width = net.encoder.weight.shape[1]
    return np.random.default_rng(seed).normal(size=(count, net.sequence_length, width))


@pytest.fixture(
    scope="module",
    params=[
        "whole",
        "split",
        "delayed",
        "two_pass",
        "both",
        "converters",
        "slices",
        "sliced_twice",
        "delta",
        "delta_split",
    ],
)
def noisy(random_networks, request):
    kind = request.param
    mapping = {"delayed": "fused_delayed", "two_pass": "two_pass", "sliced_twice": "two_pass"}
    mapping |= {"delta": "fused_delta", "delta_split": "fused_delta"}
    mapping = mapping.get(kind, "fused_lookahead")
    form, widths = random_networks.form_of(mapping), {}
    if mapping == "fused_delta":
        form, widths = "delta_feedback", {"state": 12, "drive": 8}
    both = kind in ("both", "delta")
    net = random_networks.network(11, form=form, bidirectional=both, layers=2, **widths)
    tile = {
        "split": {"rows": 5, "columns": 10},
        "delta_split": {"rows": 5, "columns": 14, "weights": "one_sided", "spare_columns": 2},
        "slices": {"slices": 3, "columns": 96},
        "sliced_twice": {"slices": 2, "devices": 2, "weights": "offset", "rows": 9},
    }.get(kind, {})
    errors = {"noise": 0.4, "gain_spread": 0.01, "offset_spread": 0.5, "mismatch": 0.02}
    chip = chip_of(
        random_networks, mapping={"kernel": mapping, "encoder": "analog", "decoder": "analog"},
        tile=tile, adc=errors if kind == "converters" else {},
        effects={"thermal_noise": kind == "converters", "shot_noise": kind == "slices"},
    )  # fmt: skip
    from imssa_sim.functional.calibrate_adc import calibrate_adc

    program = build_program(net, chip)
    x = sequences(net, 65)
    return program, chip, x, calibrate_adc(program, chip, x)


def network(noisy, **coordinates):
    program, chip, _, sums = noisy
    return AnalogNetwork(program, chip, calibration=sums, time=3600.0, **coordinates)


def test_results_do_not_depend_on_batch_or_threads(noisy):
    x = noisy[2]
    chip = network(noisy, seed=3, chip=1)
    whole = chip.run(x, batch=64, threads=1)
    for batch, threads in ((1, 2), (7, 2)):
        other = chip.run(x, batch=batch, threads=threads)
        np.testing.assert_array_equal(other.logits, whole.logits)
        assert dict(other.counts) == dict(whole.counts)
        assert other.array_energy == whole.array_energy
        for path, activity in whole.activity.items():
            np.testing.assert_array_equal(other.activity[path].low, activity.low)
            np.testing.assert_array_equal(other.activity[path].sum_squares, activity.sum_squares)


def test_a_sample_alone_is_the_sample_among_others(noisy):
    x = noisy[2]
    chip = network(noisy)
    ids = np.arange(100, 165)
    whole = chip.run(x, ids)
    order = np.random.default_rng(0).permutation(65)[:9]
    np.testing.assert_array_equal(chip.run(x[order], ids[order]).logits, whole.logits[order])
    np.testing.assert_array_equal(chip.run(x[40:41], [140]).logits[0], whole.logits[40])
    # Another chip object with the same coordinates is the same chip.
    np.testing.assert_array_equal(network(noisy).run(x[:3], ids[:3]).logits, whole.logits[:3])


def test_coordinates_matter(noisy):
    x = noisy[2][:8]
    base = network(noisy).run(x).logits
    assert not np.array_equal(base, network(noisy, seed=1).run(x).logits)
    assert not np.array_equal(base, network(noisy, chip=1).run(x).logits)
    assert not np.array_equal(base, network(noisy).run(x, np.arange(8) + 1).logits)
    assert not np.array_equal(base, network(noisy).run(x, noise=False).logits)


def reader_of(network):
    return Reader(
        network.instance, ActionCounter(network.program), Saturation(), threads=1, noise=True
    )


def test_read_noise_of_a_column_has_the_folded_deviation(random_networks):
    """Repeated reads of one input against Σ (flat + variance)·v² of the programmed tiles."""
    net = random_networks.network(2)
    chip = chip_of(
        random_networks, effects={"programming_error": False, "drift": False, "faults": False},
        adc={"bits": 16, "range": "max"},
    )  # fmt: skip
    program = build_program(net, chip)
    from imssa_sim.functional.calibrate_adc import calibrate_adc

    sums = calibrate_adc(program, chip, sequences(net, 16))
    ready = AnalogNetwork(program, chip, calibration=sums, time=3600.0)
    linear = ready.instance.dense["chip.layer0.linear"]
    codes = np.array([40, -17, 3, 0, -60], np.int16)
    reads = 20_000
    block = np.broadcast_to(codes, (reads, 1, 5))
    found = next(reader_of(ready)._blocks("chip.layer0.linear", linear, block, np.arange(reads)))[1]
    tiles = linear.on_chip.programmed
    variance = tiles.flat_variance[0][None, :] + tiles.variance[0]
    expected = np.sqrt((variance * (codes.astype(float) ** 2)[:, None]).sum(0))
    expected = np.sqrt((expected * linear.on_chip.conversion.adc.scale[0]) ** 2 + 1 / 12)
    measured = found.std(axis=0)
    # A deviation from n normals has itself the relative deviation 1/sqrt(2n): 5 of these.
    np.testing.assert_allclose(measured, expected, rtol=5 / np.sqrt(2 * reads))
    mean = (
        tiles.weights[0].T @ codes * linear.on_chip.conversion.adc.scale[0]
        + linear.on_chip.conversion.adc.offset[0]
    )
    deviation = np.abs(found.mean(axis=0) + 0.5 - mean) / (expected / np.sqrt(reads))
    assert deviation.max() < 5


def driven_codes(random_networks, net, x, mapping):
    """All codes that drive the rows of layer 0's kernels: lists of states (H, M, 2) and inputs."""
    layer = net.layers[0]
    k = layer.kernel
    u = random_networks.values(net, x)["layer0.input"].astype(np.int64)
    state = np.zeros((len(x), *k.a_re.shape), complex)
    a = (k.a_re + 1j * k.a_im) * 2.0**k.a_shift
    b = (k.b_re + 1j * k.b_im) * 2.0**k.b_shift
    states, inputs = [], []
    steps = u.shape[1] + (mapping == "fused_delayed")
    u = np.concatenate([u, np.zeros_like(u[:, :1])], axis=1)
    held = np.zeros((len(x), *k.a_re.shape, 2), np.int64)  # accumulators
    for step in range(steps):
        states.append(state)
        inputs.append(u[:, step])
        acc = a * state + b * u[:, step, :, None]
        if mapping == "fused_delta":
            gain = np.ldexp(k.state_requant.multiplier.astype(float), -k.state_requant.shift)
            sums = (
                np.stack([acc.real, acc.imag], -1) * np.broadcast_to(gain, k.a_re.shape)[..., None]
            )
            limit, top = k.state_requant.limit, k.drive_limit
            turned = (held[..., 0] + 1j * held[..., 1]) * np.array([1, 1j, -1, -1j])[k.turns]
            held = np.stack([turned.real, turned.imag], -1) + np.floor(sums + 0.5)
            held = np.clip(held, -limit, limit)
            code = np.clip(np.floor(held / 2**k.drive_shift + 0.5), -top, top)
            state = code[..., 0] + 1j * code[..., 1]
            continue
        state = requantise(acc.real.astype(np.int64), k.state_requant) + 1j * requantise(
            acc.imag.astype(np.int64), k.state_requant
        )
        if mapping == "two_pass":
            states.append(state)
            inputs.append(u[:, step])
    parts = np.stack([np.stack([s.real, s.imag], -1) for s in states]).astype(np.int64)
    return parts, np.stack(inputs)


@pytest.mark.parametrize("encoding", ["amplitude", "pulse_width", "bit_serial"])
@pytest.mark.parametrize("mapping", ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass"])
@pytest.mark.parametrize("bits", [4, 8, 11])
def test_array_energy_is_that_of_every_pulse(random_networks, encoding, mapping, bits):
    """E = Σ V²·G·t over every read, row by row, with the conductances of the programmed cells.

    A driver with fewer bits than the codes emits the nearest of its own pulses, one with more the
    codes' own.
    """
    top = min(127, 2 ** (bits - 1) - 1)
    form = random_networks.form_of(mapping)
    widths = {"state": 11, "drive": 7} if mapping == "fused_delta" else {"state": 7}
    net = random_networks.network(9, form=form, layers=1, **widths)
    chip = chip_of(
        random_networks,
        ideal=True,
        dac={"encoding": encoding, "bits": bits},
        mapping={"kernel": mapping},
    )
    program = build_program(net, chip)
    x = sequences(net, 3)
    result = AnalogNetwork(program, chip).run(x)
    states, inputs = driven_codes(random_networks, net, x, mapping)
    tiles = program.kernels[0]
    conductance = AnalogNetwork(program, chip).instance.kernels[tiles.path].on_chip.programmed
    voltage, read_time, lsb = 0.2, 1e-8, 1e-9
    total = 0.0
    for t in range(tiles.tiles):
        for row in range(tiles.n_states[t] + tiles.n_inputs[t]):
            if row < tiles.n_states[t]:
                index = tiles.state_index[t, row]
                mode = index // 2
                codes = states[:, :, mode // 3, mode % 3, index % 2]
            else:
                codes = inputs[:, :, tiles.input_channel[t, row - tiles.n_states[t]]]
            for code in codes.ravel():
                step = math.floor(abs(code) * top / 127 + 0.5)
                if encoding == "amplitude":
                    pulse = (voltage * step / top) ** 2 * read_time
                elif encoding == "pulse_width":
                    pulse = voltage**2 * step * lsb
                else:
                    pulse = voltage**2 * bin(abs(code)).count("1") * read_time
                total += pulse * conductance.row_conductance[t, row]
    assert total > 0
    assert result.array_energy[f"{tiles.path}.array"] == pytest.approx(total, rel=1e-12)


def test_bits_of_linear_inputs(random_networks):
    net = random_networks.network(0)
    chip = chip_of(random_networks, tile={"rows": 3})
    linear = build_program(net, chip).linears[0]
    codes = np.array([[1, -3, 7, 0, -8], [2, 2, 2, 2, 2]], np.int16)
    rows = bits_of_inputs(linear, slices_of(linear, chip.chip.tile), codes)
    assert rows.tolist() == [[1 + 1, 2 + 1, 0], [3 + 1, 0 + 1, 1 + 1]]


def test_row_statistics_and_saturation(random_networks):
    net = random_networks.network(9, layers=1)
    chip = chip_of(random_networks, ideal=True)
    program = build_program(net, chip)
    x = sequences(net, 3)
    activity = AnalogNetwork(program, chip).run(x).activity["chip.layer0.kernel"]
    states, inputs = driven_codes(random_networks, net, x, "fused_lookahead")
    tiles = program.kernels[0]
    assert activity.sum_squares.sum() == (states**2).sum() + (inputs**2).sum()
    assert activity.sum_magnitudes.sum() == np.abs(states).sum() + np.abs(inputs).sum()
    assert activity.non_zeros.sum() == np.count_nonzero(states) + np.count_nonzero(inputs)
    first_input = int(tiles.n_states[0])
    channel = tiles.input_channel[0, 0]
    assert activity.sum_squares[0, first_input] == (inputs[:, :, channel] ** 2).sum()
    assert activity.drives == 3 * 12


def test_programming_is_reported_once(noisy):
    chip = network(noisy)
    cost = chip.programming
    assert set(cost) == {use.path for use in noisy[0].use}
    for use in noisy[0].use:
        assert cost[use.path].cells.sum() == use.cells_used
