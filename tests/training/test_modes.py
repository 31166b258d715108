"""Modes of one state for all channels: the golden model's values, the definition's derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.model.quantised import QuantisedModes
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.saturation import ClipCounter, Saturation
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths

torch = pytest.importorskip("torch", reason="training needs PyTorch")

P, STATE, DRIVE = 3, 9, 6


def modes_of(rng):
    """Modes whose states reach the end of their range."""
    return QuantisedModes(
        a_re=-rng.integers(1, 20, P), a_im=rng.integers(-60, 61, P),
        gain=np.full(P, 5), input_gain=rng.integers(2000, 4000, P), shift=np.full(P, 10),
        bits=STATE, drive_bits=DRIVE,
    )  # fmt: skip


@pytest.mark.parametrize("reverse", [False, True])
def test_values_and_derivatives_are_those_of_a_plain_loop(reverse):
    from imssa_sim.training.modes import ModeGains, run_modes

    rng = np.random.default_rng(4)
    modes = modes_of(rng)
    codes = rng.integers(-31, 32, (2, 40, 2 * P)).astype(np.int16)
    scale = 2.0**-modes.shift
    parts = modes.a_re * modes.gain, modes.a_im * modes.gain, modes.input_gain
    values = [torch.tensor(part * scale, dtype=torch.float32) for part in parts]
    gains = ModeGains(*(value.clone().requires_grad_() for value in values))
    v = torch.from_numpy(codes.astype(np.float32)).requires_grad_()
    y = run_modes(v, modes, gains, reverse)
    widths = BitWidths(**dict.fromkeys(BIT_KINDS, STATE))
    golden = ModeRecurrence(2 * P, DRIVE, reverse, widths)
    clips = ClipCounter("modes", Saturation())
    expected = golden.integers(modes, codes, clips=clips)
    assert np.array_equal(y.detach().numpy(), expected)
    upstream = torch.from_numpy(rng.normal(size=y.shape).astype(np.float32))
    (y * upstream).sum().backward()

    naive = ModeGains(*(value.double().clone().requires_grad_() for value in values))
    w = torch.from_numpy(codes.astype(np.float64)).requires_grad_()
    out, clipped = plain(w, modes, naive, reverse)
    assert clipped > 20
    assert np.array_equal(out.detach().numpy(), expected)
    (out * upstream).sum().backward()
    for found, wanted in ((v, w), *zip(gains, naive, strict=True)):
        assert torch.allclose(found.grad.double(), wanted.grad, rtol=1e-4, atol=1e-3)


def plain(v, modes, gains, reverse):
    """The definition with autograd: rounding passes derivatives on, clipping does not."""

    def rounded(exact):
        return exact + (torch.floor(exact + 0.5) - exact).detach()

    below = 2 ** (modes.bits - modes.drive_bits)
    x = torch.zeros(len(v), 2 * P, dtype=torch.float64)
    found, clipped = [None] * v.shape[1], 0
    for step in range(v.shape[1]):
        at = v.shape[1] - 1 - step if reverse else step
        re, im = x[:, :P], x[:, P:]
        by_re = gains.a_re * re - gains.a_im * im + gains.b * v[:, at, :P]
        by_im = gains.a_re * im + gains.a_im * re + gains.b * v[:, at, P:]
        exact = x + rounded(torch.cat([by_re, by_im], dim=1))
        clipped += int((exact.abs() > modes.limit).sum())
        x = exact.clamp(-modes.limit, modes.limit)
        out = x / below
        within = out.abs() <= modes.drive_limit + 0.5
        code = rounded(out).clamp(-modes.drive_limit, modes.drive_limit)
        found[at] = torch.where(within, rounded(out), code.detach())
        found[at] = found[at] + (code - found[at]).detach()
    return torch.stack(found, dim=1), clipped
