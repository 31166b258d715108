"""Layers whose weights are cut into slices, against naive twins that convert slice by slice."""

import math

import numpy as np
import pytest

from imssa_sim.circuits.slices import put_together
from imssa_sim.config.schema import EffectsConfig, HardwareConfig
from imssa_sim.errors import InputError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.digital import run_digital
from imssa_sim.functional.reads import Reader
from imssa_sim.kernels.read_noise.normal import fill_normals
from imssa_sim.kernels.read_noise.threefry import derive_key
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.counts import action_counts
from imssa_sim.program.saturation import Saturation

SCHEMES = ["differential", "one_sided", "offset"]


def chip_of(random_networks, slices, *, bits=8, kernel="fused_lookahead", on=(), **changes):
    """A chip whose only departures from the ideal one are its converters and the effects ``on``."""
    effects = dict.fromkeys(EffectsConfig.model_fields, False) | dict.fromkeys(on, True)
    sections = {
        "effects": effects,
        "dac": {"bits": 12},
        "adc": {"bits": bits},
        "mapping": {"kernel": kernel},
        "tile": {"slices": slices, "columns": 32 * slices},
    }
    for name, value in changes.items():
        sections[name] = sections[name] | value
    return random_networks.hardware(ideal=False, **sections)


def sequences(net, count, seed=0):
    width = net.encoder.weight.shape[1]
    return np.random.default_rng(seed).normal(size=(count, net.sequence_length, width))


def calibrated(net, hardware, x, **coordinates):
    program = build_program(net, hardware)
    sums = calibrate_adc(program, hardware, x)
    return AnalogNetwork(program, hardware, calibration=sums, time=3600.0, **coordinates)


@pytest.mark.parametrize("kernel", ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("policy", ["aligned", "max"])
def test_enough_bits_lose_nothing(random_networks, kernel, scheme, policy):
    form = random_networks.form_of(kernel)
    net = random_networks.network(4, form=form)
    chip = chip_of(
        random_networks, 3, bits=14, kernel=kernel,
        tile={"rows": 7, "columns": 49, "weights": scheme},
        mapping={"encoder": "analog", "decoder": "analog"}, adc={"range": policy},
    )  # fmt: skip
    x = sequences(net, 3)
    result = calibrated(net, chip, x).run(x)
    np.testing.assert_array_equal(result.logits, run_digital(net, x).logits)
    assert not any(a.low.any() or a.high.any() for a in result.activity.values())
    planned = {key: 3 * n for key, n in action_counts(build_program(net, chip)).items()}
    assert dict(result.counts) == planned


def digits_of(w, width, number):
    """Sign and magnitude, digit by digit."""
    sign, rest = (-1 if w < 0 else 1), abs(int(w))
    return [sign * (rest // 2 ** (width * k) % 2**width) for k in range(number)]


def widths(columns, number):
    """Width of the digits of each column of weights (inputs, outputs)."""
    return [-(-max(1, int(np.abs(c).max())).bit_length() // number) for c in columns.T]


def exponents(sums, bits):
    """The smallest steps of powers of two, at least one, that hold the largest sums."""
    high = 2 ** (bits - 1) - 1
    return np.array([max(0, math.ceil(math.log2(max(m, 1) / high))) for m in sums])


def adc(acc, exponent, bits):
    code = np.floor(acc / 2.0**exponent + 0.5)
    return np.clip(code, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int64)


def reader_of(network):
    return Reader(
        network.instance, ActionCounter(network.program), Saturation(), threads=1, noise=True
    )


@pytest.mark.parametrize("number", [2, 4])
@pytest.mark.parametrize("rows", [16, 3])
def test_a_coarse_linear_layer_against_a_naive_twin(random_networks, number, rows):
    """Each slice of each part of a sum is rounded by itself; biases join the integer sum."""
    net, bits = random_networks.network(6), 6
    chip = chip_of(random_networks, number, bits=bits, tile={"rows": rows})
    x = sequences(net, 4)
    network = calibrated(net, chip, x)
    linear = net.layers[0].linear
    tiles = network.program.linears[0]
    seen = run_linear_inputs(random_networks, net, x)
    rng = np.random.default_rng(1)
    codes = seen[rng.permutation(len(seen))[:40]].astype(np.int64)
    total = np.tile(linear.bias, (len(codes), 1)).astype(np.int64)
    for start in sorted(set(tiles.row_start.tolist())):
        weight = linear.weight.T[start : start + rows]
        count = next(
            int(tiles.row_count[t]) for t in range(tiles.tiles) if tiles.row_start[t] == start
        )
        weight = linear.weight.T[start : start + count]
        for j, width in enumerate(widths(weight, number)):
            digits = np.array([digits_of(w, width, number) for w in weight[:, j]])
            largest = np.abs(seen[:, start : start + count] @ digits).max(axis=0)
            e = exponents(largest, bits)
            parts = adc(codes[:, start : start + count] @ digits, e, bits)
            total[:, j] += (parts * 2 ** (e + width * np.arange(number))).sum(axis=1)
    q = linear.requant
    gain = np.broadcast_to(q.multiplier / 2.0**q.shift, total.shape[1:])
    expected = np.clip(np.floor(total * gain + 0.5), -q.limit, q.limit)
    found = reader_of(network).linear(
        "chip.layer0.linear", codes.astype(np.int16)[None], np.arange(1)
    )
    np.testing.assert_array_equal(found[0], expected)
    exact = np.clip(np.floor((codes @ linear.weight.T + linear.bias) * gain + 0.5), -127, 127)
    assert not np.array_equal(found[0], exact)  # six bits do round


def run_linear_inputs(random_networks, net, x):
    codes = random_networks.values(net, x)["layer0.activation"]
    return codes.reshape(-1, codes.shape[-1]).astype(np.int64)


@pytest.mark.parametrize("kernel", ["fused_lookahead", "two_pass"])
def test_a_noisy_sliced_kernel_against_a_naive_twin(random_networks, kernel):
    """The recurrence with every slice read, disturbed and converted apart, in float64 NumPy."""
    form = "lookahead" if kernel == "fused_lookahead" else "separate"
    net = random_networks.network(5, layers=1, form=form)
    chip = chip_of(
        random_networks, 2, bits=9, kernel=kernel, on=("read_noise", "programming_error"),
        tile={"cell": "cells/taox_imssa", "rows": 14},
    )  # fmt: skip
    x = sequences(net, 3)
    network = calibrated(net, chip, x, seed=7, chip=2)
    u = random_networks.values(net, x)["layer0.input"].astype(np.int64)
    tiles, ready = network.program.kernels[0], network.instance.kernels["chip.layer0.kernel"]
    programmed, k = ready.on_chip.programmed, net.layers[0].kernel
    gain = k.state_requant.multiplier / 2.0**k.state_requant.shift
    out_gain = np.broadcast_to(k.output_requant.multiplier / 2.0**k.output_requant.shift, (5,))
    y = np.zeros((3, net.sequence_length, 5))
    clipped = 0
    for b in range(3):
        for t in range(tiles.tiles):
            s, i = int(tiles.n_states[t]), int(tiles.n_inputs[t])
            state = np.zeros(s)
            mode = tiles.state_index[t, :s] // 2
            channel = tiles.output_channel[t, :i]

            def read(v, z, t=t, s=s, i=i):
                w, var = programmed.weights[t, : s + i], programmed.variance[t, : s + i]
                var = var + programmed.flat_variance[t]
                acc = v @ w + np.sqrt(v**2 @ var) * z
                step = ready.on_chip.conversion.step[t]
                code = np.clip(np.floor(acc / step + 0.5), -256, 255)
                value = (code * step).reshape(-1, 2)
                return value[:, 0] + value[:, 1] * 2.0 ** ready.on_chip.slices.shift[t, 1::2]

            for step in range(net.sequence_length):
                z = np.empty(programmed.weights.shape[2], np.float32)
                fill_normals(*derive_key(7, 2, b, tiles.site, t), step, z)
                sums = read(np.concatenate([state, u[b, step, channel]]), z)
                state = np.clip(
                    np.floor(sums[:s] * gain[mode // 3, mode % 3] + 0.5), -127, 127
                )  # fmt: skip
                if kernel == "two_pass":
                    sums = read(np.concatenate([state, u[b, step, channel]]), z)
                code = np.floor(sums[s : s + i] * out_gain[channel] + 0.5)
                y[b, step, channel] = np.clip(code, -127, 127)
                clipped += int((np.abs(code) > 127).sum())
    reader = reader_of(network)
    path = "chip.layer0.kernel"
    found = reader._read_kernel(path, ready, k, u.astype(np.int16), np.arange(3))
    # The kernel adds in single precision: a sum may fall on the other side of an ADC's edge.
    differ = found != y
    assert differ.mean() < 0.02
    assert np.abs(found - y)[differ].max(initial=0) <= 2
    assert clipped < y.size / 2


def test_noise_of_slices_is_weighted_by_their_shifts(random_networks):
    """Variance of the joined sum: Σ_k 4^(b·k)·var_k; |z| < 5 for each column, 4,000 reads."""
    net = random_networks.network(6)
    chip = chip_of(
        random_networks, 2, bits=16, on=("read_noise",), tile={"cell": "cells/taox_imssa"}
    )  # fmt: skip
    x = sequences(net, 4)
    network = calibrated(net, chip, x)
    ready = network.instance.dense["chip.layer0.linear"]
    codes = np.tile(run_linear_inputs(random_networks, net, x)[17], (1, 4000, 1)).astype(np.int16)
    reader = reader_of(network)
    sums = np.concatenate([
        part for _, part in reader._blocks("chip.layer0.linear", ready, codes, np.arange(1))
    ])  # fmt: skip
    tiles, programmed = ready.tiles, ready.on_chip.programmed
    v = codes[0, 0].astype(float)
    assert tiles.tiles == 1
    each = v**2 @ (programmed.variance[0] + programmed.flat_variance[0]) + 1 / 12
    shift = ready.on_chip.slices.shift[0].reshape(-1, 2)
    expected = (each.reshape(-1, 2) * 4.0**shift).sum(axis=1)
    z = (sums.var(axis=0, ddof=1) / expected - 1) / math.sqrt(2 / 3999)
    assert np.all(np.abs(z) < 5)
    mean = v @ ready.on_chip.weights[0]
    assert np.all(np.abs(sums.mean(axis=0) - mean) < 5 * np.sqrt(expected / 4000))


def test_calibration_sums_are_those_of_the_digits(random_networks):
    net = random_networks.network(4, form="separate")
    adc = {"range": "percentile"}  # keeps sums, not their maximum alone
    chip = chip_of(random_networks, 2, kernel="two_pass", adc=adc)
    program = build_program(net, chip)
    x = sequences(net, 3)
    sums = calibrate_adc(program, chip, x)
    one = calibrate_adc(program, chip_of(random_networks, 1, kernel="two_pass", adc=adc), x)
    for tiles in program.kernels:
        found = sums[tiles.path]
        ready = AnalogNetwork(program, chip, calibration=sums).instance.kernels[tiles.path]
        joined = put_together(found.values.transpose(0, 2, 1), ready.on_chip.slices)
        np.testing.assert_array_equal(joined.transpose(0, 2, 1), one[tiles.path].values)
        assert np.all(np.abs(found.values).max(axis=2) <= found.maximum)


def test_what_is_not_possible_is_refused(random_networks):
    net = random_networks.network(3)
    chip = chip_of(random_networks, 2)
    with pytest.raises(InputError, match=r"calibration data"):
        AnalogNetwork(build_program(net, chip), chip)
    tile = {"cell": "cells/ideal", "slices": 2}
    base = {"chip": {"tile": tile}, "adc": {"card": "adc/survey_andrulis_2024", "scope": "tile"}}
    with pytest.raises(ValueError, match="no shift relates"):
        HardwareConfig.model_validate(base)
    tile["weight_scale"] = "tile"
    HardwareConfig.model_validate(base)


def test_a_range_shared_by_a_tile_is_one_step(random_networks):
    net = random_networks.network(6)
    chip = chip_of(
        random_networks, 2, adc={"scope": "tile"}, tile={"weight_scale": "tile", "rows": 16}
    )
    x = sequences(net, 3)
    network = calibrated(net, chip, x)
    for path, ready in network.instance.kernels.items():
        used = np.repeat(ready.on_chip.columns.used, 2, axis=1)
        for t in range(ready.tiles.tiles):
            assert len(set(ready.on_chip.conversion.step[t][used[t]])) == 1, path
    result = network.run(x)
    assert not any(a.low.any() or a.high.any() for a in result.activity.values())
