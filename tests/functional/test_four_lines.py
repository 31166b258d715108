"""Four lines for a complex number: every sign has rows, columns and conversions of its own."""

from dataclasses import replace

import numpy as np
import pytest

from imssa_sim.circuits.slices import cut_weights
from imssa_sim.circuits.weights import targets, unit_conductance
from imssa_sim.config.load import load_config
from imssa_sim.config.schema import EffectsConfig
from imssa_sim.errors import InputError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.counts import action_counts
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.tiles import TileShape, kernel_tiles

MAPPINGS = ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass"]


def chip_of(random_networks, *, bits=8, kernel="fused_delayed", on=(), **changes):
    """A chip whose only departures from the ideal one are its converters and the effects ``on``."""
    sections = {
        "effects": dict.fromkeys(EffectsConfig.model_fields, False) | dict.fromkeys(on, True),
        "dac": {"bits": 12},
        "adc": {"bits": bits},
        "mapping": {"kernel": kernel},
        "tile": {"weights": "four_line", "cell": "cells/taox_imssa", "rows": 18, "columns": 18},
    }
    for name, value in changes.items():
        sections[name] = sections.get(name, {}) | value
    return random_networks.hardware(ideal=False, **sections)


def sequences(net, count, seed=0):
    width = net.encoder.weight.shape[1]
    return np.random.default_rng(seed).normal(size=(count, net.sequence_length, width))


def calibrated(net, hardware, x, **coordinates):
    program = build_program(net, hardware)
    sums = calibrate_adc(program, hardware, x)
    return AnalogNetwork(program, hardware, calibration=sums, time=3600.0, **coordinates)


@pytest.mark.parametrize("kernel", MAPPINGS)
@pytest.mark.parametrize("policy", ["aligned", "max", "percentile"])
def test_enough_bits_lose_nothing(random_networks, kernel, policy):
    """Cells at rest leak on both columns of a sum, which cancels behind the converters."""
    net = random_networks.network(4, form=random_networks.form_of(kernel))
    chip = chip_of(
        random_networks, bits=15, kernel=kernel, mapping={"encoder": "analog", "decoder": "analog"},
        adc={"range": policy, "percentile": 100.0},
    )  # fmt: skip
    x = sequences(net, 3)
    network = calibrated(net, chip, x)
    result, expected = network.run(x), run_digital(net, x)
    apart = np.abs(result.logits - expected.logits).max() / np.abs(expected.logits).max()
    assert apart < 0.05  # a conversion rounds the leak of its column
    clipped = sum(int(a.low.sum() + a.high.sum()) for a in result.activity.values())
    # Where the range ends at the largest sum, one that rounding made larger goes beyond it.
    assert clipped <= (policy != "aligned") * 0.01 * sum(
        a.conversions for a in result.activity.values()
    )
    assert dict(result.counts) == {k: 3 * n for k, n in action_counts(network.program).items()}


def test_a_dense_layer_is_what_its_lines_say(random_networks):
    """Two conversions of one sign each, from the conductances, against the chip's codes."""
    net = random_networks.network(2, layers=1)
    chip = chip_of(
        random_networks, kernel="digital", on=("programming_error",),
        mapping={"encoder": "analog", "linear": "digital", "decoder": "digital"},
    )  # fmt: skip
    x = sequences(net, 2)
    network = calibrated(net, chip, x)
    ready = network.instance.dense["chip.encoder"]
    (tile,) = network.instance.written["chip.encoder"].conductance(3600.0)
    scale = network.instance.written["chip.encoder"].scale[0]
    codes = np.random.default_rng(1).integers(-127, 128, (50, 2)).astype(np.int16)
    lines = np.empty((50, 4))
    lines[:, 0::2], lines[:, 1::2] = np.maximum(codes, 0), np.maximum(-codes, 0)
    adc = ready.on_chip.conversion.adc
    sums = lines @ (tile[:4] / scale)
    digit = np.clip(np.floor(sums * adc.scale[0] + adc.offset[0]), adc.low, adc.high)
    whole = (digit[:, 0::2] - digit[:, 1::2]) * 2**ready.fraction
    assert (adc.low, adc.high) == (0, 255)
    assert np.all(adc.scale[:, 0::2] == adc.scale[:, 1::2])

    found = {}
    reader = _reader(network, found)
    reader.linear("chip.encoder", codes[None], np.zeros(1, np.int64))
    np.testing.assert_array_equal(found["sums"], whole[:, : found["sums"].shape[1]])


def _reader(network, found):
    from imssa_sim.functional.counts import ActionCounter
    from imssa_sim.functional.reads import Reader
    from imssa_sim.program.saturation import Saturation

    class Kept(Reader):
        def _requantised(self, sums, bias, gain, limit, site):
            found["sums"] = sums
            return super()._requantised(sums, bias, gain, limit, site)

    counter = ActionCounter(network.program)
    return Kept(network.instance, counter, Saturation(), threads=1, noise=False)


@pytest.mark.parametrize("encoding", ["amplitude", "bit_serial"])
def test_every_effect_acts(random_networks, encoding):
    net = random_networks.network(4, form="separate")
    x = sequences(net, 3)
    seen = []
    for on, more in (
        ((), {}),
        (("programming_error",), {}),
        (("read_noise",), {}),
        (("faults",), {"faults": {"stuck_on": 0.05}}),
        (("ir_drop",), {"tile": {"wires": {"bit_resistance": 20.0}}}),
        (("thermal_noise",), {"tile": {"read_time": 1e-12}}),
        (("shot_noise",), {"tile": {"read_time": 1e-15}}),
    ):
        chip = chip_of(random_networks, bits=14, on=on, dac={"encoding": encoding}, **more)
        result = calibrated(net, chip, x).run(x)
        seen.append(result.logits)
        assert all(a.energy > 0 for a in result.activity.values())
        for path, activity in result.activity.items():
            half = activity.non_zeros[:, 0::2] + activity.non_zeros[:, 1::2]
            assert half.max() <= activity.drives, path  # a code drives one of its two lines
    assert all(not np.array_equal(seen[0], other) for other in seen[1:])


def test_spare_columns_take_the_place_of_stuck_ones(random_networks):
    net = random_networks.network(4, form="separate", length=8)
    x = sequences(net, 3)
    stuck = {"faults": {"stuck_on": 0.02, "stuck_off": 0.0}, "on": ("faults",), "bits": 12}

    def faulty(spares):
        chip = chip_of(
            random_networks, tile={"columns": 18 + 2 * spares, "spare_columns": spares}, **stuck
        )
        network = calibrated(net, chip, x)
        return sum(np.count_nonzero(w.faults) for w in network.instance.written.values())

    assert faulty(8) < faulty(0)


def test_calibrated_columns_come_nearer(random_networks):
    net = random_networks.network(4, form="separate")
    x = sequences(net, 6)
    expected = run_digital(net, x).logits
    apart = []
    for calibrate in (False, True):
        chip = chip_of(
            random_networks, bits=10, on=("converter_errors",),
            adc={"gain_spread": 0.1, "calibrate": calibrate},
        )  # fmt: skip
        apart.append(np.abs(calibrated(net, chip, x).run(x).logits - expected).mean())
    assert apart[1] < apart[0]


def test_what_columns_of_one_sign_exclude():
    for setting in ("slices=2", "unformed=pairs"):
        name, value = setting.split("=")
        with pytest.raises(InputError, match=f"{name}: {value} with weights: four_line"):
            load_config(
                "sdigits",
                ["hardware.chip.tile.weights=four_line", f"hardware.chip.tile.{setting}"],
            )


# An array of the IMSSA demonstration, as it was drawn (docs/imssa.md): fourteen modes of one
# kernel with three levels of conductance, '.' the lowest; rows and columns re+, re-, im+, im- of
# each mode, then of the input and of the output.
A = np.array([*[-1 - 2j] * 13, -1])
B = np.full(14, 2)
C = np.array([2 + 2j, 2j, 0, 0, 2j, 2 + 2j, 2, 2j, -2, -2, 2 - 2j, 2, 0, -2j])
DRAWN = """
.T.Y T.Y. Y..T .YT.
.T.. T... ...T ..T.
Y... .Y.. ..Y. ...Y
Y.Y. .Y.Y .YY. Y..Y
..Y. ...Y .Y.. Y...
"""


@pytest.fixture
def imssa(random_networks):
    """The kernel of that array, in integers."""
    rng = np.random.default_rng(0)
    whole = random_networks.kernel(rng, 1, 14, "separate", random_networks.bit_widths())
    none = np.zeros((1, 14), np.int64)
    parts = {
        "a_re": A.real, "a_im": A.imag, "b_re": B, "b_im": none, "c_re": C.real, "c_im": -C.imag,
        "a_shift": none, "b_shift": none,
    }  # fmt: skip
    whole_numbers = {k: np.reshape(v, (1, 14)).astype(np.int64) for k, v in parts.items()}
    nothing = np.zeros(1, np.int64)
    return replace(whole, **whole_numbers, c_shift=nothing, d_shift=nothing, d=nothing)


def levels(kernel):
    """Level of every cell of the kernel's tile, and the tile."""
    tiles = kernel_tiles(
        kernel, TileShape(32, 32, "four_line"), KERNEL_MAPPINGS["fused_delayed"],
        path="chip.layer0.kernel", site=1, layer=0, reverse=False,
    )  # fmt: skip
    held = cut_weights(tiles.weights, 1, "four_line", "tile").weights
    ends = 1e-6, 3e-4
    scale = unit_conductance(held, "four_line", "tile", *ends)
    meant = targets(held, scale, "four_line", *ends)
    return np.rint((meant[0] - ends[0]) / (ends[1] - ends[0]) * 2).astype(int), tiles


def test_the_drawn_array_is_reproduced_cell_by_cell(imssa):
    found, tiles = levels(imssa)
    drawn = [
        np.array([[".TY".index(cell) for cell in row] for row in line.split()])
        for line in DRAWN.split("\n")[1:-1]
    ]
    mode, last, into, *_ = drawn
    expected = np.zeros((60, 60), int)
    for n in range(14):
        place = slice(4 * n, 4 * n + 4)
        expected[place, place] = mode if n < 13 else last
        expected[56:, place] = into
        re, im = (int(part) // 2 for part in (C[n].real, C[n].imag))
        out = np.zeros((4, 4), int)
        for row, parts in ((0, (re, im)), (2, (-im, re))):
            for column, part in zip((0, 2), parts, strict=True):
                if part:
                    same = part > 0
                    out[row, column + (not same)] = out[row + 1, column + same] = 2
        expected[place, 56:] = out
    assert found.shape == (60, 60)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found[:4, 56:], drawn[3])
    np.testing.assert_array_equal(found[4:8, 56:], drawn[4])
    assert tiles.tiles == 1
    assert np.count_nonzero(found) == 220  # 6.1 % of the cells
