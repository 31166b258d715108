"""Column sums from which ADC ranges are set, against the tiles' integer weights step by step."""

import numpy as np
import pytest

from imssa_sim.functional.calibrate_adc import KEPT, calibrate_adc
from imssa_sim.functional.columns import slices_of
from imssa_sim.mapping.build import build_program

PROBES = 5


def sums_of_tile(kernel, tiles, t, digits, u):
    """Codes (L, R, B) on the rows of one tile, and sums (L, C, B), in 64-bit integers."""
    samples, steps, _ = u.shape
    s, i, o = int(tiles.n_states[t]), int(tiles.n_inputs[t]), int(tiles.n_outputs[t])
    number, limit = digits.shape[2] // tiles.weights.shape[2], kernel.state_requant.limit
    whole, parts = tiles.weights[t, : s + i, : s + o].T, digits[t, : s + i, : (s + o) * number].T
    state = rest = np.zeros((s, samples))
    found = []
    for step in reversed(range(steps)) if tiles.reverse else range(steps):
        drive, rest = kernel.driven(state, rest)
        codes = np.concatenate([drive, u[:, step, tiles.input_channel[t, :i]].T]).astype(np.int64)
        new = np.floor((whole @ codes)[:s] * tiles.state_gain[t, :s, None] + 0.5)
        turned = tiles.state_sign[t, :s, None] * state[tiles.state_source[t, :s]]
        state = np.clip(turned + new if kernel.form.accumulates else new, -limit, limit)
        sums = parts @ codes
        if tiles.drives_per_step == 2:
            second = np.concatenate([state, codes[s:]]).astype(np.int64)
            sums[s * number :] = parts[s * number :] @ second
        found.append((codes, sums))
    return tuple(np.stack(part) for part in zip(*found, strict=True))


@pytest.mark.parametrize(
    ("mapping", "changes"),
    [
        ("fused_lookahead", {}),
        ("fused_lookahead", {"state": 12, "kernel_input": 12}),  # sums beyond single precision
        ("fused_delta", {"state": 14, "drive": 8}),
        ("fused_delta", {"state": 12, "drive": 6, "kernel_input": 6, "feeds_back": True}),
        ("two_pass", {}),
    ],
)
@pytest.mark.parametrize("slices", [1, 2])
@pytest.mark.parametrize("rows", [4, 16])  # kernels split over tiles, and packed together
def test_sums_of_kernels_are_those_of_the_tiles_step_by_step(
    random_networks, mapping, changes, slices, rows
):
    form = random_networks.form_of(mapping)
    bits = {name: value for name, value in changes.items() if name != "feeds_back"}
    form = f"{form}_feedback" if "feeds_back" in changes else form
    network = random_networks.network(3, form=form, bidirectional=True, length=200, **bits)
    chip = random_networks.hardware(
        ideal=False,
        tile={"rows": rows, "columns": 4 * rows, "slices": slices},
        adc={"range": "percentile", "calibrate": True, "calibration_reads": PROBES},
        mapping={"kernel": mapping},
    )
    program = build_program(network, chip)
    x = np.random.default_rng(1).normal(size=(18, 200, network.encoder.weight.shape[1]))
    sums = calibrate_adc(program, chip, x, samples=18)
    values = random_networks.values(network, x)
    assert program.kernels
    for tiles in program.kernels:
        name = tiles.path.removeprefix("chip.")
        u = values[next(n for n in program.graph.nodes if n.name == name).inputs[0]]
        digits = slices_of(tiles, chip.chip.tile).weights
        found, stride = sums[tiles.path], max(1, 18 * 200 // KEPT)
        for t in range(tiles.tiles):
            codes, own = sums_of_tile(program.kernels_at(tiles.path), tiles, t, digits, u)
            columns = own.shape[1]
            np.testing.assert_array_equal(found.maximum[t, :columns], np.abs(own).max(axis=(0, 2)))
            kept = own[::stride].transpose(1, 0, 2).reshape(columns, -1)
            np.testing.assert_array_equal(found.values[t, :columns], kept.astype(np.float32))
            for k in range(PROBES):
                expected = codes[k * 200 // PROBES, :, k % 18]
                np.testing.assert_array_equal(found.probes[t, k, : len(expected)], expected)
            assert not found.maximum[t, columns:].any()
            assert not found.probes[t, :, codes.shape[1] :].any()


def test_sums_do_not_depend_on_the_threads(random_networks):
    from imssa_sim.threads import use_threads

    network = random_networks.network(5)
    chip = random_networks.hardware(ideal=False, adc={"range": "mse"})
    program = build_program(network, chip)
    x = np.random.default_rng(1).normal(size=(4, 12, network.encoder.weight.shape[1]))
    with use_threads(1):
        alone = calibrate_adc(program, chip, x)
    with use_threads(2):
        shared = calibrate_adc(program, chip, x)
    for path, own in alone.items():
        for name in ("maximum", "values", "probes"):
            np.testing.assert_array_equal(getattr(own, name), getattr(shared[path], name))


@pytest.mark.parametrize("policy", ["aligned", "max"])
def test_sums_are_kept_only_where_the_policy_asks_for_them(random_networks, policy):
    network = random_networks.network(3)
    chip = random_networks.hardware(ideal=False, adc={"range": policy, "calibrate": True})
    program = build_program(network, chip)
    x = np.random.default_rng(1).normal(size=(2, 12, network.encoder.weight.shape[1]))
    sums = calibrate_adc(program, chip, x)
    assert sums
    for own in sums.values():
        assert own.maximum.any()
        assert own.values.size == 0


@pytest.mark.parametrize("position", ["pre", "post"])
def test_slices_of_tokens_give_the_maxima_that_all_give(random_networks, monkeypatch, position):
    from imssa_sim.functional import calibrate_adc as module
    from imssa_sim.program import interpret

    network = random_networks.network(3, position=position, bidirectional=True, length=40)
    chip = {"ideal": False, "tile": {"rows": 6, "columns": 12}}
    program = build_program(network, random_networks.hardware(**chip, adc={"range": "max"}))
    x = np.random.default_rng(1).normal(size=(3, 40, network.encoder.weight.shape[1]))
    spread = random_networks.hardware(**chip, adc={"range": "percentile"})
    whole = calibrate_adc(program, spread, x)  # at once, as it keeps sums of all
    monkeypatch.setattr(module, "SLICE", 5)
    monkeypatch.setattr(interpret, "SLICE", 11)
    found = calibrate_adc(program, random_networks.hardware(**chip, adc={"range": "max"}), x)
    assert set(found) == set(whole)
    for path, own in found.items():
        np.testing.assert_array_equal(own.maximum, whole[path].maximum)
        assert own.maximum.any()
