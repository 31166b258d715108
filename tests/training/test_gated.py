"""Fused derivatives around the recurrence against PyTorch's own of the plain definitions."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

LIMIT = 15


def leaves(*values):
    return [torch.tensor(v, dtype=torch.float32, requires_grad=True) for v in values]


def relative(found, wanted):
    return float((found - wanted).norm() / wanted.norm())


def clipped_like(exact, codes, limit):
    """Codes as values; the derivative of ``exact`` where it does not clip."""
    inside = exact.abs() <= limit + 0.5
    return torch.where(inside, exact + (codes - exact).detach(), codes)


@pytest.mark.parametrize("shape", [(3, 11, 5), (1, 1, 1), (2, 70, 4)])
def test_table_has_the_derivatives_of_its_function(shape):
    from imssa_sim.training.straight_through import tabulated

    rng = np.random.default_rng(0)
    codes = rng.integers(-LIMIT, LIMIT + 1, shape)
    every = np.arange(-LIMIT, LIMIT + 1)

    def function(at, into, out):
        return torch.nn.functional.gelu(at * into) / out

    scales = (np.float32(0.11), np.float32(0.17))  # the upper codes clip
    held = function(torch.tensor(every), *map(torch.tensor, scales)).numpy()
    table = np.clip(np.floor(held + 0.5), -7, 7).astype(np.int16)
    upstream = torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    x, into, out = leaves(codes, *scales)
    found = tabulated(x, lambda at: function(at, into, out), table, 7)
    assert np.array_equal(found.detach().numpy(), table[codes + LIMIT])
    (found * upstream).sum().backward()

    x2, into2, out2 = leaves(codes, *scales)
    wanted = clipped_like(function(x2, into2, out2), torch.tensor(table[codes + LIMIT]), 7)
    (wanted * upstream).sum().backward()
    for mine, theirs in ((x, x2), (into, into2), (out, out2)):
        assert torch.allclose(mine.grad, theirs.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalised", [True, False])
def test_end_of_a_block_has_the_derivatives_of_its_parts(normalised):
    from imssa_sim.training.gated import Ending, gated

    rng = np.random.default_rng(1)
    width, shape = 6, (3, 37)
    z = rng.integers(-LIMIT, LIMIT + 1, (*shape, 2 * width))
    r = rng.integers(-7, 8, (*shape, width))
    gain, bias = rng.normal(4, 1, width), rng.normal(0, 0.3, width)
    values = (z, r, 0.13, 0.21, 0.09, gain, bias)
    upstream = torch.from_numpy(rng.normal(size=r.shape).astype(np.float32))
    epsilon = 1e-5 if normalised else None

    def plain(z, r, value, gate, entry, gain, bias):
        v = z[..., :width] * value * torch.sigmoid(z[..., width:] * gate) + r * entry
        if epsilon is None:
            return v * gain + bias
        return torch.nn.functional.layer_norm(v, (width,), gain, bias, epsilon)

    found, wanted = leaves(*values), leaves(*values)
    exact = plain(*wanted)
    codes = np.clip(np.floor(exact.detach().numpy() + 0.5), -7, 7).astype(np.int16)
    assert 0 < float((exact.abs() > 7.5).float().mean()) < 0.5  # some clip
    ending = Ending(*found[2:], epsilon)
    out = gated(found[0], found[1], ending, codes, (LIMIT, 7))
    assert np.array_equal(out.detach().numpy(), codes)
    (out * upstream).sum().backward()
    (clipped_like(exact, torch.tensor(codes), 7) * upstream).sum().backward()
    for mine, theirs in zip(found, wanted, strict=True):
        assert relative(mine.grad, theirs.grad) < 1e-4


def test_gradients_do_not_depend_on_the_number_of_threads():
    import numba

    from imssa_sim.training.gated import Ending, gated

    rng = np.random.default_rng(2)
    z = rng.integers(-LIMIT, LIMIT + 1, (4, 50, 8))
    r = rng.integers(-LIMIT, LIMIT + 1, (4, 50, 4))
    codes = rng.integers(-LIMIT, LIMIT + 1, r.shape).astype(np.int16)
    values = (z, r, 0.1, 0.2, 0.1, np.ones(4), np.zeros(4))
    grads = []
    before = numba.get_num_threads()
    try:
        for threads in {1, before}:
            numba.set_num_threads(threads)
            found = leaves(*values)
            gated(
                found[0], found[1], Ending(*found[2:], 1e-5), codes, (LIMIT, LIMIT)
            ).sum().backward()
            grads.append([v.grad.numpy() for v in found])
    finally:
        numba.set_num_threads(before)
    for one, other in zip(grads[0], grads[-1], strict=True):
        assert np.array_equal(one, other)
