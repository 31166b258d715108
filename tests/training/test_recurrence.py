"""The fused recurrence against autograd of the plain loop, and against the golden model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training needs PyTorch")


def straight_through(exact, scale, limit):
    """Codes of accumulators, by the plain definition: floor(v + 1/2), clipped."""
    value = exact * scale
    codes = torch.clamp(torch.floor(value + 0.5), -limit, limit)
    inside = value.abs() <= limit + 0.5
    return torch.where(inside, value + (codes - value).detach(), codes.detach())


def added(x, increment, limit):
    """An accumulator after a rounded increment; clipped, it has no derivative."""
    value = x + increment
    codes = torch.clamp(x + torch.floor(increment + 0.5), -limit, limit)
    inside = value.abs() <= limit + 0.5
    return torch.where(inside, value + (codes - value).detach(), codes.detach())


def driven(kernel, x, rest):
    """The codes that states drive with, and what their rounding cuts off; itself where no bits do.

    Autograd sees the rounding as the identity, so that nothing comes through what was cut off.
    """
    if not kernel.form.accumulates:
        return x, rest
    step, limit = 1 << kernel.drive_shift, kernel.drive_limit
    value = (x + rest) / step
    rounded = torch.floor(value + 0.5).detach()
    codes = torch.clamp(rounded, -limit, limit)
    v = torch.where(rounded == codes, value + (codes - value).detach(), codes)
    if not kernel.form.feeds_back:
        return v, rest
    cut = x + rest - step * v
    half = step // 2
    return v, torch.where(cut.abs() < half, cut, cut.clamp(-half, half).detach())


def turned(kernel, x_re, x_im):
    """States after a quarter turn, by an exchange of their parts."""
    q = torch.from_numpy(kernel.turns)
    re = torch.where(q == 0, x_re, torch.where(q == 1, -x_im, torch.where(q == 2, -x_re, x_im)))
    im = torch.where(q == 0, x_im, torch.where(q == 1, x_re, torch.where(q == 2, -x_im, -x_re)))
    return re, im


def plain_loop(kernel, u, integers):
    """The definition of `QuantisedKernel`, step by step, on float64 tensors that hold integers."""
    from imssa_sim.quantisation.requantiser import requantiser_scale

    a_re, a_im, b_re, b_im, c_re, c_im, d = integers
    state = torch.from_numpy(requantiser_scale(kernel.state_requant))
    output = torch.from_numpy(requantiser_scale(kernel.output_requant))
    x_limit, y_limit = kernel.state_requant.limit, kernel.output_requant.limit
    x_re = torch.zeros(u.shape[0], *a_re.shape, dtype=torch.float64)
    x_im = torch.zeros_like(x_re)
    rest_re, rest_im = torch.zeros_like(x_re), torch.zeros_like(x_re)
    outputs = []
    for k in range(u.shape[1]):
        drive = u[:, k, :, None]
        v_re, rest_re = driven(kernel, x_re, rest_re)
        v_im, rest_im = driven(kernel, x_im, rest_im)
        old = (c_re * v_re + c_im * v_im).sum(-1)
        new_re = a_re * v_re - a_im * v_im + b_re * drive
        new_im = a_im * v_re + a_re * v_im + b_im * drive
        if kernel.form.accumulates:
            old_re, old_im = turned(kernel, x_re, x_im)
            x_re = added(old_re, new_re * state, x_limit)
            x_im = added(old_im, new_im * state, x_limit)
        else:
            x_re = straight_through(new_re, state, x_limit)
            x_im = straight_through(new_im, state, x_limit)
        if kernel.form.ahead:
            y = straight_through(old + d * u[:, k], output, y_limit)
        else:
            through = torch.from_numpy(requantiser_scale(kernel.feedthrough_requant))
            new = straight_through((c_re * x_re + c_im * x_im).sum(-1), output, y_limit)
            fed = straight_through(d * u[:, k], through, y_limit)
            one = torch.ones((), dtype=torch.float64)
            y = straight_through(new + fed, one, y_limit)
        outputs.append(y)
    return torch.stack(outputs, dim=1)


def integers_of(kernel):
    parts = (
        kernel.a_re << kernel.a_shift, kernel.a_im << kernel.a_shift,
        kernel.b_re << kernel.b_shift, kernel.b_im << kernel.b_shift,
        kernel.c_re << kernel.c_shift[:, None], kernel.c_im << kernel.c_shift[:, None],
        kernel.d << kernel.d_shift,
    )  # fmt: skip
    return [torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in parts]


def unit_of(kernel):
    """Gain from code to code of one unit of each integer weight."""
    from imssa_sim.quantisation.requantiser import requantiser_scale

    state = requantiser_scale(kernel.state_requant)
    output = requantiser_scale(kernel.output_requant)
    through = kernel.feedthrough_requant
    fed = output if through is None else requantiser_scale(through)
    return [state] * 4 + [output[:, None]] * 2 + [fed]


@pytest.mark.parametrize("form", ["lookahead", "separate", "delta", "delta_feedback"])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_the_plain_loop(random_networks, form, bits, reverse):
    from imssa_sim.training.recurrence import Gains, gains_of, recur

    rng = np.random.default_rng(bits)
    widths = random_networks.bit_widths(state=bits, kernel_output=bits)
    if form.startswith("delta"):
        widths = random_networks.bit_widths(state=bits + 4, drive=bits, kernel_output=bits)
    kernel = random_networks.kernel(rng, 4, 5, form, widths)
    codes = rng.integers(-100, 101, (3, 40, 4)).astype(np.float64)
    weight = torch.from_numpy(rng.normal(size=codes.shape))

    expected_u = torch.tensor(codes, requires_grad=True)
    integers = integers_of(kernel)
    expected = plain_loop(kernel, expected_u.flip(1) if reverse else expected_u, integers)
    if reverse:
        expected = expected.flip(1)
        if form == "separate":
            expected = torch.cat([expected[:, 1:], torch.zeros_like(expected[:, :1])], dim=1)
    (expected * weight).sum().backward()

    u = torch.tensor(codes, dtype=torch.float32, requires_grad=True)
    gains = Gains(
        *(torch.tensor(v, dtype=torch.float32, requires_grad=True) for v in gains_of(kernel))
    )
    y = recur(u, kernel, gains, reverse)
    assert np.array_equal(y.detach().numpy(), expected.detach().numpy())
    (y * weight.float()).sum().backward()

    def relative(found, wanted):
        return float((found.double() - wanted).norm() / wanted.norm())

    assert relative(u.grad, expected_u.grad) < 1e-4
    for gain, integer, unit in zip(gains, integers, unit_of(kernel), strict=True):
        assert relative(gain.grad, integer.grad / torch.from_numpy(unit)) < 1e-4


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    form=st.sampled_from(["lookahead", "separate", "delta", "delta_feedback"]),
    state=st.integers(2, 16),
    drive=st.integers(2, 16),
    inputs=st.integers(2, 16),
    steps=st.integers(1, 20),
)
def test_values_are_those_of_the_golden_model(
    random_networks, seed, form, state, drive, inputs, steps
):
    from imssa_sim.program.operations.recurrence import kernel_digital
    from imssa_sim.program.saturation import ClipCounter
    from imssa_sim.training.recurrence import run_recording

    rng = np.random.default_rng(seed)
    widths = random_networks.bit_widths(
        state=state, kernel_input=inputs, A=max(state, 4), drive=min(drive, state)
    )
    kernel = random_networks.kernel(rng, 3, 2, form, widths)
    limit = random_networks.limit(inputs)
    u = rng.integers(-limit, limit + 1, (2, steps, 3)).astype(np.int16)
    y, states = run_recording(kernel, u.astype(np.float32))
    assert np.array_equal(y, kernel_digital(kernel, u, ClipCounter("kernel")))
    assert states.dtype == (np.int8 if state <= 8 else np.int16)
    assert np.abs(states.astype(int)).max() <= random_networks.limit(state)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    form=st.sampled_from(["delta", "delta_feedback"]),
    state=st.integers(2, 16),
    drive=st.integers(2, 16),
)
def test_drives_found_from_states_are_those_of_the_definition(
    random_networks, seed, form, state, drive
):
    from imssa_sim.training.delta_kernels import find_drives
    from imssa_sim.training.recurrence import run_recording

    rng = np.random.default_rng(seed)
    widths = random_networks.bit_widths(state=state, drive=min(drive, state))
    kernel = random_networks.kernel(rng, 3, 2, form, widths)
    u = rng.integers(-127, 128, (2, 12, 3)).astype(np.float32)
    _, states = run_recording(kernel, u)
    found = np.empty(states.shape, np.int16)
    limit = kernel.drive_limit
    find_drives(states, kernel.drive_shift, limit, kernel.form.feeds_back, found)
    before, rest = np.zeros_like(states[:, :, 0], np.int64), np.zeros_like(states[:, :, 0])
    for k in range(12):
        expected, rest = kernel.driven(before, rest)
        assert np.array_equal(np.clip(found[:, :, k], -limit, limit), expected)
        before = states[:, :, k].astype(np.int64)


def test_largest_increments_are_those_of_the_states(random_networks):
    from imssa_sim.training.delta_kernels import largest_increments
    from imssa_sim.training.recurrence import run_recording, turn_of

    rng = np.random.default_rng(1)
    widths = random_networks.bit_widths(state=12, drive=8)
    kernel = random_networks.kernel(rng, 3, 2, "delta", widths)
    _, states = run_recording(kernel, rng.integers(-127, 128, (20, 9, 3)).astype(np.float32))
    found = np.empty((3, 2, 2), np.float32)
    largest_increments(turn_of(kernel), states, found)
    steps = states.astype(int)
    before = (steps[:, :, :-1, :, 0] + 1j * steps[:, :, :-1, :, 1]) * (
        1j ** kernel.turns[:, None, :, None]
    )
    steps[:, :, 1:] -= np.rint(np.stack([before.real, before.imag], axis=4)).astype(int)
    assert kernel.turns.any()
    assert np.array_equal(found, np.abs(steps).max(axis=(0, 2, 5)).swapaxes(1, 2))
