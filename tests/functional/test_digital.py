"""The golden model as a whole: batches, threads, saturation, and what it refuses."""

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.ssm.forms import output_form


@pytest.fixture(scope="module")
def deep(random_networks):
    net = random_networks.network(7, layers=3, channels=6, modes=4, length=20, bidirectional=True)
    return net, np.random.default_rng(1).normal(0, 1, (9, 20, 2))


@pytest.mark.parametrize("batch", [1, 4, 7, 64])
@pytest.mark.parametrize("threads", [1, 2])
def test_result_does_not_depend_on_batch_and_threads(deep, batch, threads):
    net, x = deep
    whole = run_digital(net, x, batch=9)
    part = run_digital(net, x, batch=batch, threads=threads)
    np.testing.assert_array_equal(part.logits, whole.logits)
    np.testing.assert_array_equal(part.pooled, whole.pooled)
    assert part.saturation == whole.saturation


def test_a_sample_alone_equals_the_sample_among_others(deep):
    net, x = deep
    np.testing.assert_array_equal(run_digital(net, x[5:6]).logits, run_digital(net, x).logits[5:6])


def test_progress_counts_to_the_end(deep):
    net, x = deep
    seen = []
    run_digital(net, x, batch=4, progress=seen.append)
    assert seen == [4, 8, 9]


def test_zero_inputs_give_finite_logits_and_no_clipping_of_inputs(deep):
    net, x = deep
    found = run_digital(net, np.zeros_like(x))
    assert np.all(np.isfinite(found.logits))
    assert found.saturation.clipped["input"] == 0
    # All samples are the same, so are their results.
    assert np.unique(found.logits, axis=0).shape[0] == 1


def test_saturation_counts_equal_a_count_by_hand(random_networks):
    rng = np.random.default_rng(3)
    net = random_networks.network(3, length=6)
    x = rng.normal(0, 1, (3, 6, 2))
    x[0, 2, 1] = 50.0  # far beyond the input range of 2
    found = run_digital(net, x)
    codes = np.floor(x / net.input_scale + 0.5)
    assert found.saturation.clipped["input"] == np.count_nonzero(np.abs(codes) > 127)
    encoded = np.clip(codes, -127, 127).astype(np.int64) @ net.encoder.weight.T + net.encoder.bias
    scale = net.encoder.requant.multiplier / 2.0**net.encoder.requant.shift
    beyond = np.count_nonzero(np.abs(np.floor(encoded * scale + 0.5)) > 127)
    assert beyond > 0
    assert found.saturation.clipped["encoder"] == beyond
    assert found.saturation.total["encoder"] == encoded.size
    assert found.saturation.share("encoder") == beyond / encoded.size


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 19, 2), "20 steps"),
        ((3, 20, 1), "2 inputs"),
        ((0, 20, 2), "at least one"),
        ((20, 2), "shape"),
    ],
)
def test_wrong_shapes_are_refused(deep, shape, words):
    with pytest.raises(InputError, match=words):
        run_digital(deep[0], np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inputs_that_are_not_finite_are_refused(deep, value):
    x = deep[1].copy()
    x[0, 0, 0] = value
    with pytest.raises(InputError, match="not finite"):
        run_digital(deep[0], x)


@pytest.mark.parametrize(
    "mapping", ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass", "digital"]
)
def test_both_directions_run_on_ideal_tiles(random_networks, mapping):
    """A float bidirectional network, quantised, is the same on a chip and in integers."""
    from imssa_sim.functional.analog import AnalogNetwork
    from imssa_sim.mapping.build import build_program
    from imssa_sim.model.initialise import random_network
    from imssa_sim.reference.quantise import quantise

    net = random_network(layers=2, width=4, state=6, inputs=2, classes=3, bidirectional=True)
    x = np.random.default_rng(0).normal(size=(3, 9, 2))
    form = random_networks.form_of(mapping)
    quantised = quantise(net, random_networks.bit_widths(), x, output_form(form))
    hardware = random_networks.hardware(mapping={"kernel": mapping})
    found = AnalogNetwork(build_program(quantised, hardware), hardware).run(x)
    np.testing.assert_array_equal(found.logits, run_digital(quantised, x).logits)
