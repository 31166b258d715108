"""Derivatives of quantisers and linear maps against the published rule and finite sums."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")


def test_scales_learn_by_the_rule_of_LSQ():
    """Esser et al., ICLR 2020, eq. 3: round(v/s) - v/s inside, -Q or Q outside."""
    from imssa_sim.training.straight_through import rounded

    values = torch.tensor([0.31, -0.94, 2.2, -7.0, 5.0], dtype=torch.float32)
    s = torch.tensor(0.5, requires_grad=True)
    limit = 3
    codes = np.clip(np.floor(values.numpy() / 0.5 + 0.5), -limit, limit).astype(np.int16)
    for i, v in enumerate(values):
        s.grad = None
        code = rounded((v / s)[None], codes[i : i + 1], limit)
        (code * s).sum().backward()
        ratio = float(v) / 0.5
        expected = codes[i] - ratio if abs(ratio) <= limit + 0.5 else codes[i]
        assert float(s.grad) == pytest.approx(float(expected), abs=1e-6)


def test_gradient_of_rounded_values_stops_where_they_clip():
    from imssa_sim.training.straight_through import rounded

    exact = torch.tensor([0.2, 3.49, 3.51, -9.0], requires_grad=True)
    rounded(exact, np.array([0, 3, 3, -3], np.int16), 3).sum().backward()
    assert exact.grad.tolist() == [1.0, 1.0, 0.0, 0.0]


def test_linear_map_matches_autograd_of_the_dense_product(random_networks):
    from imssa_sim.quantisation.requantiser import requantiser_scale
    from imssa_sim.training.straight_through import linear_codes

    rng = np.random.default_rng(1)
    linear = random_networks.linear(rng, 7, 5, random_networks.bit_widths())
    codes = rng.integers(-127, 128, (3, 6, 5)).astype(np.int16)
    scale = requantiser_scale(linear.requant)
    found, wanted = (
        [
            torch.tensor(v, dtype=torch.float32, requires_grad=True)
            for v in (codes, linear.weight * scale[:, None], linear.bias * scale)
        ]
        for _ in range(2)
    )
    out = linear_codes(*found, linear)
    assert np.array_equal(out.detach().numpy(), random_networks.linear_digital(linear, codes))
    exact = wanted[0] @ wanted[1].T + wanted[2]
    assert float((exact.abs() > 127.5).float().mean()) > 0  # some outputs clip
    upstream = torch.from_numpy(rng.normal(size=out.shape).astype(np.float32))
    (out * upstream).sum().backward()
    (torch.where(exact.abs() <= 127.5, exact, exact.detach()) * upstream).sum().backward()
    for a, b in zip(found, wanted, strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4, atol=1e-3)
