"""Stages, counts and totals of a Program, against arithmetic done by hand."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.counts import action_counts

MAPPINGS = ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass", "digital"]


def program(random_networks, kernel="fused_lookahead", network=None, **hardware):
    form = random_networks.form_of(kernel)
    net = random_networks.network(0, **({"form": form} | (network or {})))
    places = {"kernel": kernel} | hardware.pop("mapping", {})
    return build_program(net, random_networks.hardware(mapping=places, **hardware))


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_useful_macs_are_those_of_the_network(random_networks, mapping):
    # 2 layers, H = 5, M = 3, 2 inputs, 4 classes, 12 steps.
    step = 5 * 2 + 2 * (5 * (8 * 3 + 1) + 10 * 5)
    assert program(random_networks, mapping).useful_macs == 12 * step + 4 * 5


def test_array_macs_by_hand(random_networks):
    # Tile of 16 x 16: blocks of 7 pair up, so 2 tiles of 14 and one of 7; linear 5 x 10 in one.
    kernel, linear = 14 * 14 + 14 * 14 + 7 * 7, 5 * 10
    assert program(random_networks).array_macs == 12 * 2 * (kernel + linear)
    assert program(random_networks, "fused_delayed").array_macs == 2 * (13 * kernel + 12 * linear)
    assert program(random_networks, "two_pass").array_macs == 12 * 2 * (kernel + linear)
    assert program(random_networks, "digital").array_macs == 12 * 2 * linear


def test_counts_of_a_fused_kernel_by_hand(random_networks):
    counts = action_counts(program(random_networks))
    path = "chip.layer1.kernel"
    assert counts[f"{path}.dac", "drive"] == 12 * (14 + 14 + 7)
    assert counts[f"{path}.array", "read"] == 12 * 3
    assert counts[f"{path}.adc", "convert"] == 12 * (14 + 14 + 7)
    assert counts[f"{path}.requantiser", "requantise"] == 12 * 30
    assert counts[f"{path}.register", "write"] == 12 * 30
    assert counts[f"{path}.output_requantiser", "requantise"] == 12 * 5
    assert (f"{path}.shift_add", "add") not in counts
    # encoder 5x2 and decoder 4x5; encoder 5, two inputs of 5 per step; pooled 5 once.
    assert counts["chip.vector", "mac"] == 12 * 10 + 20
    assert counts["chip.vector", "requantise"] == 12 * (5 + 2 * 5) + 5
    assert counts["chip.vector", "lookup"] == 12 * 2 * (5 + 5)
    assert counts["chip.vector", "multiply"] == 12 * 2 * 15
    assert counts["chip.vector", "add"] == 12 * (2 * 5 + 5)
    assert counts["chip.vector", "normalise"] == 12 * 2 * 5
    # per layer u 5, y 5, g 5, z 10; from layer 0 to layer 1: 5.
    assert counts["chip.bus", "transfer"] == 12 * (2 * 25 + 5)


def test_pruned_parts_take_no_lines_conversions_or_cells(random_networks):
    """Three of five kernels, with 3, 1 and 2 modes: 7 + 3 + 5 lines, one tile of 16."""
    net = random_networks.network(0, pruned=True)
    modes_of = np.array([3, 1, 2])

    def fixed(layer):
        kernel = random_networks.thinned(None, layer.kernel, modes_of)
        return dataclasses.replace(layer, kernels=(kernel,))

    net = dataclasses.replace(net, layers=tuple(fixed(layer) for layer in net.layers))
    lean = build_program(net, random_networks.hardware())
    counts, whole = action_counts(lean), program(random_networks)
    path = "chip.layer0.kernel"
    assert counts[f"{path}.adc", "convert"] == 12 * (2 * 6 + 3)
    assert counts[f"{path}.dac", "drive"] == 12 * (2 * 6 + 3)
    assert counts[f"{path}.array", "read"] == 12
    assert counts[f"{path}.register", "write"] == 12 * 12
    assert counts[f"{path}.output_requantiser", "requantise"] == 12 * 3
    assert counts["chip.layer0.linear.dac", "drive"] == 12 * 3
    assert counts["chip.layer0.linear.adc", "convert"] == 12 * 10
    assert (lean.tiles_needed, whole.tiles_needed) == (2 * (1 + 1), 2 * (3 + 1))
    assert lean.useful_macs == 12 * (10 + 2 * (8 * 6 + 3 + 10 * 3)) + 20
    assert lean.use[0].cells_useful == 2 * (8 * 6 + 3)


def test_words_have_the_bits_of_their_layer(random_networks):
    inside = {"state": 5, "activations": 6, "kernel_input": 7, "kernel_output": 4, "linear": 3}
    stages = {s.path: s for s in program(random_networks, network={"inside": inside}).stages}

    def bits(path, component):
        return [op.bits for op in stages[path].actions if op.component == component][-1]

    assert bits("chip.encoder", "chip.encoder.buffer") == 8
    for layer in range(2):
        path = f"chip.layer{layer}"
        assert bits(f"{path}.input", f"{path}.input.buffer") == 7 + layer
        assert bits(f"{path}.kernel", f"{path}.kernel.register") == 5 + layer
        assert bits(f"{path}.kernel", f"{path}.kernel.buffer") == 4 + layer
        assert bits(f"{path}.linear", f"{path}.linear.buffer") == 6 + layer
        assert bits(f"{path}.output", f"{path}.output.buffer") == 8


def test_split_kernels_add_their_parts(random_networks):
    counts = action_counts(program(random_networks, tile={"rows": 5, "columns": 10}))
    # 3 modes as 2 + 1: every channel has one sum to add; linear 5 x 10 in 1 x 2 tiles has none.
    assert counts["chip.layer0.kernel.shift_add", "add"] == 12 * 5
    assert counts["chip.layer0.kernel.adc", "convert"] == 12 * (30 + 10)
    assert ("chip.layer0.linear.shift_add", "add") not in counts


def test_split_linear_adds_its_parts(random_networks):
    counts = action_counts(program(random_networks, tile={"rows": 3, "columns": 32}))
    assert counts["chip.layer0.linear.shift_add", "add"] == 12 * 10
    assert counts["chip.layer0.linear.adc", "convert"] == 12 * 20


def test_delayed_output_costs_one_read_more(random_networks):
    counts = action_counts(program(random_networks, "fused_delayed"))
    assert counts["chip.layer0.kernel.array", "read"] == 13 * 3
    assert counts["chip.layer0.kernel.output_requantiser", "requantise"] == 12 * 5


def test_two_pass_reads_twice_and_converts_each_column_once(random_networks):
    counts = action_counts(program(random_networks, "two_pass"))
    assert counts["chip.layer0.kernel.array", "read"] == 2 * 12 * 3
    assert counts["chip.layer0.kernel.dac", "drive"] == 2 * 12 * 35
    assert counts["chip.layer0.kernel.adc", "convert"] == 12 * 35


def test_digital_kernels_count_their_macs(random_networks):
    digital = action_counts(program(random_networks, "digital", mapping={"linear": "digital"}))
    per_step = 10 + 2 * (5 * 25 + 50)
    assert digital["chip.vector", "mac"] == 12 * per_step + 20
    assert not any(kind in path for path, _ in digital for kind in ("array", "adc", "dac"))


@pytest.mark.parametrize("mapping", [m for m in MAPPINGS if m != "digital"])
def test_a_layer_off_the_tiles_is_on_the_vector_unit(random_networks, mapping):
    whole = program(random_networks, mapping)
    mixed = program(random_networks, mapping, mapping={"digital_layers": (1,)})
    assert {t.path for t in (*mixed.kernels, *mixed.linears)} == {
        "chip.layer0.kernel", "chip.layer0.linear"
    }  # fmt: skip
    # Noise of the layer that stays is what it was.
    assert [t.site for t in mixed.kernels] == [t.site for t in whole.kernels[:1]]
    counts = action_counts(mixed)
    assert not any(path.startswith("chip.layer1") for path, verb in counts if verb == "convert")
    # H = 5, M = 3: 4 products a real state and D; 50 of the linear map; 12 steps; the encoder's 10
    # and the decoder's 20. Outside of the look-ahead forms D of layer 0 is digital too.
    apart = 5 * (mapping == "two_pass" or not whole.kernels[0].mapping.form.ahead)
    assert counts["chip.vector", "mac"] == 12 * (10 + 5 * (4 * 6 + 1) + 50 + apart) + 20
    added = counts.get(("chip.vector", "accumulate"), 0)
    assert added == (12 * 30 if mapping == "fused_delta" else 0)
    delayed = {s.path: s.extra_steps for s in mixed.stages if "kernel" in s.path}
    assert delayed == {
        "chip.layer0.kernel": int(mapping == "fused_delayed"),
        "chip.layer1.kernel": 0,
    }


def test_bit_serial_drives_once_per_magnitude_bit(random_networks):
    counts = action_counts(
        program(random_networks, dac={"encoding": "bit_serial"}, network={"state": 6})
    )
    assert counts["chip.layer0.kernel.array", "read"] == 12 * 3 * 7  # kernel input has 8 bits
    assert counts["chip.layer0.kernel.adc", "convert"] == 12 * 35


def test_converters_share_columns_evenly(random_networks):
    stages = {s.path: s for s in program(random_networks).stages}
    adc = stages["chip.layer0.kernel"].actions[2]
    assert (adc.kind, adc.instances, adc.serial) == ("adc", 3 * 4, 4)  # 14 columns on 4 ADCs


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(MAPPINGS),
    st.sampled_from(["analog", "digital"]),
    st.booleans(),
    st.sampled_from(["post", "pre", "none"]),
    st.integers(3, 20),
    st.integers(1, 12),
)
def test_stages_are_consistent(random_networks, mapping, place, both, position, rows, units):
    built = program(
        random_networks, mapping, {"bidirectional": both, "position": position},
        tile={"rows": rows}, mapping={"linear": place, "encoder": place, "decoder": place},
        digital={"vector_units": units}, bus={"links": units}, off_chip={"card": "memory/none"},
    )  # fmt: skip
    paths = [stage.path for stage in built.stages]
    assert len(set(paths)) == len(paths)
    kinds: dict[tuple[str, str], str] = {}
    for stage in built.stages:
        assert 0 < stage.loop <= len(stage.actions)
        for op in stage.actions:
            assert op.count > 0
            assert op.serial > 0
            assert kinds.setdefault((op.component, op.verb), op.kind) == op.kind
            if op.kind not in ("bus", "buffer"):
                assert op.instances * op.serial >= op.count
    for bypass in built.bypasses:
        assert paths.index(bypass.source) < paths.index(bypass.target)
        held = built.sequence_length if both else 4
        assert bypass.capacity >= held
    numbers = [tiles.site for tiles in (*built.kernels, *built.linears)]
    assert len(set(numbers)) == len(numbers)
    vectors = {op.component for s in built.stages for op in s.actions if "vector" in op.component}
    assert 1 <= len(vectors) <= units


def test_enough_vector_units_are_not_shared(random_networks):
    built = program(random_networks, digital={"vector_units": 50}, bus={"links": 50})
    users: dict[str, set[str]] = {}
    for stage in built.stages:
        for op in stage.actions:
            users.setdefault(op.component, set()).add(stage.path)
    assert all(len(stages) == 1 for stages in users.values())


def test_barrier_waits_for_a_whole_sequence(random_networks):
    built = program(random_networks, network={"bidirectional": True})
    stages = {s.path: s for s in built.stages}
    order = [s.path for s in built.stages if "kernel" in s.path]
    assert order == [
        "chip.layer0.kernel", "chip.layer0.kernel_reverse",
        "chip.layer1.kernel_reverse", "chip.layer1.kernel",
    ]  # fmt: skip
    assert [stages[p].barrier for p in order] == [False, True, False, True]
    assert [stages[p].buffer_tokens for p in order] == [12, 4, 12, 4]
    assert {k.path: k.site for k in built.kernels}["chip.layer1.kernel_reverse"] == 5


def test_chip_of_fixed_size_that_is_too_small(random_networks):
    with pytest.raises(InputError) as caught:
        program(random_networks, chip={"tiles": 7}, tile={"rows": 5})
    text = str(caught.value)
    assert "needs 22 tiles, the chip has 7" in text
    assert "chip.layer1.kernel 10, chip.layer1.linear 1" in text
    assert "at least 7 rows and 14 bit lines" in text


def test_chip_of_fixed_size_that_is_large_enough(random_networks):
    built = program(random_networks, chip={"tiles": 20})
    assert (built.tiles_needed, built.tiles_available) == (8, 20)


def test_cells_that_a_layer_uses(random_networks):
    built = program(random_networks)
    kernel = next(use for use in built.use if use.path == "chip.layer0.kernel")
    assert (kernel.tiles, kernel.rows_used, kernel.columns_used) == (3, 14, 28)
    assert kernel.cells_useful / kernel.cells == pytest.approx(5 * 25 * 2 / (3 * 16 * 32))
    assert kernel.cells_used / kernel.cells == pytest.approx((2 * 14 * 28 + 7 * 14) / (3 * 16 * 32))


def test_useful_cells_of_an_offset_column(random_networks):
    built = program(random_networks, tile={"weights": "offset", "columns": 17})
    use = built.use[0]
    assert use.columns_used == 15
    assert use.cells_useful == 5 * 25
    assert use.cells_used == 2 * 14 * 15 + 7 * 8


def test_spare_columns_are_kept_free(random_networks):
    built = program(random_networks, tile={"spare_columns": 3})
    assert built.use[0].tiles == 5  # 16 - 3 columns: blocks of 7 no longer pair up
    with pytest.raises(InputError, match="leaves none of the tile's 16 logical columns"):
        program(random_networks, tile={"spare_columns": 16})


def test_program_is_frozen(random_networks):
    with pytest.raises(dataclasses.FrozenInstanceError):
        program(random_networks).tiles_needed = 3
