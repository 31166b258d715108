"""Runs of networks of other blocks and heads, imported ones among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig, load_config
from imssa_sim.errors import InputError
from imssa_sim.foreign.network import load_network
from imssa_sim.simulation.checks import check_by_trial, check_settings
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
REFS = Path(__file__).parents[1] / "foreign" / "data"


def test_a_result_at_every_step_counts_each(load: Load) -> None:
    made = (
        "model.pooling=none", "model.activation=relu", "model.mixing=plain",
        "hardware.mapping.decoder=analog",
    )  # fmt: skip
    result = simulate(load(*made, "evaluate.samples=3", "evaluate.chip_samples=2"))
    labels, float_ = result.predictions["labels"], result.predictions["float"]
    assert labels.shape == float_.shape == (3 * 64,)
    assert (labels.reshape(3, 64) == labels[::64, None]).all()
    assert result.accuracy.steps == 64
    assert result.accuracy.analog_samples == 2
    assert result.accuracy.float_correct == int((float_ == labels).sum())
    stats = {s.name: s.value for s in collect(result)}
    assert stats["accuracy.float"] == result.accuracy.float_correct / (3 * 64)
    assert stats["accuracy.steps"] == 64
    booked = result.ledger.counts()
    assert booked["chip.decoder.adc", "convert"] == 64 * 10  # each step, not each sequence


def test_streams_want_one_result_a_sequence(load: Load) -> None:
    loaded = load("model.pooling=none", "evaluate.stream.duration=1 h")
    with pytest.raises(InputError, match=r"evaluate\.stream counts one result a sequence"):
        check_settings(loaded.config)


@pytest.mark.parametrize(
    ("file", "options", "model"),
    [
        (
            "qs4d_c_imssa_relu_float.pt",
            {"family": "qs4d", "norm_position": "post"},
            ("family=qs4d", "norm=batch", "activation=none", "mixing=relu", "residual=false"),
        ),
        (
            "qs4d_a_float_post.pt",
            {"family": "qs4d", "norm_position": "post"},
            ("family=qs4d", "norm=batch", "activation=none", "residual=false"),
        ),
    ],
)
def test_imported_networks_of_other_blocks_run_on_the_chip(
    load: Load, tmp_path: Path, file: str, options: dict[str, str], model: tuple[str, ...]
) -> None:
    pytest.importorskip("torch")
    source = REFS / file
    network = load_network(source, check=source.with_suffix(".npz"), **options)
    network.save(tmp_path / "a.safetensors")
    held = network.structure
    sizes = {n: getattr(held, n) for n in ("layers", "width", "state", "inputs", "classes")}
    loaded = load(
        *(f"model.{name}={value}" for name, value in sizes.items()),
        *(f"model.{text}" for text in model),
        f"model.checkpoint={tmp_path / 'a.safetensors'}", "hardware.ideal=true", "bits=10",
        *(() if held.classes == 10 else ("data.classes=[0, 1]",)),
    )  # fmt: skip
    check_by_trial(loaded.config)
    result = simulate(loaded)
    np.testing.assert_array_equal(result.predictions["chip0"], result.predictions["digital"])
    assert result.ledger.energy > 0


@pytest.mark.parametrize("family", ["s5", "lru"])
def test_trained_states_that_mix_channels_are_near_float_on_the_chip(family: str) -> None:
    folder = Path(__file__).parents[2]
    loaded = load_config(
        folder / "workloads" / "sdigits.yaml",
        (
            f"model.family={family}", "model.state=32", "evaluate.samples=120", "evaluate.chips=1",
            f"model.checkpoint={folder / 'checkpoints' / f'sdigits_{family}.safetensors'}",
        ),
    )  # fmt: skip
    result = simulate(loaded)
    found = result.accuracy
    assert found.float_correct is not None
    assert found.analog_mean is not None
    assert found.float_correct / 120 > 0.95
    assert found.analog_mean > found.float_correct / 120 - 0.03
    assert {use.path for use in result.program.use} >= {"chip.layer0.into", "chip.layer1.out"}
    useful = sum(use.cells_useful for use in result.program.use)
    assert useful / sum(use.cells for use in result.program.use) > 0.15  # S4D fills 7 %
