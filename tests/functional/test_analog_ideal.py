"""An ideal chip is the integer golden model, bit for bit, however the network is placed."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError, InternalError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.counts import ActionCounter
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.counts import action_counts

MAPPINGS = ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass", "digital"]
PLACES = st.sampled_from(["analog", "digital"])


def build(random_networks, seed, kernel, network=None, **hardware):
    form = random_networks.form_of(kernel)
    net = random_networks.network(seed, **({"form": form} | (network or {})))
    places = {"kernel": kernel} | hardware.pop("mapping", {})
    chip = random_networks.hardware(mapping=places, **hardware)
    return net, chip, build_program(net, chip)


def sequences(net, count, seed=0):
    width = net.encoder.weight.shape[1]
    return np.random.default_rng(seed).normal(size=(count, net.sequence_length, width))


@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    seed=st.integers(0, 2**16),
    kernel=st.sampled_from(MAPPINGS),
    places=st.tuples(PLACES, PLACES, PLACES),
    off_tiles=st.sampled_from([(), (), (), (0,), (1,), (0, 1)]),
    position=st.sampled_from(["post", "pre", "none"]),
    both=st.booleans(),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 5)),
    tile=st.tuples(st.integers(3, 24), st.integers(3, 24)),
    scheme=st.sampled_from(["differential", "one_sided", "offset", "four_line"]),
    slices=st.sampled_from([1, 1, 2, 4]),
    devices=st.sampled_from([1, 1, 3]),
    state_bits=st.integers(3, 10),
    below=st.integers(0, 8),
    feedback=st.booleans(),
    pruned=st.booleans(),
    channel_inputs=st.booleans(),
    inside=st.sampled_from([None, {"state": 5, "activations": 6, "kernel_input": 7, "A": 4}]),
)
def test_ideal_chip_is_the_golden_model(
    random_networks, seed, kernel, places, off_tiles, position, both, shape, tile, scheme, slices,
    devices, state_bits, below, feedback, pruned, channel_inputs, inside,
):  # fmt: skip
    accumulators = {}
    if scheme == "four_line":  # a mode takes four rows
        slices, tile = 1, (2 * tile[0] + 2, tile[1] + 1)
    if kernel == "fused_delta":
        accumulators = {"state": state_bits + below, "drive": state_bits}
        if feedback:
            accumulators["form"] = "delta_feedback"
    net, chip, program = build(
        random_networks, seed, kernel,
        {"channels": shape[0], "modes": shape[1], "position": position, "bidirectional": both,
         "length": 7, "state": state_bits, "pruned": pruned, "inside": inside,
         "channel_inputs": channel_inputs, **accumulators},
        tile={"rows": tile[0], "columns": 2 * tile[1] * slices * devices + devices,
              "weights": scheme, "slices": slices, "devices": devices},
        mapping=dict(zip(("linear", "encoder", "decoder"), places, strict=True))
        | {"digital_layers": off_tiles},
    )  # fmt: skip
    x = sequences(net, 3)
    expected = run_digital(net, x)
    result = AnalogNetwork(program, chip).run(x, batch=2)
    np.testing.assert_array_equal(result.logits, expected.logits)
    np.testing.assert_array_equal(result.predictions, expected.predictions)
    # What was executed is what the stages plan, component by component.
    planned = {key: 3 * count for key, count in action_counts(program).items()}
    assert dict(result.counts) == planned
    assert not any(a.low.any() or a.high.any() for a in result.activity.values())


def test_the_networks_of_these_tests_are_alive(random_networks):
    """Outputs depend on the inputs, and neither nothing nor everything saturates."""
    net, _, _ = build(random_networks, 0, "fused_lookahead")
    result = run_digital(net, sequences(net, 8))
    assert np.ptp(result.pooled, axis=0).min() > 0
    assert 0 < result.saturation.share("layer0.kernel.state") < 0.5
    assert result.saturation.share("layer1.kernel.output") < 0.5


@pytest.mark.parametrize("position", ["post", "pre", "none"])
def test_a_scale_of_each_channel_reaches_the_kernels(random_networks, position):
    """Codes of the inputs grow by the scale, so that the ideal chip is not compared at one."""
    found = [
        run_digital(net, sequences(net, 2)).logits
        for net in (
            build(random_networks, 0, "fused_delta",
                  {"position": position, "state": 12, "drive": 8, "channel_inputs": apart})[0]
            for apart in (False, True)
        )
    ]  # fmt: skip
    assert not np.array_equal(*found)


@pytest.mark.parametrize("kernel", MAPPINGS)
def test_wide_codes_stay_exact(random_networks, kernel):
    """Column sums beyond 2**24 must not be rounded to single precision."""
    wide = dict.fromkeys(("A", "B", "C", "D", "state", "kernel_input", "kernel_output"), 12)
    net, chip, program = build(random_networks, 3, kernel, {"modes": 6, **wide}, tile={"rows": 30})
    x = sequences(net, 2)
    expected = run_digital(net, x)
    np.testing.assert_array_equal(AnalogNetwork(program, chip).run(x).logits, expected.logits)


def test_off_chip_transfers_are_counted(random_networks):
    net, chip, program = build(
        random_networks, 0, "fused_lookahead", off_chip={"card": "memory/none"}
    )
    counts = AnalogNetwork(program, chip).run(sequences(net, 2)).counts
    assert counts["chip.off_chip", "transfer"] == 2 * (12 * 2 + 4)
    assert dict(counts) == {key: 2 * n for key, n in action_counts(program).items()}


def test_unplanned_actions_are_an_error(random_networks):
    _, _, program = build(random_networks, 0, "digital")
    counter = ActionCounter(program)
    with pytest.raises(InternalError, match="no stage plans"):
        counter.add("chip.layer0.kernel.adc", "convert", 1)
    with pytest.raises(InternalError, match="does not plan"):
        counter.at("chip.pool", "lut", "lookup", 1)


def test_wrong_inputs(random_networks):
    net, chip, program = build(random_networks, 0, "fused_lookahead")
    network = AnalogNetwork(program, chip)
    x = sequences(net, 2)
    with pytest.raises(InputError, match="12 steps"):
        network.run(x[:, :5])
    with pytest.raises(InputError, match="sample numbers"):
        network.run(x, [1, 2, 3])
    with pytest.raises(InputError, match="finite"):
        network.run(np.where(x == x[0, 0, 0], np.nan, x))


def test_progress_is_told(random_networks):
    net, chip, program = build(random_networks, 0, "fused_lookahead")
    told = []
    AnalogNetwork(program, chip).run(
        sequences(net, 5), batch=2, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(2, 5), (4, 5), (5, 5)]
