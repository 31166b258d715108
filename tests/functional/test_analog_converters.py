"""Finite converters against naive twins, and the exactness that the aligned range promises."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from imssa_sim.config.schema import EffectsConfig
from imssa_sim.errors import InputError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program
from imssa_sim.program.saturation import Saturation
from imssa_sim.quantisation.requantiser import requantise


def chip_of(random_networks, **changes):
    """A chip whose only departure from the ideal one are its converters."""
    effects = dict.fromkeys(EffectsConfig.model_fields, False)
    sections = {"effects": effects, "dac": {"bits": 12}, "mapping": {"linear": "digital"}}
    for name, value in changes.items():
        sections[name] = sections.get(name, {}) | value
    return random_networks.hardware(ideal=False, **sections)


def sequences(net, count, seed=0):
    width = net.encoder.weight.shape[1]
    return np.random.default_rng(seed).normal(size=(count, net.sequence_length, width))


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    seed=st.integers(0, 2**16),
    kernel=st.sampled_from(["fused_lookahead", "fused_delayed", "two_pass"]),
    state=st.integers(3, 8),
    output=st.integers(3, 8),
    spare=st.integers(0, 3),
)
def test_aligned_range_is_exact_for_whole_kernels(
    random_networks, seed, kernel, state, output, spare
):
    """With at least as many ADC bits as the quantisers behind have, nothing is lost."""
    form = "lookahead" if kernel == "fused_lookahead" else "separate"
    net = random_networks.network(seed, form=form, state=state, kernel_output=output)
    chip = chip_of(
        random_networks, adc={"bits": max(state, output) + spare}, mapping={"kernel": kernel}
    )
    x = sequences(net, 3)
    result = AnalogNetwork(build_program(net, chip), chip).run(x)
    np.testing.assert_array_equal(result.logits, run_digital(net, x).logits)


def test_aligned_range_loses_resolution_below_the_state_bits(random_networks):
    net = random_networks.network(1)
    chip = chip_of(random_networks, adc={"bits": 5})
    x = sequences(net, 3)
    result = AnalogNetwork(build_program(net, chip), chip).run(x)
    assert not np.array_equal(result.logits, run_digital(net, x).logits)


def adc(acc, scale, offset, bits):
    return np.clip(np.floor(acc * scale + offset), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@pytest.mark.parametrize("bits", [5, 7, 8, 10])
def test_coarse_converters_against_a_naive_twin(random_networks, bits):
    """One kernel, mode by mode in NumPy, with the ADC's step written out."""
    net = random_networks.network(5, layers=1)
    chip = chip_of(random_networks, adc={"bits": bits})
    program = build_program(net, chip)
    x = sequences(net, 2)
    layer = net.layers[0]
    u = random_networks.values(net, x)["layer0.input"].astype(np.int64)
    k = layer.kernel
    a = (k.a_re + 1j * k.a_im) * 2.0**k.a_shift
    b = (k.b_re + 1j * k.b_im) * 2.0**k.b_shift

    def convert(acc, requantiser):
        gain = requantiser.multiplier / 2.0**requantiser.shift
        j = bits - requantiser.bits
        code = adc(acc, gain * 2.0**j, 0.0 if j >= 1 else 0.5, bits)
        return np.clip(np.floor(code * 2.0**-j + 0.5), -requantiser.limit, requantiser.limit)

    state = np.zeros((2, *k.a_re.shape), complex)
    y = np.zeros((2, net.sequence_length, k.channels))
    for step in range(net.sequence_length):
        drive = u[:, step, :, None]
        out = (k.c_re * state.real + k.c_im * state.imag).sum(-1) * 2.0**k.c_shift
        y[:, step] = convert(out + k.d * 2.0**k.d_shift * drive[..., 0], k.output_requant)
        acc = a * state + b * drive
        state = convert(acc.real, k.state_requant) + 1j * convert(acc.imag, k.state_requant)
    network = AnalogNetwork(program, chip)
    reads = kernel_codes(network, u.astype(np.int16))
    np.testing.assert_array_equal(reads, y)


def kernel_codes(network, u, path="chip.layer0.kernel"):
    """Output codes of one kernel stage alone."""
    from imssa_sim.functional.counts import ActionCounter
    from imssa_sim.functional.reads import Reader

    reader = Reader(
        network.instance, ActionCounter(network.program), Saturation(), threads=1, noise=True
    )
    kernel = network.program.network.layers[0].kernel
    return reader.kernel(path, kernel, u, np.arange(len(u)))


def test_split_kernel_against_a_naive_twin(random_networks):
    """Partial sums are rounded one by one at a common step, then added and requantised."""
    net = random_networks.network(7, layers=1, channels=3, modes=4)
    chip = chip_of(random_networks, adc={"bits": 9}, tile={"rows": 5, "columns": 10})
    program = build_program(net, chip)
    x = sequences(net, 2)
    sums = calibrate_adc(program, chip, x)
    network = AnalogNetwork(program, chip, calibration=sums)
    u = random_networks.values(net, x)["layer0.input"].astype(np.int64)
    k = net.layers[0].kernel
    conversion = network.instance.kernels["chip.layer0.kernel"].on_chip.conversion
    gain = np.broadcast_to(k.output_requant.multiplier / 2.0**k.output_requant.shift, (3,))
    a = (k.a_re + 1j * k.a_im) * 2.0**k.a_shift
    b = (k.b_re + 1j * k.b_im) * 2.0**k.b_shift
    state = np.zeros((2, 3, 4), complex)
    y = np.zeros((2, net.sequence_length, 3))
    # Channel c: modes 0, 1 and modes 2, 3 on tiles of their own; 9 bits against 8: step gain/2**j.
    tiles = program.kernels[0]
    steps = {}
    for t in range(tiles.tiles):
        for place, channel in enumerate(tiles.output_channel[t, : tiles.n_outputs[t]]):
            column = tiles.n_states[t] + place
            steps.setdefault(int(channel), set()).add(float(conversion.step[t, column]))
    assert all(len(found) == 1 for found in steps.values())
    step_of = np.array([steps[c].pop() for c in range(3)])
    j = np.log2(1 / (gain * step_of))
    np.testing.assert_array_equal(j, np.rint(j))
    for step in range(net.sequence_length):
        drive = u[:, step, :, None]
        terms = (k.c_re * state.real + k.c_im * state.imag) * 2.0 ** k.c_shift[:, None]
        first = terms[..., :2].sum(-1) + k.d * 2.0**k.d_shift * drive[..., 0]
        parts = [adc(p, 1 / step_of, 0.5, 9) for p in (first, terms[..., 2:].sum(-1))]
        code = np.floor((parts[0] + parts[1]) * (gain * step_of) + 0.5)
        y[:, step] = np.clip(code, -127, 127)
        acc = a * state + b * drive
        state = requantise(acc.real.astype(np.int64), k.state_requant) + 1j * requantise(
            acc.imag.astype(np.int64), k.state_requant
        )
    np.testing.assert_array_equal(kernel_codes(network, u.astype(np.int16)), y)


def test_calibration_sums_of_a_linear_layer(random_networks):
    net = random_networks.network(2)
    chip = chip_of(
        random_networks, adc={"range": "max"}, mapping={"linear": "analog"}, tile={"rows": 16}
    )
    program = build_program(net, chip)
    x = sequences(net, 4)
    layer = net.layers[0]
    g = random_networks.values(net, x)["layer0.activation"]
    acc = g.reshape(-1, 5).astype(np.int64) @ layer.linear.weight.T + layer.linear.bias
    sums = calibrate_adc(program, chip, x)
    np.testing.assert_array_equal(sums["chip.layer0.linear"].maximum[0], np.abs(acc).max(axis=0))
    assert set(sums) == {f"chip.layer{i}.{k}" for i in (0, 1) for k in ("kernel", "linear")}


@pytest.mark.parametrize("mapping", ["fused_lookahead", "two_pass"])
@pytest.mark.parametrize("rows", [16, 5])
def test_calibration_sums_of_kernels_reproduce_the_outputs(random_networks, mapping, rows):
    """With a range that holds every sum and 16 bits, the chip is the golden model to one code."""
    form = "lookahead" if mapping == "fused_lookahead" else "separate"
    net = random_networks.network(4, form=form)
    chip = chip_of(
        random_networks, adc={"range": "max", "bits": 16}, mapping={"kernel": mapping},
        tile={"rows": rows},
    )  # fmt: skip
    program = build_program(net, chip)
    x = sequences(net, 3)
    sums = calibrate_adc(program, chip, x)
    result = AnalogNetwork(program, chip, calibration=sums).run(x)
    # A state that the converter rounds the other way can push a later sum past the largest seen.
    for activity in result.activity.values():
        assert activity.low.sum() + activity.high.sum() <= activity.conversions / 1000
    # Each column's largest sum is reached, so the range is no wider than needed.
    for path, activity in result.activity.items():
        entry = sums[path]
        assert (entry.maximum[entry.maximum > 0]).size == network_columns(program, path)
        assert activity.conversions > 0
    expected = run_digital(net, x)
    spread = np.abs(expected.logits).max()
    assert np.abs(result.logits - expected.logits).max() < 0.05 * spread


def network_columns(program, path):
    tiles = next(k for k in program.kernels if k.path == path)
    return int((tiles.n_states + tiles.n_outputs).sum())


@pytest.mark.parametrize("policy", ["max", "percentile", "mse"])
@pytest.mark.parametrize("scope", ["column", "tile"])
def test_range_policies_saturate_as_they_should(random_networks, policy, scope):
    net = random_networks.network(3, length=40)
    chip = chip_of(
        random_networks, adc={"range": policy, "percentile": 90.0, "scope": scope, "bits": 8},
        mapping={"linear": "analog"},
    )  # fmt: skip
    program = build_program(net, chip)
    x = sequences(net, 8)
    result = AnalogNetwork(program, chip, calibration=calibrate_adc(program, chip, x)).run(x)
    clipped = {p: (a.low.sum() + a.high.sum()) / a.conversions for p, a in result.activity.items()}
    share = clipped["chip.layer0.linear"]
    if policy == "max":  # the coarser kernels before it move its inputs a little
        assert share < 0.002
    elif scope == "column" and policy == "percentile":
        assert share == pytest.approx(0.1, abs=0.03)
    elif scope == "tile" and policy == "percentile":
        assert share < 0.1


def test_range_needs_calibration(random_networks):
    net = random_networks.network(3)
    chip = chip_of(random_networks, adc={"range": "mse"})
    with pytest.raises(InputError, match=r"chip\.layer0\.kernel: .*calibration data"):
        AnalogNetwork(build_program(net, chip), chip)


def test_analog_linear_is_within_a_code(random_networks):
    """A whole linear layer: the bias is trimmed into the conversion."""
    net = random_networks.network(6)
    chip = chip_of(random_networks, adc={"bits": 8}, mapping={"linear": "analog"})
    network = AnalogNetwork(build_program(net, chip), chip)
    codes = np.random.default_rng(0).integers(-127, 128, (4, 50, 5)).astype(np.int16)
    expected = random_networks.linear_digital(net.layers[0].linear, codes)
    found = linear_codes(network, codes)
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01
    assert np.abs(expected).max() == 127


def linear_codes(network, codes):
    from imssa_sim.functional.counts import ActionCounter
    from imssa_sim.functional.reads import Reader

    reader = Reader(
        network.instance, ActionCounter(network.program), Saturation(), threads=1, noise=True
    )
    return reader.linear("chip.layer0.linear", codes, np.arange(len(codes)))


def test_split_linear_adds_a_finer_bias(random_networks):
    net = random_networks.network(6, channels=8)
    chip = chip_of(
        random_networks, adc={"bits": 12}, mapping={"linear": "analog"},
        tile={"rows": 7, "columns": 14},
    )  # fmt: skip
    program = build_program(net, chip)
    x = sequences(net, 4)
    network = AnalogNetwork(program, chip, calibration=calibrate_adc(program, chip, x))
    assert network.instance.dense["chip.layer0.linear"].row_tiles == 2
    layer = net.layers[0]
    g = random_networks.values(net, x)["layer0.activation"]
    difference = np.abs(
        linear_codes(network, g).astype(int) - random_networks.linear_digital(layer.linear, g)
    )
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.1


def test_analog_decoder_is_close(random_networks):
    net = random_networks.network(8)
    chip = chip_of(random_networks, adc={"bits": 14}, mapping={"decoder": "analog"})
    program = build_program(net, chip)
    x = sequences(net, 6)
    result = AnalogNetwork(program, chip, calibration=calibrate_adc(program, chip, x)).run(x)
    expected = run_digital(net, x).logits
    np.testing.assert_allclose(result.logits, expected, atol=2e-4 * np.abs(expected).max())
    assert not np.array_equal(result.logits, expected)


@pytest.mark.parametrize("bits", [2, 4, 7])
def test_coarse_drivers_round_the_codes(random_networks, bits):
    """A driver of few bits applies the nearest of its own levels, whose ends are the codes'."""
    net = random_networks.network(6)
    chip = chip_of(
        random_networks, adc={"bits": 8}, dac={"bits": bits, "encoding": "amplitude"},
        mapping={"linear": "analog"},
    )  # fmt: skip
    network = AnalogNetwork(build_program(net, chip), chip)
    codes = np.random.default_rng(0).integers(-127, 128, (4, 50, 5)).astype(np.int16)
    top = 2 ** (bits - 1) - 1
    values = np.sign(codes) * np.floor(np.abs(codes) / 127 * top + 0.5) / top * 127
    linear = net.layers[0].linear
    exact = (values @ linear.weight.T + linear.bias) * (
        linear.requant.multiplier / 2.0**linear.requant.shift
    )
    found = linear_codes(network, codes)
    near = np.abs(found - np.clip(exact, -127, 127))
    assert near.max() < 0.5 + 1e-3
