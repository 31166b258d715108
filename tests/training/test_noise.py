"""Gaussian noise of training: absent at zero, of the stated size, differentiable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")


def gains_of_kernel(kernel):
    from imssa_sim.training.recurrence import Gains, gains_of

    values = gains_of(kernel)
    return Gains(*(torch.tensor(v, dtype=torch.float32, requires_grad=True) for v in values))


@pytest.mark.parametrize("form", ["lookahead", "separate", "delta", "delta_feedback"])
@pytest.mark.parametrize("reverse", [False, True])
def test_without_noise_values_and_gradients_are_those_of_the_recurrence(
    random_networks, form, reverse
):
    from imssa_sim.training.noise import Noise, recur_noisy
    from imssa_sim.training.recurrence import recur

    rng = np.random.default_rng(3)
    widths = random_networks.bit_widths()
    if form.startswith("delta"):
        widths = random_networks.bit_widths(state=12, drive=8)
    kernel = random_networks.kernel(rng, 3, 4, form, widths)
    # Multipliers that put no sum on the edge between two codes, where float32 may take the other.
    state = replace(
        kernel.state_requant,
        multiplier=rng.integers(1 << 22, 1 << 23, kernel.a_re.shape) | 1,
        shift=np.full(kernel.a_re.shape, 31 - kernel.drive_shift),
    )
    kernel = replace(kernel, state_requant=state)
    u = torch.tensor(rng.integers(-90, 91, (2, 30, 3)), dtype=torch.float32, requires_grad=True)
    upstream = torch.from_numpy(rng.normal(size=u.shape).astype(np.float32))
    found = []
    for run in (
        lambda g: recur(u, kernel, g, reverse),
        lambda g: recur_noisy(u, kernel, g, Noise(), reverse),
    ):
        gains = gains_of_kernel(kernel)
        u.grad = None
        y = run(gains)
        (y * upstream).sum().backward()
        found.append((y.detach(), u.grad.clone(), *(g.grad for g in gains)))
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-4)


def test_noise_has_the_stated_size(random_networks):
    """Of a kernel without weights nothing is left but the noise, rounded: variance + 1/12."""
    from imssa_sim.training.noise import Noise, recur_noisy

    rng = np.random.default_rng(0)
    kernel = random_networks.kernel(rng, 4, 2, "lookahead", random_networks.bit_widths())
    nothing = {
        name: np.zeros_like(getattr(kernel, name))
        for name in ("a_re", "a_im", "b_re", "b_im", "c_re", "c_im", "d")
    }
    kernel = replace(kernel, **nothing)
    u = torch.zeros(20, 100, 4)
    torch.manual_seed(1)
    y = recur_noisy(u, kernel, gains_of_kernel(kernel), Noise(output=0.05)).detach()
    expected = np.sqrt((0.05 * 127) ** 2 + 1 / 12)
    assert float(y.std()) == pytest.approx(expected, rel=0.03)  # 8,000 values: 0.8 % deviation
    assert abs(float(y.mean())) < 5 * expected / np.sqrt(y.numel())
    again = recur_noisy(u, kernel, gains_of_kernel(kernel), Noise(output=0.05)).detach()
    assert not torch.equal(y, again)


def test_noise_of_increments_is_relative_to_the_largest_and_adds_up(random_networks):
    """A mode that neither decays nor is driven is a random walk of the steps that noise gives."""
    from imssa_sim.training.noise import Noise, recur_noisy
    from imssa_sim.training.recurrence import run_recording

    rng = np.random.default_rng(0)
    widths = random_networks.bit_widths(state=16, drive=16, kernel_output=16)
    kernel = random_networks.kernel(rng, 4, 1, "delta", widths)
    zero = np.zeros_like(kernel.a_re)
    unit = replace(kernel.output_requant, multiplier=np.full(4, 1 << 23), shift=np.full(4, 23))
    gain = replace(
        kernel.state_requant, multiplier=np.full((4, 1), 1 << 23), shift=np.full((4, 1), 23)
    )
    kernel = replace(
        kernel, a_re=zero, a_im=zero, b_re=zero + 8, b_im=zero, c_re=zero + 1, c_im=zero,
        d=np.zeros(4, np.int64), a_shift=zero, b_shift=zero, c_shift=np.zeros(4, np.int64),
        d_shift=np.zeros(4, np.int64), state_requant=gain, output_requant=unit,
    )  # fmt: skip
    u = np.zeros((64, 51, 4), np.float32)
    u[:, 0] = 50  # one increment of 400
    quiet, _ = run_recording(kernel, u)
    torch.manual_seed(2)
    y = recur_noisy(torch.from_numpy(u), kernel, gains_of_kernel(kernel), Noise(state=0.05))
    walked = y.detach().numpy()[:, -1] - quiet[:, -1]
    expected = np.sqrt(50 * (20.0**2 + 1 / 12))
    assert walked.std() == pytest.approx(expected, rel=0.15)  # 256 walks: 4.4 % deviation


def test_weight_noise_is_relative_to_the_largest_of_its_group():
    from imssa_sim.training.noise import disturbed
    from imssa_sim.training.recurrence import Gains

    shape = (2000, 2)
    parts = [torch.full(shape, v) for v in (0.5, 0.1, 0.0, 0.2, 1.0, 0.3)]
    torch.manual_seed(0)
    found = disturbed(Gains(*parts, torch.full((2000,), 2.0)), 0.01)
    expected = (0.005, 0.005, 0.002, 0.002, 0.01, 0.003, 0.02)
    # c_re and c_im of a channel have one range, the largest of both.
    expected = (*expected[:5], 0.01, expected[6])
    before = (*parts, torch.full((2000,), 2.0))
    for part, old, sigma in zip(found, before, expected, strict=True):
        assert float((part - old).std()) == pytest.approx(sigma, rel=0.08)


def test_noisy_linear_map_is_exact_without_noise(random_networks):
    from imssa_sim.quantisation.requantiser import requantiser_scale
    from imssa_sim.training.noise import Noise, linear_noisy

    rng = np.random.default_rng(1)
    linear = random_networks.linear(rng, 6, 5, random_networks.bit_widths())
    codes = rng.integers(-60, 61, (4, 7, 5)).astype(np.int16)
    scale = requantiser_scale(linear.requant)
    tensors = [
        torch.tensor(v, dtype=torch.float32)
        for v in (codes, linear.weight * scale[:, None], linear.bias * scale)
    ]
    out = linear_noisy(*tensors, linear, Noise()).numpy()
    assert np.array_equal(out, random_networks.linear_digital(linear, codes))
    noisy = linear_noisy(*tensors, linear, Noise(weights=0.05)).numpy()
    assert 0.5 < np.abs(noisy - out).mean() < 20


def test_errors_of_a_linear_map_are_relative_to_its_row_and_in_its_derivative(random_networks):
    from imssa_sim.training.noise import Noise, linear_noisy

    linear = random_networks.network(1).layers[0].linear
    outputs, inputs = linear.weight.shape
    rows = torch.linspace(0.001, 1.0, outputs)[:, None]
    weight = (torch.ones(outputs, inputs) * rows).requires_grad_()
    codes = torch.eye(inputs).requires_grad_()
    torch.manual_seed(0)
    wide = replace(linear, requant=replace(linear.requant, bits=16))
    y = linear_noisy(30_000 * codes, weight, torch.zeros(outputs), wide, Noise(weights=0.02))
    (upstream,) = torch.autograd.grad(y[0].sum(), codes)
    errors = y.detach() / (30_000 * rows.T) - 1
    for place in (-1, 1):  # the second row is several times smaller than the last
        assert 0.005 < float(errors[:, place].std()) < 0.035
    # The derivative is that of the weights with their errors, which the outputs show too.
    assert float(upstream[0, 0]) == pytest.approx(float(y.detach()[0].sum()), rel=1e-3)
