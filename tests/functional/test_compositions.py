"""Networks of every composition of blocks and heads: float, integers, chip, plan and time."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.counts import action_counts
from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Composition
from imssa_sim.program.integers import graph_of
from imssa_sim.reference.forward import float_graph, forward
from imssa_sim.reference.quantise import quantise
from imssa_sim.ssm.forms import output_form
from imssa_sim.timing.simulate import simulate_timing

WIDTH, LENGTH = 4, 9
FUNCTIONS = ["gelu", "relu", "tanh", "silu", "sigmoid", "elu", "softplus", "gelu_tanh"]
COMPOSITIONS = st.builds(
    Composition,
    activation=st.sampled_from([*FUNCTIONS, "glu", "none"]),
    mixing=st.sampled_from(["glu", "half_glu1", "half_glu2", "plain", "none", "relu", "tanh"]),
    residual=st.booleans(),
    copies=st.sampled_from([1, 1, 2]),
    pooling=st.sampled_from(["mean", "last", "none"]),
    output=st.sampled_from(["logits", "log_softmax"]),
).filter(lambda made: made.problem(WIDTH) is None)
MAPPINGS = ["fused_lookahead", "fused_delta", "digital"]


def network_of(made, seed=0, norm="layer", position="post", both=False, layers=2, family=""):
    return random_network(
        layers=layers, width=WIDTH, state=4, inputs=2, classes=3, bidirectional=both, norm=norm,
        norm_position=position, composition=made,
        family=family or ("s4block" if made.copies > 1 else "s4d"),
        seed=seed,
    )  # fmt: skip


def sequences(count=3):
    return np.random.default_rng(1).normal(size=(count, LENGTH, 2)).astype(np.float32)


def quantised(random_networks, network, bits=8, mapping="fused_delta"):
    form = output_form(random_networks.form_of(mapping))
    accumulator = {"drive": bits, "state": bits + 4} if form.accumulates else {}
    kinds = ("A", "B", "C", "D", "dt", "state", "kernel_input", "kernel_output", "activations")
    widths = random_networks.bit_widths(**(dict.fromkeys((*kinds, "linear"), bits) | accumulator))
    return quantise(network, widths, sequences(8), form)


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    made=COMPOSITIONS,
    norm=st.sampled_from(["layer", "batch", "none"]),
    position=st.sampled_from(["pre", "post"]),
    both=st.booleans(),
    mapping=st.sampled_from(MAPPINGS),
    linear=st.sampled_from(["analog", "digital"]),
    seed=st.integers(0, 99),
)
def test_an_ideal_chip_is_the_golden_model(
    random_networks, made, norm, position, both, mapping, linear, seed
):
    net = quantised(random_networks, network_of(made, seed, norm, position, both), 8, mapping)
    places = {"kernel": mapping, "linear": linear, "encoder": linear, "decoder": linear}
    chip = random_networks.hardware(mapping=places)
    program = build_program(net, chip, LENGTH)
    x = sequences()
    expected = run_digital(net, x)
    result = AnalogNetwork(program, chip).run(x, batch=2)
    np.testing.assert_array_equal(result.logits, expected.logits)
    np.testing.assert_array_equal(result.predictions, expected.predictions)
    assert dict(result.counts) == {k: 3 * count for k, count in action_counts(program).items()}


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    made=COMPOSITIONS,
    norm=st.sampled_from(["layer", "none"]),
    position=st.sampled_from(["pre", "post"]),
    both=st.booleans(),
)
def test_engines_agree_and_count_what_is_planned(random_networks, made, norm, position, both):
    net = quantised(random_networks, network_of(made, 0, norm, position, both))
    cards = {"digital": {"card": "digital/cmos_40nm"}, "memory": {"card": "memory/sram_32nm_puma"}}
    chip = random_networks.hardware(mapping={"kernel": "fused_delta"}, **cards)
    program = build_program(net, chip, 40)
    auto = simulate_timing(program, chip)
    full = simulate_timing(program, chip, engine="event")
    assert auto.counts == full.counts
    assert auto.counts == {k: count for k, count in action_counts(program).items() if count}
    assert auto.end_to_end_ticks == full.end_to_end_ticks
    assert auto.first_output_ticks == full.first_output_ticks
    assert auto.busy == full.busy


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    made=COMPOSITIONS,
    norm=st.sampled_from(["layer", "batch", "none"]),
    position=st.sampled_from(["pre", "post"]),
    both=st.booleans(),
    seed=st.integers(0, 99),
)
def test_integers_of_many_bits_are_the_float_network(
    random_networks, made, norm, position, both, seed
):
    network = network_of(made, seed, norm, position, both)
    net = quantised(random_networks, network, 14, "fused_lookahead")
    x = sequences(8)
    wanted = forward(network, x)
    found = run_digital(net, x).logits
    assert np.abs(found - wanted).max() <= 0.03 * max(np.abs(wanted).max(), 0.1)
    assert net.composition == made
    assert [n.name for n in float_graph(network)] == [n.name for n in graph_of(net)]


@pytest.mark.parametrize("position", ["pre", "post"])
def test_wide_codes_without_a_residual_stream_fit_the_norm(random_networks, position):
    """16-bit products alone would exceed its 64 bits."""
    network = network_of(Composition(residual=False), position=position)
    net = quantised(random_networks, network, 16, "fused_lookahead")
    wanted = forward(network, sequences())
    assert np.abs(run_digital(net, sequences()).logits - wanted).max() < 0.01


DENSE = st.sampled_from([("s5", False), ("s5", True), ("lru", False)])
SINGLE = COMPOSITIONS.filter(lambda made: made.copies == 1)


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    made=SINGLE, kind=DENSE, position=st.sampled_from(["pre", "post"]),
    mapping=st.sampled_from(MAPPINGS), linear=st.sampled_from(["analog", "digital"]),
    tile=st.sampled_from([(16, 32), (5, 8)]), seed=st.integers(0, 99),
)  # fmt: skip
def test_states_that_mix_channels_on_an_ideal_chip(
    random_networks, made, kind, position, mapping, linear, tile, seed
):
    family, both = kind
    network = network_of(made, seed, "layer", position, both, family=family)
    net = quantised(random_networks, network, 8, mapping)
    places = {"kernel": mapping, "linear": linear}
    cards = {"digital": {"card": "digital/cmos_40nm"}, "memory": {"card": "memory/sram_32nm_puma"}}
    chip = random_networks.hardware(
        mapping=places, tile={"rows": tile[0], "columns": tile[1]}, **cards
    )
    program = build_program(net, chip, LENGTH)
    x = sequences()
    expected = run_digital(net, x)
    result = AnalogNetwork(program, chip).run(x, batch=2)
    np.testing.assert_array_equal(result.logits, expected.logits)
    assert dict(result.counts) == {k: 3 * count for k, count in action_counts(program).items()}
    on_tiles = {p.path for p in program.linears}
    assert ("chip.layer0.into" in on_tiles) == (mapping != "digital")
    auto, full = (simulate_timing(program, chip, engine=e) for e in ("auto", "event"))
    assert auto.counts == full.counts
    assert auto.end_to_end_ticks == full.end_to_end_ticks


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(made=SINGLE, kind=DENSE, position=st.sampled_from(["pre", "post"]), seed=st.integers(0, 99))
def test_integers_of_states_that_mix_channels(random_networks, made, kind, position, seed):
    family, both = kind
    network = network_of(made, seed, "layer", position, both, family=family)
    net = quantised(random_networks, network, 14, "fused_lookahead")
    x = sequences(8)
    wanted = forward(network, x)
    found = run_digital(net, x).logits
    assert np.abs(found - wanted).max() <= 0.03 * max(np.abs(wanted).max(), 0.1)
    assert [n.name for n in float_graph(network)] == [n.name for n in graph_of(net)]
