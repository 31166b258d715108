"""GPU baselines against hand arithmetic and limits."""

import itertools
import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.baselines import Shape, convolution_kernels, evaluate, recurrent_kernels
from imssa_sim.baselines.gpu import baseline_samples, evaluate_baselines, shape_of
from imssa_sim.baselines.workload import (
    COMPLEX_PRODUCT_FLOPS,
    GATE_NORM_FLOPS,
    GELU_FLOPS,
    ONE_PASS_POINTS,
)
from imssa_sim.cards import list_cards, load_card
from imssa_sim.config import load_config
from imssa_sim.errors import InputError

NANO = load_card("gpu/jetson_nano_10w")
SHAPE = Shape(layers=4, width=128, state=64, length=1024, inputs=1, classes=10)


def changed(card, **values):
    entries = {
        name: replace(card[name], scaled=value, range=None) for name, value in values.items()
    }
    return replace(card, parameters=MappingProxyType({**card.parameters, **entries}))


def test_peaks_of_the_nano_by_cores_and_clock():
    assert NANO["peak_fp16"].si == pytest.approx(128 * 2 * 2 * 0.9216e9)
    assert load_card("gpu/jetson_nano_5w")["peak_fp16"].si == pytest.approx(327.7e9, rel=1e-3)


def test_recurrent_mode_on_the_nano_is_launches_times_overhead():
    """Encoder and pool for each token, four kernels for each token and layer, one decoder."""
    launches = 1024 * (2 + 4 * 4) + 1
    result = evaluate(NANO, SHAPE, "recurrent")
    assert result.launches == launches
    # At batch 1 nothing but the linear layer comes near the overhead of 15 us.
    assert result.latency == pytest.approx(launches * 15e-6)
    assert result.bound == "launch"
    assert result.throughput == pytest.approx(1 / result.latency)
    assert result.energy == pytest.approx(result.average_power * result.latency)


def test_energy_of_one_kernel_by_hand():
    """A launch-bound kernel: full power while it works, half of the span while it waits."""
    kernels = {k.name: k for k in recurrent_kernels(SHAPE, 1, "fp16")}
    state = kernels["state"]
    moved = 2 * (4 * 128 * 32 + 4 * 128 * 32 + 128)
    assert state.bytes == moved
    assert state.flops == 10 * 128 * 32
    working = moved / (25.6e9 * 0.75)
    assert working > state.flops / (471.8592e9 * 0.6)
    waiting = 15e-6 - working
    energy = 10 * working + (1.9 + 0.5 * (10 - 1.9)) * waiting
    others = Shape(layers=1, width=128, state=64, length=1, inputs=1, classes=10)
    with_state = evaluate(NANO, others, "recurrent").energy
    decoy = replace(others, bidirectional=True)  # one more "state" and "output", and their sum
    difference = evaluate(NANO, decoy, "recurrent").energy - with_state
    output_working = 2 * (2 * 128 * 32 + 2 * 128 * 32 + 128) / (25.6e9 * 0.75)
    output_energy = 10 * output_working + 5.95 * (15e-6 - output_working)
    sum_energy = (10 - 5.95) * 2 * 128 / (25.6e9 * 0.75)  # one more number per channel
    assert difference == pytest.approx(energy + output_energy + sum_energy)


def test_two_directions_are_one_circular_convolution():
    """Both kernels add into one before the transforms; D and GELU come once (authors' code)."""
    both = replace(SHAPE, bidirectional=True)
    assert convolution_kernels(both, 32, "fp16") == convolution_kernels(SHAPE, 32, "fp16")
    card = load_card("gpu/a100")
    found = evaluate(card, both, "convolution", batch=32)
    assert found.launches == 3 + 6 * 4 == 27
    assert found.latency == pytest.approx(0.883e-3, rel=1e-3)
    # Useful operations and recurrent flops: one D u and one GELU per channel.
    assert both.useful_macs - SHAPE.useful_macs == 1024 * 4 * 128 * 8 * 32
    flops = [
        sum(k.repeats * k.flops for k in recurrent_kernels(shape, 1, "fp16"))
        for shape in (both, SHAPE)
    ]
    assert flops[0] - flops[1] == 1024 * 4 * 128 * (10 * 32 + 4 * 32 + 1)


def test_without_launch_overhead_the_roofline_is_left():
    free = changed(NANO, launch_overhead=0.0, bandwidth_efficiency=1.0, compute_efficiency=1.0)
    for mode in ("recurrent", "convolution"):
        result = evaluate(free, SHAPE, mode, batch=8)
        build = recurrent_kernels if mode == "recurrent" else convolution_kernels
        expected = sum(
            k.repeats * max(k.bytes / 25.6e9, k.flops / NANO[f"peak_{k.unit}"].si)
            for k in build(SHAPE, 8, "fp16")
        )
        assert result.latency == pytest.approx(expected)
        assert result.average_power == pytest.approx(10.0)  # always busy
        assert result.bound != "launch"


def test_flops_of_a_transform():
    """2.5 n log2 n for a real transform of n = 2L points; numpy's own count for a radix-2 FFT."""
    kernels = {k.name: k for k in convolution_kernels(SHAPE, 3, "fp16")}
    n = 2048
    assert kernels["transform"].flops == 2.5 * n * math.log2(n) * 128 * 3
    assert kernels["transform"].unit == "fp32"
    long = replace(SHAPE, length=8192)
    twice = {k.name: k for k in convolution_kernels(long, 3, "fp16")}["transform"]
    assert twice.bytes == 2 * 4 * 128 * 3 * (8192 + 2 * 8193)


def test_useful_macs_by_hand():
    step = 1 * 128 + 4 * (128 * (8 * 32 + 1) + 2 * 128 * 128)
    assert SHAPE.useful_macs == 1024 * step + 10 * 128
    result = evaluate(NANO, SHAPE, "convolution")
    assert result.operations == 2 * SHAPE.useful_macs
    assert result.efficiency == pytest.approx(result.operations / result.energy)


def test_batching_helps_until_memory_binds():
    per_sequence = [evaluate(NANO, SHAPE, "recurrent", batch=b).energy for b in (1, 8, 64, 512)]
    assert all(a > b for a, b in itertools.pairwise(per_sequence))
    assert evaluate(NANO, SHAPE, "recurrent", batch=512).bound == "memory"


def test_fusion_helps():
    fused = evaluate(NANO, SHAPE, "recurrent")
    eager = evaluate(NANO, SHAPE, "recurrent", fused=False)
    assert eager.launches == 1024 * (2 + 4 * (3 + 6 + 1 + 3)) + 1
    assert eager.latency > 2 * fused.latency


@pytest.mark.parametrize("card", list_cards("gpu"), ids=lambda card: card.name)
def test_convolution_beats_recurrence_and_ranges_hold_the_value(card):
    recurrent, convolution = (evaluate(card, SHAPE, m) for m in ("recurrent", "convolution"))
    # Launches make a GPU's recurrence slow; on a CPU an operation is a call.
    assert convolution.energy < recurrent.energy / (3 if "cpu" in card.name else 10)
    for result in (recurrent, convolution):
        assert result.latency_range[0] <= result.latency <= result.latency_range[1]
        assert result.energy_range[0] <= result.energy <= result.energy_range[1]
        assert card["idle_power"].si < result.average_power <= card["power"].si * (1 + 1e-12)
        assert "launch_overhead" in result.assumed
        assert result.citations


@given(
    st.sampled_from(["recurrent", "convolution"]), st.integers(1, 64), st.integers(4, 4096),
    st.sampled_from(["bandwidth", "peak_fp16", "peak_fp32"]), st.sampled_from(["fp16", "fp32"]),
)  # fmt: skip
def test_better_hardware_is_never_slower(mode, batch, length, name, precision):
    shape = replace(SHAPE, length=length)
    better = changed(NANO, **{name: 2 * NANO[name].si})
    slower = changed(NANO, launch_overhead=2 * NANO["launch_overhead"].si)
    plain = evaluate(NANO, shape, mode, batch=batch, precision=precision)
    assert evaluate(better, shape, mode, batch=batch, precision=precision).latency <= plain.latency
    assert evaluate(slower, shape, mode, batch=batch, precision=precision).latency >= plain.latency
    longer = evaluate(NANO, replace(shape, length=length + 1), mode, batch=batch)
    assert longer.energy > 0
    assert longer.operations > plain.operations


def test_bad_input():
    with pytest.raises(InputError, match="batch: 0"):
        evaluate(NANO, SHAPE, "recurrent", batch=0)
    with pytest.raises(InputError, match="of kind 'adc'"):
        evaluate(load_card("adc/isaac_saberi"), SHAPE, "recurrent")


def test_samples_of_a_launch_bound_run_follow_the_overheads_distribution():
    from scipy import stats

    from imssa_sim.baselines.gpu import baseline_samples

    result = evaluate(NANO, SHAPE, "recurrent")
    latency, energy, idle_power = baseline_samples(result, SHAPE, draws=2000)
    low, high = NANO["idle_power"].range
    assert low <= idle_power.min() < idle_power.max() <= high
    low, mode, high = (math.log(x) for x in (5e-6, 15e-6, 50e-6))
    expected = stats.triang((mode - low) / (high - low), low, high - low)
    per_launch = latency / result.launches
    for share in (0.25, 0.5, 0.75):
        assert np.quantile(per_launch, share) == pytest.approx(
            math.exp(expected.ppf(share)), rel=0.02
        )
    assert np.corrcoef(latency, energy)[0, 1] > 0.7
    again = baseline_samples(result, SHAPE, draws=2000)
    assert np.array_equal(latency, again.latency)


@pytest.mark.parametrize("mode", ["recurrent", "convolution"])
@pytest.mark.parametrize("batch", [1, 7, 32])
def test_energy_is_per_sequence_nominal_and_drawn(mode, batch):
    """What all kernels of a batch take, shared by its sequences; the draws surround it."""
    result = evaluate(NANO, SHAPE, mode, batch=batch)
    whole = result.average_power * sum(kernel.time for kernel in result.kernels)
    assert result.energy == pytest.approx(whole / batch)
    assert result.throughput == pytest.approx(batch / result.latency)
    low, high = result.energy_range
    assert low <= result.energy <= high
    assert high < 5 * result.energy
    drawn = baseline_samples(result, SHAPE, draws=500)
    assert np.quantile(drawn.energy, 0.01) < result.energy < np.quantile(drawn.energy, 0.99)
    assert np.median(drawn.energy) == pytest.approx(result.energy, rel=0.5)
    assert np.median(drawn.latency) == pytest.approx(result.latency, rel=0.5)
    assert np.median(drawn.idle_power) == pytest.approx(result.idle_power, rel=0.5)


@pytest.mark.parametrize(("batch", "more"), [(1, []), (7, [("convolution", 7)])])
def test_every_card_runs_in_both_modes_and_in_the_batch_of_the_run(batch, more):
    cards = ["gpu/a100", "gpu/jetson_nano_10w"]
    loaded = load_config("sdigits", [f"evaluate.batch={batch}", f"baselines={cards}"])
    found = evaluate_baselines(loaded.config, 50)
    wanted = [("recurrent", 1), ("convolution", 1), *more]
    assert [(b.card, b.mode, b.batch) for b in found] == [
        (card, mode, size) for card in cards for mode, size in wanted
    ]
    model, shape = loaded.config.model, shape_of(loaded.config, 50)
    assert (shape.layers, shape.width, shape.state, shape.length, shape.inputs, shape.classes) == (
        model.layers, model.width, model.state, 50, model.inputs, model.classes,
    )  # fmt: skip
    assert found[1] == evaluate(load_card(cards[0]), shape, "convolution")
    assert {b.precision for b in found} == {"fp16"}
    assert all(b.fused for b in found)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("precision", "size"), [("fp16", 2), ("fp32", 4)])
def test_every_kernel_of_a_step_by_hand(precision, size, both, fused):
    H, B, L, S = 8, 3, 16, 8 * 4  # S numbers of 8 channels' 2 complex states
    shape = Shape(layers=2, width=H, state=4, length=L, inputs=6, classes=5, bidirectional=both)
    gelu = 2 + GELU_FLOPS
    expected = {
        # repeats, launches of an unfused program, flops a sequence, numbers moved
        "encoder": (L, 1, 2 * 6 * H, 6 * H + B * (6 + H) + H),
        "state": (2 * L * (1 + both), 3, 5 * S, 2 * S + B * (2 * S + H)),
        "output and GELU": (2 * L, 6 + both, 2 * S + gelu * H + both * H,
                            S + B * (H + S) + H + B * H * (1 + both)),
        "linear": (2 * L, 1, 2 * H * 2 * H, 2 * H * H + B * 3 * H + 2 * H),
        "gate and norm": (2 * L, 3, GATE_NORM_FLOPS * H, 2 * H + 4 * B * H),
        "pool": (L, 1, H, 2 * B * H),
        "decoder": (1, 1, 2 * 5 * H, 5 * H + B * (5 + H) + 5),
    }  # fmt: skip
    if both:
        expected["output"] = 2 * L, 3, 2 * S, S + B * (H + S)
    found = {k.name: k for k in recurrent_kernels(shape, B, precision, fused)}
    assert set(found) == set(expected)
    for name, (repeats, eager, flops, moved) in expected.items():
        kernel = found[name]
        assert (kernel.repeats, kernel.launches) == (repeats, 1 if fused else eager), name
        assert (kernel.flops, kernel.bytes) == (flops * B, size * moved), name
        assert kernel.unit == precision


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("length", [16, 20_000])
def test_every_kernel_of_whole_sequences_by_hand(length, both):
    H, B, L = 8, 3, length
    shape = Shape(layers=2, width=H, state=4, length=L, inputs=6, classes=5, bidirectional=both)
    transform = 2.5 * 2 * L * math.log2(2 * L) * H * B
    passes = 1 if 2 * L <= ONE_PASS_POINTS else 2
    assert passes == (1 if length == 16 else 2)
    spectrum = 4 * H * B * (L + 2 * (L + 1)) * passes
    product = 4 * H * 2 * (L + 1) * (2 * B + 1)
    feed = (2 + GELU_FLOPS) * H * L * B
    expected = {
        "encoder": (1, 2 * 6 * H * L * B, 2 * (6 * H + L * B * (6 + H)), "fp16"),
        "transform": (2, transform, spectrum, "fp32"),
        "product of spectra": (2, COMPLEX_PRODUCT_FLOPS * (L + 1) * H * B, product, "fp32"),
        "inverse transform": (2, transform, spectrum, "fp32"),
        "feed-through and GELU": (2, feed, 2 * (3 * H * L * B + H), "fp16"),
        "linear": (2, 2 * 2 * H * H * L * B, 2 * (2 * H * H + L * B * 3 * H), "fp16"),
        "gate and norm": (2, GATE_NORM_FLOPS * H * L * B, 2 * (2 * H + 4 * H * L * B), "fp16"),
        "pool": (1, H * L * B, 2 * H * B * (L + 1), "fp16"),
        "decoder": (1, 2 * 5 * H * B, 2 * (5 * H + B * (5 + H) + 5), "fp16"),
    }
    found = {k.name: (k.repeats, k.flops, k.bytes, k.unit)
             for k in convolution_kernels(shape, B, "fp16")}  # fmt: skip
    assert found == expected
