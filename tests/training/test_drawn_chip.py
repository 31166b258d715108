"""Training on drawn chips: values of the simulator, derivatives of a naive twin."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.config.schema import MappingConfig
from imssa_sim.errors import InputError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.reads import Reader
from imssa_sim.mapping.build import build_program
from imssa_sim.program.saturation import Saturation

torch = pytest.importorskip("torch", reason="training needs PyTorch")


CALIBRATION = np.random.default_rng(9).normal(size=(8, 12, 2))


def source(random_networks, slices=1, four_line=False, **changes):
    from imssa_sim.training.drawn_chip import ChipSource

    tile = {"cell": "cells/rram_milo", "rows": 16, "columns": 32 * slices, "slices": slices}
    if four_line:
        tile |= {"weights": "four_line", "rows": 40, "columns": 40}
    hardware = random_networks.hardware(tile=tile, **({"ideal": False} | changes))
    return ChipSource(hardware, seed=3, time=60.0, calibration=CALIBRATION)


def gains_of_layer(network):
    from imssa_sim.training.recurrence import Gains, gains_of

    values = gains_of(network.layers[0].kernel)
    return Gains(*(torch.tensor(v, dtype=torch.float32, requires_grad=True) for v in values))


DELTA = {"kernel": "fused_delta"}
LATE = {"kernel": "fused_delayed"}
WIDE = {"form": "delta", "state": 12, "drive": 8}


@pytest.mark.parametrize(
    ("slices", "mapping", "network"),
    [
        (1, {}, {}),
        (2, {}, {}),
        (1, DELTA, WIDE),
        (2, DELTA, WIDE),
        (1, DELTA | {"error_feedback": True}, WIDE | {"form": "delta_feedback"}),
        (1, LATE, {"form": "separate"}),
        (0, {}, {}),
        (0, LATE, {"form": "separate"}),
        (0, DELTA, WIDE),
    ],
)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_values_are_those_of_the_simulated_chip(
    random_networks, bidirectional, slices, mapping, network
):
    """No slices stand for four lines, of codes of either sign."""
    network = random_networks.network(2, bidirectional=bidirectional, **network)
    chips = source(random_networks, slices or 1, not slices, mapping=mapping)
    chip = chips.draw(network, evaluation=4)
    rng = np.random.default_rng(0)
    program = build_program(network, chips.hardware)
    sums = calibrate_adc(program, chips.hardware, chips.calibration)
    analog = AnalogNetwork(
        program, chips.hardware, seed=chip.instance.seed, chip=chip.instance.chip, time=60.0,
        calibration=sums,
    )  # fmt: skip
    ready = analog.instance.kernels
    assert set(chip.kernels) == set(ready)
    reader = Reader(analog.instance, ActionCounter(program), Saturation(), threads=1, noise=True)
    u = np.clip(np.rint(60 * rng.normal(size=(3, 12, 5))), -127, 127).astype(np.int16)
    for path in chip.kernels:
        kernel = network.layers[chip.kernels[path].tiles.layer]
        expected = reader.kernel(path, kernel.kernel, u, np.arange(3))
        found = chip.recur(path, torch.from_numpy(u.astype(np.float32)), gains_of_layer(network))
        assert np.array_equal(found.detach().numpy(), expected)
        assert np.ptp(expected) > 20
        weights = chip.kernels[path].on_chip.weights
        meant = chip.kernels[path].tiles.weights
        assert np.corrcoef(weights.ravel(), meant.ravel())[0, 1] > 0.98  # wires too


@pytest.mark.parametrize(
    ("mapping", "four_line"),
    [
        ("fused_lookahead", False),
        ("fused_delta", False),
        ("fused_delayed", False),
        ("fused_lookahead", True),
        ("fused_delayed", True),
    ],
)
def test_gradients_are_those_of_a_plain_loop_over_the_programmed_tiles(
    random_networks, mapping, four_line
):
    delta, late = mapping == "fused_delta", int(mapping == "fused_delayed")
    network = random_networks.network(
        4, **(WIDE if delta else {"form": "separate" if late else "lookahead"})
    )
    chips = source(random_networks, four_line=four_line, mapping={"kernel": mapping})
    chip = chips.draw(network, evaluation=0)
    path = "chip.layer0.kernel"
    ready = chip.kernels[path]
    tiles = ready.tiles
    rng = np.random.default_rng(1)
    codes = rng.integers(-30, 31, (4, 12, 5)).astype(np.int16)
    gains = gains_of_layer(network)
    u = torch.tensor(codes, dtype=torch.float32, requires_grad=True)
    y = chip.recur(path, u, gains)
    upstream = torch.from_numpy(rng.normal(size=y.shape).astype(np.float32))
    (y * upstream).sum().backward()

    # The same states, then one tile after the other with autograd through its dense matrix.
    _, states, drives = chip.states(ready, codes)
    converters = ready.on_chip.conversion
    top = torch.from_numpy(np.floor(converters.adc.high * converters.after + 0.5))
    scale = ready.on_chip.conversion.adc.scale[:, :: 2 if four_line else 1]
    gain = scale * ready.on_chip.conversion.after
    expected_u = torch.zeros(u.shape, dtype=torch.float64)
    stray = 0.0
    for t in range(tiles.tiles):
        s, i, o = int(tiles.n_states[t]), int(tiles.n_inputs[t]), int(tiles.n_outputs[t])
        w, other = held_on(ready, t, (s, i, o), four_line)
        w, other = w * gain[t, : s + o], other * gain[t, : s + o]
        stray += float(np.abs(w[~tiles.useful[t, : s + i, : s + o]]).sum())
        w = torch.tensor(w, requires_grad=True)
        below = w + torch.tensor(other) - w.detach()  # of codes below zero
        drive = torch.tensor(codes[:, :, tiles.input_channel[t, :i]], dtype=torch.float64)
        drive.requires_grad_()
        x = torch.zeros(4, s, dtype=torch.float64)
        total = torch.zeros((), dtype=torch.float64)
        for k in range(12 + late):
            v = drives_of(ready.kernel, x, drives[k, t][:, :s])
            port = drive[:, k] if k < 12 else torch.zeros_like(drive[:, 0])
            lines = torch.cat([v, port], dim=1)
            exact = lines * (lines >= 0) @ w + lines * (lines < 0) @ below
            after = torch.tensor(states[k + 1, t][:, :s], dtype=torch.float64)
            inside = after.abs() < ready.kernel.state_requant.limit
            gives = exact[:, :s]
            if delta:
                sign = torch.from_numpy(tiles.state_sign[t, :s])
                before = sign * x[:, tiles.state_source[t, :s]]
                read = (after - before).detach().abs() < top[t, :s]
                gives = before + torch.where(read, gives, gives.detach())
            x = torch.where(inside, gives + (after - gives).detach(), after)
            channel = tiles.output_channel[t, :o]
            if k >= late:
                seen = y.detach()[:, k - late, channel].abs() < 127
                total = total + (exact[:, s:] * upstream[:, k - late, channel] * seen).sum()
        total.backward()
        expected_u[:, :, tiles.input_channel[t, :i]] += drive.grad
        c = int(tiles.output_channel[t, 0])
        kernel = network.layers[0].kernel
        modes = kernel.modes
        # First block of the tile: rows and columns Re then Im, the channel's port behind all.
        block = w.grad
        re, im = np.arange(modes), modes + np.arange(modes)
        if four_line:  # lines of a complex number are neighbours
            re, im = 2 * np.arange(modes), 2 * np.arange(modes) + 1
        assert torch.allclose(
            gains.a_re.grad[c].double(), block[re, re] + block[im, im], rtol=1e-4, atol=1e-2
        )
        assert torch.allclose(
            gains.a_im.grad[c].double(), block[re, im] - block[im, re], rtol=1e-4, atol=1e-2
        )
        assert torch.allclose(gains.b_im.grad[c].double(), block[s, im], rtol=1e-4, atol=1e-2)
        assert torch.allclose(gains.c_re.grad[c].double(), block[re, s], rtol=1e-4, atol=1e-2)
        through = 0.0 if late else float(block[s, s])  # what comes late has D beside the tiles
        assert float(gains.d.grad[c]) == pytest.approx(through, rel=1e-4, abs=1e-2)
    assert stray > 0  # cells between the packed kernels take part
    assert float((u.grad.double() - expected_u).norm() / expected_u.norm()) < 1e-4


def held_on(ready, t, sizes, four_line):
    """Weights that the cells of a tile hold for codes above zero, and for those below."""
    s, i, o = sizes
    cells = ready.on_chip.programmed.weights[t]
    if not four_line:
        return (cells[: s + i, : s + o],) * 2
    signs = cells[:, 0::2] - cells[:, 1::2]  # of both columns of a sum
    return signs[0::2][: s + i, : s + o], -signs[1::2][: s + i, : s + o]


def drives_of(kernel, x, wide):
    """What states drive with: top bits, straight through, without derivative where clipped."""
    value = x / (1 << kernel.drive_shift)
    rounded = torch.floor(torch.round(x) / (1 << kernel.drive_shift) + 0.5).detach()
    assert np.array_equal(rounded.numpy(), wide)
    codes = rounded.clamp(-kernel.drive_limit, kernel.drive_limit)
    return torch.where(rounded == codes, value + (codes - value).detach(), codes)


def test_each_draw_is_another_chip_and_evaluation_chips_stay(random_networks):
    network = random_networks.network(1)
    chips = source(random_networks)
    torch.manual_seed(0)
    weights = [
        chips.draw(network, number).kernels["chip.layer0.kernel"].on_chip.programmed.weights
        for number in (None, None, 0, 0)
    ]
    assert not np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[1], weights[2])
    assert np.array_equal(weights[2], weights[3])


def test_a_mapping_without_derivative_is_refused(random_networks):
    with pytest.raises(InputError, match=r"fused_delayed, .*digital, not two_pass"):
        source(random_networks, mapping={"kernel": "two_pass"})
    assert MappingConfig().kernel == "fused_lookahead"


def test_no_chip_of_a_run_is_trained_on(random_networks):
    network = random_networks.network(2)
    assert source(random_networks).draw(network).instance.seed != 3
    assert source(random_networks).draw(network, evaluation=0).instance.chip >= 1 << 20
