"""Post-training quantisation: what the integer network must have in common with the float one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Network, Norm
from imssa_sim.model.ptq import with_quantised_time_step
from imssa_sim.model.ptq_digital import sum_factors
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.quantisers import clipping_range, code_limit
from imssa_sim.quantisation.requantiser import requantiser_scale
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.reference.calibration import RunningHistogram, calibrate
from imssa_sim.reference.forward import forward
from imssa_sim.reference.quantise import quantise
from imssa_sim.ssm.evaluate import iterate_states
from imssa_sim.ssm.forms import output_form
from imssa_sim.ssm.kept import kept_modes
from imssa_sim.ssm.quantise import KernelRanges, _shifts, quantise_kernel, state_matrix_codes

MAXIMUM = CalibrationOptions(activations="max")


def widths(value: int, **given: int) -> BitWidths:
    names = [f.name for f in dataclasses.fields(BitWidths)]
    return BitWidths(**(dict.fromkeys(names, value) | given))


def network(seed: int = 0, **changes) -> Network:
    """A network with a norm and biases that are not trivial."""
    sizes = {"layers": 2, "width": 12, "state": 8, "inputs": 2, "classes": 5}
    net = random_network(**(sizes | changes), seed=seed)
    rng = np.random.default_rng(seed)

    def shaken(norm: Norm | None) -> Norm | None:
        if norm is None:
            return None
        width = len(norm.weight)
        batch = norm.running_mean is not None
        return dataclasses.replace(
            norm,
            weight=rng.uniform(0.5, 1.5, width),
            bias=rng.normal(0, 0.2, width),
            running_mean=rng.normal(0, 0.3, width) if batch else None,
            running_variance=rng.uniform(0.5, 2, width) if batch else None,
        )

    layers = tuple(dataclasses.replace(layer, norm=shaken(layer.norm)) for layer in net.layers)
    return dataclasses.replace(net, layers=layers)


def sequences(seed: int = 0, samples: int = 6, length: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, length, 2))


def relative_error(net: Network, bits: BitWidths, x: np.ndarray, **options) -> float:
    """RMS error of the logits over their own spread."""
    wanted = forward(net, x)
    found = run_digital(quantise(net, bits, x, **options), x).logits
    return float(np.sqrt(np.mean((found - wanted) ** 2)) / wanted.std())


VARIANTS = [
    {},
    {"norm_position": "pre"},
    {"norm": "none"},
    {"norm": "batch"},
    {"norm": "batch", "norm_position": "pre"},
    {"bidirectional": True},
    {"bidirectional": True, "norm_position": "pre"},
    {"discretisation": "bilinear"},
    {"initialisation": "lin"},
    {"initialisation": "real"},
    {"width": 5, "state": 2, "layers": 1},
]


@pytest.mark.parametrize("form", ["lookahead", "separate"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_logits_converge_to_the_float_network(variant, form):
    """Each two bits quarter the step; nothing but rounding separates the two networks.

    Bounds: 16 bits within 5e-4 of the logits' spread (rounding of 2**-15, some ten rounded
    quantities per layer, recurrences of up to 50 steps), 12 bits within 16 times that, and twice
    for luck.
    """
    net, x = network(**variant), sequences()
    errors = [
        relative_error(net, widths(b), x, form=output_form(form), options=MAXIMUM)
        for b in (8, 12, 16)
    ]
    assert errors[2] < 1e-3
    assert errors[1] < 2e-2
    assert errors[2] < errors[1] / 4 < errors[0] / 8


@pytest.mark.parametrize("method", ["max", "percentile", "mse"])
@pytest.mark.parametrize("granularity", ["tensor", "channel", "mode"])
def test_every_calibration_works_at_eight_bits(method, granularity):
    shared = "channel" if granularity == "mode" else granularity
    grain = Granularities(granularity, granularity, shared, shared, shared, granularity, shared)
    options = CalibrationOptions(method, method, 99.9, grain)
    assert relative_error(network(), widths(8), sequences(), options=options) < 0.5


@pytest.mark.parametrize("form", ["lookahead", "separate", "delta"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_input_scales_of_channels_are_powers_of_two_below_the_tensors(variant, form):
    """Channels of unlike size get unlike scales, and the logits stay those of the float network."""
    net, x = network(**variant), sequences()
    factor = np.geomspace(1, 1 / 20, net.width)
    layers = tuple(_with_gain(layer, factor) for layer in net.layers)
    net = dataclasses.replace(
        net,
        encoder_weight=net.encoder_weight * factor[:, None],
        encoder_bias=net.encoder_bias * factor,
        layers=layers,
    )
    grain = Granularities(kernel_input="channel")
    options = dataclasses.replace(MAXIMUM, granularity=grain)
    bits = widths(12, state=16)
    found = quantise(net, bits, x, form=output_form(form), options=options)
    whole = quantise(net, bits, x, form=output_form(form), options=MAXIMUM)
    for layer, other in zip(found.layers, whole.layers, strict=True):
        shift = np.log2(other.input_scale / layer.input_scale)
        assert set(shift) <= {0, 1, 2, 3}
        assert shift.max() > 0
    assert relative_error(net, bits, x, form=output_form(form), options=options) < 2e-2


def _with_gain(layer, factor):
    if layer.norm is None:
        return layer
    norm = dataclasses.replace(
        layer.norm, weight=layer.norm.weight * factor, bias=layer.norm.bias * factor
    )
    return dataclasses.replace(layer, norm=norm)


def test_finer_granularity_of_the_states_helps():
    """A single state scale cannot serve fast and slow modes, whose states differ by far."""
    net, x = network(dt_range=(1e-3, 1e-1)), sequences()

    def error(state) -> float:
        options = CalibrationOptions("max", granularity=Granularities(state=state))
        return relative_error(net, widths(16, state=6), x, options=options)

    assert error("mode") < error("channel") < error("tensor")


def test_weights_reproduce_the_discrete_kernel():
    """Codes times scales give A, B, C and D of the float network within half a step each."""
    net, x = network(width=4, layers=1), sequences()
    layer = quantise(net, widths(10), x, options=MAXIMUM).layers[0]
    k = layer.kernel
    a, b = net.layers[0].kernel.discrete(net.discretisation)
    unit = requantiser_scale(k.state_requant)
    a_step, b_step = np.ldexp(unit, k.a_shift), np.ldexp(unit, k.b_shift)
    # The nearest impulse response may be a neighbour's: one step in each part.
    assert np.all(np.abs((k.a_re + 1j * k.a_im) * a_step - a) <= np.sqrt(2) * a_step)
    drive = b * layer.input_scale / k.state_scale
    assert np.all(np.abs(k.b_re * b_step - drive.real) <= b_step / 2 * (1 + 1e-6))
    assert np.all(np.abs(k.b_im * b_step - drive.imag) <= b_step / 2 * (1 + 1e-6))
    c, d = net.layers[0].kernel.C, net.layers[0].kernel.D
    column = requantiser_scale(k.output_requant) * k.output_scale
    c_step = np.ldexp(column, k.c_shift)[:, None]
    wanted = 2 * (c * a).real * k.state_scale
    assert np.all(np.abs(k.c_re * c_step - wanted) <= c_step / 2 * (1 + 1e-6))
    through = ((2 * (c * b).sum(axis=1)).real + d) * layer.input_scale
    d_step = np.ldexp(column, k.d_shift)
    assert np.all(np.abs(k.d * d_step - through) <= d_step / 2 * (1 + 1e-6))


def test_increments_hold_what_a_quarter_turn_leaves():
    net, x = network(width=4, layers=1, dt_range=(0.1, 1.0)), sequences()
    k = quantise(net, widths(10, state=14), x, form=output_form("delta")).layers[0].kernel
    a, _ = net.layers[0].kernel.discrete(net.discretisation)
    assert set(k.turns.ravel()) == {0, 1, 2, 3}
    step = np.ldexp(requantiser_scale(k.state_requant), k.a_shift - k.drive_shift)
    held = (k.a_re + 1j * k.a_im) * step
    assert np.abs(held).max() < 2 * np.sin(np.pi / 8) + 0.5
    assert np.all(np.abs(held + 1j**k.turns - a) <= np.sqrt(2) * step + 1e-12)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    bits=st.integers(2, 16),
    form=st.sampled_from(["lookahead", "separate"]),
)
def test_quantised_kernels_obey_the_contract(seed, bits, form):
    net = network(seed, width=4, bidirectional=seed % 2 == 0)
    quantised = quantise(net, widths(bits), sequences(seed, 2, 20), form=output_form(form))
    for layer in quantised.layers:
        for k in layer.kernels:
            for codes in (k.a_re, k.a_im, k.b_re, k.b_im, k.c_re, k.c_im, k.d):
                assert np.abs(codes).max() <= code_limit(bits)
            assert np.all(np.minimum(k.a_shift, k.b_shift) == 0)
            assert np.all(np.minimum(k.c_shift, k.d_shift) == 0)
            assert min(k.a_shift.min(), k.b_shift.min(), k.c_shift.min(), k.d_shift.min()) >= 0
            if not k.form.ahead:
                assert k.feedthrough_requant is not None
                assert not k.c_shift.any()
                assert not k.d_shift.any()
            # The floating-point twin of the requantisers is exact.
            state, output = k.bounds(code_limit(bits))
            assert (state * k.state_requant.multiplier).max() < 2**53
            assert (output * k.output_requant.multiplier).max() < 2**53
        for anticausal in layer.kernels[1:]:
            assert not anticausal.d.any()


@settings(max_examples=50)
@given(seed=st.integers(0, 2**31), bits=st.integers(2, 12), length=st.integers(1, 300))
def test_state_matrix_takes_the_neighbour_with_the_nearest_impulse_response(seed, bits, length):
    rng = np.random.default_rng(seed)
    a = (1 - 10 ** rng.uniform(-6, -1, (2, 3))) * np.exp(1j * rng.uniform(-np.pi, np.pi, (2, 3)))
    step = np.maximum(np.abs(a.real), np.abs(a.imag)) / code_limit(bits)
    codes = state_matrix_codes(a, step, bits, length)
    assert np.abs(codes).max() <= code_limit(bits)
    found = (codes[..., 0] + 1j * codes[..., 1]) * step
    assert np.all(np.abs(found.real - a.real) <= step * (1 + 1e-9))
    assert np.all(np.abs(found.imag - a.imag) <= step * (1 + 1e-9))
    powers = np.arange(length)

    def error(q: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            wrong = np.abs(q[..., None] ** powers - a[..., None] ** powers) ** 2
        return np.nan_to_num(wrong.sum(axis=-1), nan=np.inf)

    rounded = (np.round(a.real / step) + 1j * np.round(a.imag / step)) * step
    assert np.all(error(found) <= error(rounded) * (1 + 1e-6) + 1e-9)


def test_slow_modes_stay_damped_over_long_sequences():
    """Plain rounding makes one mode in six of S4D-Lin undamped at 5 bits."""
    rng = np.random.default_rng(0)
    dt = np.exp(rng.uniform(np.log(1e-3), np.log(1e-1), 64))
    a = np.exp(dt[:, None] * (-0.5 + 1j * np.pi * np.arange(32)))
    step = np.maximum(np.abs(a.real), np.abs(a.imag)) / code_limit(5)
    plain = np.hypot(np.round(a.real / step), np.round(a.imag / step)) * step
    assert np.mean(plain >= 1) > 0.1
    codes = state_matrix_codes(a, step, 5, 1024)
    assert np.all(np.hypot(codes[..., 0], codes[..., 1]) * step < 1)


def test_time_step_is_rounded_on_a_logarithmic_grid():
    net = network(width=12)
    coarse = with_quantised_time_step(net, widths(4), "tensor").layers[0].kernel.log_dt
    exact = net.layers[0].kernel.log_dt
    step = np.abs(exact).max() / 7
    np.testing.assert_allclose(coarse / step, np.round(exact / step), atol=1e-9)
    single = with_quantised_time_step(net, widths(4), "channel").layers[0].kernel.log_dt
    np.testing.assert_allclose(single, exact, rtol=1e-12)


def test_ranges_are_those_of_the_float_network():
    net, x = network(bidirectional=True), sequences()
    captured: dict[str, np.ndarray] = {}
    forward(net, x, capture=lambda name, array: captured.update({name: array.copy()}))
    ranges = calibrate(net, x, widths(8), MAXIMUM)
    assert ranges.pooled == np.abs(captured["pooled"]).max()
    for i, layer in enumerate(ranges.layers):
        assert layer.gelu == np.abs(captured[f"layer{i}.gelu"]).max()
        u = captured[f"layer{i}.kernel_input"]
        assert layer.kernel_input == np.abs(u).max()
        for reverse, found in ((False, layer.state), (True, layer.state_reverse)):
            directions = net.layers[i].kernel.recurrences(net.discretisation)
            peaks = np.zeros(found.shape)
            for block, x in iterate_states(directions[reverse], u):
                parts = np.maximum(np.abs(x.real), np.abs(x.imag))
                peaks[block] = parts.max(axis=(0, 1))
            # The calibration runs the states in single precision.
            np.testing.assert_allclose(found, peaks, rtol=1e-4)


def test_long_calibration_sets_are_thinned_out():
    net = network(width=2, state=2, layers=1)
    x = sequences(samples=96, length=1024)
    x[2::3] = 0.0  # 64 of 96: every third is left out
    x[1] = 1e3  # run: sequence 1 * 96 // 64
    assert calibrate(net, x, widths(8), MAXIMUM).input == 1e3
    x[1], x[2] = 0.0, 1e3
    assert calibrate(net, x, widths(8), MAXIMUM).input < 10


def test_ranges_do_not_depend_on_how_the_sequences_are_cut(monkeypatch):
    import imssa_sim.reference.forward as module

    net, x = network(), sequences(samples=9)
    whole = calibrate(net, x, widths(6), CalibrationOptions())
    monkeypatch.setattr(module, "_CHUNK_ELEMENTS", 50 * 12 * 2)
    cut = calibrate(net, x, widths(6), CalibrationOptions())
    np.testing.assert_allclose(cut.layers[1].state, whole.layers[1].state, rtol=1e-6)
    assert cut.layers[1].gelu == pytest.approx(whole.layers[1].gelu, rel=0.1)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    method=st.sampled_from(["max", "percentile", "mse"]),
    bits=st.integers(3, 8),
)
def test_running_histogram_finds_the_range_of_the_whole(seed, method, bits):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=500) * 2.0**scale for scale in rng.integers(-3, 4, 5)]
    histogram = RunningHistogram()
    for part in parts:
        histogram.add(part)
    whole = np.concatenate(parts)
    found, wanted = histogram.range(method, bits, 99.0), clipping_range(whole, method, bits, 99.0)
    assert histogram.peak == np.abs(whole).max()
    if method == "mse":

        def error(largest: float) -> float:
            step = largest / code_limit(bits)
            codes = np.clip(np.round(whole / step), -code_limit(bits), code_limit(bits))
            return float(np.mean((codes * step - whole) ** 2))

        # Another candidate may win by the width of a bin; its error must be as good.
        assert error(found) <= error(float(wanted)) * 1.05
    else:
        bin_width = histogram.reach / len(histogram.counts)
        assert found == pytest.approx(float(wanted), abs=0.02 * float(wanted) + bin_width)


@settings(max_examples=100)
@given(
    product=st.floats(1e-7, 1e2),
    residual=st.floats(1e-7, 1e2),
    bits=st.integers(2, 16),
    width=st.integers(1, 1024),
)
def test_sum_factors_keep_ratio_and_bound(product, residual, bits, width):
    bounds = code_limit(bits) * (2**bits - 1), code_limit(bits)
    p, r, shift, scale = sum_factors(product, residual, bounds, width)
    largest = bounds[0] * p + bounds[1] * r
    assert ((largest >> shift) + 1) * width < 2**31
    if 2.0**-20 < product / residual < 2.0**20:
        assert p * scale / 2.0**shift == pytest.approx(product, rel=1e-3)
        assert r * scale / 2.0**shift == pytest.approx(residual, rel=1e-3)


def test_dead_channels_do_not_break_the_quantiser():
    net = network(width=4)
    kernel = dataclasses.replace(net.layers[0].kernel, C=np.zeros((4, 4), complex), D=np.zeros(4))
    silent = dataclasses.replace(
        net.layers[0], kernel=kernel, weight=np.zeros((8, 4)), bias=np.zeros(8)
    )
    net = dataclasses.replace(net, layers=(silent, net.layers[1]))
    assert relative_error(net, widths(16), sequences(), options=MAXIMUM) < 1e-3


def test_zero_inputs_calibrate_without_warning():
    found = run_digital(quantise(network(), widths(8), np.zeros((2, 9, 2))), np.zeros((2, 9, 2)))
    assert np.all(np.isfinite(found.logits))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bits": widths(8, state=1)}, "bits.state is 1"),
        ({"bits": widths(8, A=17)}, "bits.A is 17"),
        ({"calibration_inputs": np.zeros((0, 9, 2))}, "at least one sequence"),
        ({"calibration_inputs": np.full((1, 9, 2), np.nan)}, "finite"),
        ({"calibration_inputs": np.zeros((1, 9, 3))}, r"\(batch, steps, 2\)"),
    ],
)
def test_bad_input_is_refused(changes, words):
    given_ = {"network": network(), "bits": widths(8), "calibration_inputs": sequences()} | changes
    with pytest.raises(InputError, match=words):
        quantise(**given_)


def test_a_column_has_one_scale():
    with pytest.raises(InputError, match="granularity of C is 'mode'"):
        Granularities(C="mode")


def test_trained_network_keeps_its_accuracy_at_eight_bits():
    """The shipped digits network: no loss beyond 1 % from 8 bits on, little at 6, much at 3."""
    from imssa_sim.data.registry import load_dataset
    from imssa_sim.model.checkpoint import load_checkpoint

    path = Path(__file__).parents[2] / "checkpoints" / "sdigits.safetensors"
    net, data = load_checkpoint(path).network, load_dataset("sdigits")

    def accuracy(bits: int) -> float:
        quantised = quantise(net, widths(bits), data.train.inputs[:128])
        return float(
            np.mean(run_digital(quantised, data.test.inputs).predictions == data.test.labels)
        )

    floating = np.mean(forward(net, data.test.inputs).argmax(axis=1) == data.test.labels)
    found = [accuracy(bits) for bits in (3, 4, 6, 8, 12)]
    assert found[-1] == pytest.approx(floating, abs=0.003)
    assert found[-2] >= floating - 0.01
    assert found[-3] >= floating - 0.03
    assert found[0] < 0.5
    # Monotone, but for the noise of a few samples.
    assert np.all(np.diff(found) >= -0.05)


@pytest.mark.parametrize("form", ["lookahead", "separate"])
def test_states_that_no_calibration_reached_hold_an_input_of_full_scale(form):
    kernel = network(state=8).layers[0].kernel
    (recurrence,) = kernel.recurrences("zoh")
    _, b, _ = recurrence.per_channel()
    still = np.zeros(b.shape, np.int64)
    reached = np.where(np.arange(b.shape[1]) % 2, 3.0, 0.0) * np.ones(b.shape)
    ranges = KernelRanges(reached, 0.02, 0.1, 50, still)
    bits = widths(6, state=12, kernel_input=5)
    found = quantise_kernel(
        recurrence, kept_modes(kernel), ranges, bits, output_form(form), CalibrationOptions()
    )
    largest = np.where(reached > 0, reached, np.abs(b) * 0.02 * code_limit(5))
    np.testing.assert_allclose(found.state_scale, largest / code_limit(12))


@given(
    st.floats(1e-6, 1e3), st.floats(1e-6, 1e3), st.booleans(),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
)  # fmt: skip
def test_of_two_grids_in_one_sum_the_second_is_the_least_that_covers(one, two, zero, bounds):
    steps = np.array([one]), np.array([two])
    found = _shifts(*steps, np.array([0.0 if zero else two]), *(1 << bound for bound in bounds))
    first, second = (int(shift[0]) for shift in found)
    assert min(first, second) == 0
    power = second - first
    if zero:
        assert power == 0
    else:
        room = [45 - (bound + 1) for bound in bounds]
        free = -room[0] < power < room[1]
        assert 2.0**power * one >= two * (1 - 1e-6) or not free
        assert 2.0 ** (power - 1) * one < two or not free
