"""Integer operations against twins in Python's own integers, written from the docstrings."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.functional.digital import run_digital
from imssa_sim.model.quantised import QuantisedLinear, QuantisedNorm
from imssa_sim.program.operations.norm import Normalise
from imssa_sim.program.operations.recurrence import kernel_digital
from imssa_sim.program.saturation import ClipCounter, Saturation
from imssa_sim.quantisation.requantiser import Requantiser


def clip(value: int, bits: int) -> int:
    limit = 2 ** (bits - 1) - 1
    return max(-limit, min(limit, value))


def requant(acc: int, requantiser: Requantiser, *index: int) -> int:
    m = int(np.broadcast_to(requantiser.multiplier, np.shape(requantiser.multiplier))[index])
    s = int(requantiser.shift[index])
    return clip((acc * m + 2 ** (s - 1)) >> s, requantiser.bits)


def naive_kernel(k, u: list[list[int]], reverse: bool) -> list[list[int]]:
    """u[step][channel] -> y[step][channel]."""
    channels, modes = k.a_re.shape
    steps = range(len(u) - 1, -1, -1) if reverse else range(len(u))
    x = [[(0, 0)] * modes for _ in range(channels)]
    y = [[0] * channels for _ in u]
    names = "a_re a_im b_re b_im c_re c_im d a_shift b_shift c_shift d_shift"
    w = {name: getattr(k, name).tolist() for name in names.split()}
    for step in steps:
        for h in range(channels):
            v = u[step][h]
            new = []
            for n in range(modes):
                re, im = x[h][n]
                a_re, a_im, s, t = (w[q][h][n] for q in ("a_re", "a_im", "a_shift", "b_shift"))
                acc_re = ((a_re * re - a_im * im) << s) + ((w["b_re"][h][n] * v) << t)
                acc_im = ((a_im * re + a_re * im) << s) + ((w["b_im"][h][n] * v) << t)
                new.append(
                    (requant(acc_re, k.state_requant, h, n), requant(acc_im, k.state_requant, h, n))
                )

            def combine(states, h=h) -> int:
                pairs = zip(w["c_re"][h], w["c_im"][h], states, strict=True)
                return sum(c * re + d * im for c, d, (re, im) in pairs)

            through = w["d"][h] * v
            if k.form.ahead:
                acc = (combine(x[h]) << w["c_shift"][h]) + (through << w["d_shift"][h])
                y[step][h] = requant(acc, k.output_requant, h)
            else:
                parts = requant(combine(new), k.output_requant, h)
                parts += requant(through, k.feedthrough_requant, h)
                y[step][h] = clip(parts, k.output_requant.bits)
            x[h] = new
    if reverse and not k.form.ahead:
        y = [*y[1:], [0] * channels]
    return y


def naive_linear(linear, x: list[int]) -> list[int]:
    rows = zip(linear.weight.tolist(), linear.bias.tolist(), strict=True)
    return [sum(a * b for a, b in zip(row, x, strict=True)) + bias for row, bias in rows]


def naive_norm(norm, v: list[int]) -> list[int]:
    gain, bias, f = norm.gain.tolist(), norm.bias.tolist(), norm.fraction
    if norm.kind == "batch":
        return [
            clip((a * g + b + 2 ** (f - 1)) >> f, norm.bits)
            for a, g, b in zip(v, gain, bias, strict=True)
        ]
    width, total = len(v), sum(v)
    s = math.isqrt(width * sum(a * a for a in v) - total * total + norm.epsilon) or 1
    return [
        clip((2 * ((width * a - total) * g + s * b) + (s << f)) // (s << (f + 1)), norm.bits)
        for a, g, b in zip(v, gain, bias, strict=True)
    ]


def naive_network(net, sequence: np.ndarray) -> tuple[list[int], list[float]]:
    """One sequence (L, d_in) -> pooled codes and logits."""
    act = net.bits.activations
    r = []
    for token in sequence.tolist():
        codes = [clip(math.floor(value / net.input_scale + 0.5), act) for value in token]
        acc = naive_linear(net.encoder, codes)
        r.append([requant(a, net.encoder.requant, i) for i, a in enumerate(acc)])
    for layer in net.layers:
        if layer.input_requant is None:
            u = [naive_norm(layer.norm, token) for token in r]
        else:
            u = [[requant(a, layer.input_requant) for a in token] for token in r]
        y = naive_kernel(layer.kernel, u, reverse=False)
        if len(layer.kernels) > 1:
            other = naive_kernel(layer.kernels[1], u, reverse=True)
            bits = layer.kernel.output_requant.bits
            y = [
                [clip(a + b, bits) for a, b in zip(*p, strict=True)]
                for p in zip(y, other, strict=True)
            ]
        for step, token in enumerate(y):
            offset = (len(layer.activation_table) - 1) // 2
            g = [int(layer.activation_table[a + offset]) for a in token]
            acc = naive_linear(layer.linear, g)
            z = [requant(a, layer.linear.requant, i) for i, a in enumerate(acc)]
            width = len(token)
            gates = [int(layer.gate_table[a + 2 ** (act - 1) - 1]) for a in z[width:]]
            v = []
            for value, gate, old in zip(z[:width], gates, r[step], strict=True):
                wide = value * gate * layer.product_multiplier + old * layer.residual_multiplier
                half = 2 ** (layer.sum_shift - 1) if layer.sum_shift else 0
                v.append((wide + half) >> layer.sum_shift)
            if layer.output_requant is None:
                r[step] = naive_norm(layer.norm, v)
            else:
                r[step] = [requant(a, layer.output_requant) for a in v]
    pooled = [requant(sum(column), net.pool_requant) for column in zip(*r, strict=True)]
    acc = naive_linear(net.decoder, pooled)
    return pooled, [a * float(s) for a, s in zip(acc, net.logit_scale, strict=True)]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    form=st.sampled_from(["lookahead", "separate"]),
    position=st.sampled_from(["pre", "post", "none"]),
    both=st.booleans(),
    bits=st.integers(2, 10),
    state=st.integers(2, 12),
)
def test_network_equals_the_naive_twin(random_networks, seed, form, position, both, bits, state):
    net = random_networks.network(
        seed, form=form, position=position, bidirectional=both, length=7, channels=3, modes=2,
        A=bits, B=bits, C=bits, D=bits, kernel_input=bits, kernel_output=bits, activations=bits,
        linear=bits, state=state,
    )  # fmt: skip
    x = np.random.default_rng(seed).normal(0, 1, (2, 7, 2))
    found = run_digital(net, x)
    for sample in range(2):
        pooled, logits = naive_network(net, x[sample])
        assert found.pooled[sample].tolist() == pooled
        assert found.logits[sample].tolist() == logits


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**31),
    form=st.sampled_from(["lookahead", "separate"]),
    reverse=st.booleans(),
)
def test_wide_kernels_use_64_bits_and_stay_exact(random_networks, seed, form, reverse):
    """16-bit codes: sums beyond 2**31, which 32-bit accumulators would wrap."""
    rng = np.random.default_rng(seed)
    k = random_networks.kernel(
        rng, 3, 5, form, random_networks.bit_widths(A=16, B=16, C=16, state=16)
    )
    # The random multipliers have 24 bits; the float twin is exact for sums below 2**53 / 2**24,
    # so shorten them as the quantiser of the package does.
    k = dataclasses.replace(
        k,
        state_requant=shortened(k.state_requant),
        output_requant=shortened(k.output_requant),
    )
    u = rng.integers(-127, 128, (1, 9, 3)).astype(np.int16)
    assert max(bound.max() for bound in k.bounds(127)) >= 2**31
    assert kernel_digital(k, u, ClipCounter("k"), reverse)[0].tolist() == naive_kernel(
        k, u[0].tolist(), reverse
    )


def shortened(requantiser: Requantiser, bits: int = 12) -> Requantiser:
    return dataclasses.replace(
        requantiser, multiplier=requantiser.multiplier >> bits, shift=requantiser.shift - bits
    )


def test_state_saturation_is_counted(random_networks):
    """A kernel whose state grows without bound clips its one excited part at every step."""
    k = random_networks.kernel(
        np.random.default_rng(0), 1, 1, "lookahead", random_networks.bit_widths()
    )
    one, zero = np.ones((1, 1), dtype=np.int64), np.zeros((1, 1), dtype=np.int64)
    k = dataclasses.replace(
        k, a_re=2 * one, a_im=zero, b_re=one, b_im=zero, a_shift=zero, b_shift=zero,
        state_requant=Requantiser(2 * one, one, 8),  # gain one
    )  # fmt: skip
    saturation = Saturation()
    kernel_digital(k, np.full((2, 10, 1), 3, dtype=np.int16), ClipCounter("k", saturation))
    # x = 3 (2**n - 1): 3, 9, 21, 45, 93, then 189 > 127 at the sixth step and ever after.
    assert saturation.clipped["k.state"] == 2 * 5
    assert saturation.total["k.state"] == 2 * 10 * 2


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    kind=st.sampled_from(["layer", "batch"]),
    width=st.integers(1, 40),
    size=st.integers(0, 22),
)
def test_norm_equals_the_naive_twin(seed, kind, width, size):
    rng = np.random.default_rng(seed)
    v = rng.integers(-(2**size), 2**size + 1, (4, width))
    norm = QuantisedNorm(
        kind, rng.integers(-(2**20), 2**20, width), rng.integers(-(2**22), 2**22, width),
        int(rng.integers(0, 1000)), int(rng.integers(1, 24)), int(rng.integers(2, 17)), 1.0,
    )  # fmt: skip
    found = Normalise(width, norm.bits).integers(norm, v.astype(np.int32), clips=ClipCounter("n"))
    assert found.tolist() == [naive_norm(norm, row) for row in v.tolist()]


def test_layer_norm_of_a_constant_token_is_its_bias():
    norm = QuantisedNorm(
        "layer", np.full(4, 1 << 12), np.array([0, 4096, -8192, 2048]), 0, 12, 8, 1.0
    )
    # (H v - S) is zero, s == 0 is taken as one, half rounds up.
    v = np.full((1, 4), 9, dtype=np.int32)
    assert Normalise(4, 8).integers(norm, v, clips=ClipCounter("n")).tolist() == [[0, 1, -2, 1]]


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), bits=st.integers(2, 16), width=st.integers(1, 70))
def test_linear_is_exact_whatever_blas_precision_it_takes(random_networks, seed, bits, width):
    rng = np.random.default_rng(seed)
    limit = 2 ** (bits - 1) - 1
    x = rng.integers(-limit, limit + 1, (3, 2, width)).astype(np.int16)
    weight = rng.integers(-limit, limit + 1, (5, width))
    bias = rng.integers(-(2**20), 2**20, 5)
    scale = Requantiser(rng.integers(2**9, 2**10, 5), rng.integers(20, 30, 5), 16)
    linear = QuantisedLinear(weight, bias, bits, scale, 1.0)
    found = random_networks.linear_digital(linear, x)
    for b in range(3):
        for step in range(2):
            acc = naive_linear(linear, x[b, step].tolist())
            assert found[b, step].tolist() == [requant(a, scale, i) for i, a in enumerate(acc)]


@pytest.mark.parametrize("reverse", [False, True])
def test_threads_that_share_channels_change_nothing(random_networks, reverse: bool) -> None:
    from imssa_sim.threads import use_threads

    network = random_networks.network(5, bidirectional=True, channels=6)
    kernel = network.layers[0].kernels[int(reverse)]
    u = np.random.default_rng(2).integers(-120, 120, (3, 30, kernel.channels)).astype(np.int16)
    found = []
    for threads in (1, 2, 4):
        clips = ClipCounter("k", Saturation())
        with use_threads(threads):
            found.append((kernel_digital(kernel, u, clips, reverse), clips.saturation))
    for y, saturation in found[1:]:
        np.testing.assert_array_equal(y, found[0][0])
        assert saturation == found[0][1]
