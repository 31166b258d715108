"""Sequences of unequal length: nothing depends on the padding behind them, or on their company."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imssa_sim
from imssa_sim.api.workload import load
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program
from imssa_sim.model.initialise import network_of_config
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.widths import bits_from
from imssa_sim.reference.calibration import calibrate
from imssa_sim.reference.forward import forward
from imssa_sim.reference.quantise import quantise

STEPS, COUNT = 8, 6
LENGTHS = np.array([8, 3, 5, 3, 1, 5])

NETWORKS: dict[str, dict[str, Any]] = {
    "mean": {},
    "last": {"pooling": "last"},
    "each step": {"pooling": "none"},
    "both directions": {"bidirectional": True},
    "one state": {"family": "s5", "bidirectional": True},
    "batch norm": {"norm": "batch", "activation": "relu"},
}


def tree(**model: Any) -> dict[str, Any]:
    return {
        "workload": "ragged",
        "model": {"layers": 2, "width": 6, "state": 4, "classes": 3} | model,
        "data": {"name": "arrays", "path": "nowhere"},
        "bits": 8,
        "evaluate": {"samples": "all", "chips": 1, "threads": 1, "float": True},
        "calibration": {"samples": 6},
        "hardware": {
            "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
            "adc": {"card": "adc/survey_andrulis_2024", "range": "mse"},
            "dac": {"card": "dac/pwm_40nm"},
        },
    }


def inputs(filling: float = 0.0, steps: int = STEPS) -> np.ndarray:
    x = np.random.default_rng(1).standard_normal((COUNT, STEPS, 1)).astype(np.float32)
    x = np.pad(x, ((0, 0), (0, steps - STEPS), (0, 0)))
    x[np.arange(steps) >= LENGTHS[:, None]] = filling
    return x


class Made:
    """A network, quantised by sequences of all lengths, and a chip that holds it."""

    def __init__(self, name: str) -> None:
        config = load(tree(**NETWORKS[name]), None, None).config
        self.float = network_of_config(config.model, seed=2)
        bits = bits_from(config.bits.model_dump())
        self.quantised = quantise(self.float, bits, inputs(), lengths=LENGTHS)
        self.program = build_program(self.quantised, config.hardware, STEPS)
        sums = calibrate_adc(self.program, config.hardware, inputs(), lengths=LENGTHS)
        self.chip = AnalogNetwork(self.program, config.hardware, seed=3, calibration=sums)


@pytest.fixture(scope="module")
def made() -> dict[str, Made]:
    return {name: Made(name) for name in NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_padded_sequence_gives_what_it_gives_alone(made: dict[str, Made], name: str) -> None:
    net, x = made[name], inputs(filling=1e3)
    found = forward(net.float, x, lengths=LENGTHS)
    integers = run_digital(net.quantised, x, lengths=LENGTHS)
    for place, length in enumerate(LENGTHS):
        own = x[place : place + 1, :length]
        alone = forward(net.float, own)[0]
        np.testing.assert_allclose(_true(found[place], length), alone, atol=1e-9)
        short = replace(
            net.quantised, sequence_length=int(length),
            pool_requant=net.quantised.pool_requant_of(int(length)),
        )  # fmt: skip
        wanted = run_digital(short, own).logits[0]
        np.testing.assert_array_equal(_true(integers.logits[place], length), wanted)


def _true(result: np.ndarray, length: int) -> np.ndarray:
    return result[:length] if result.ndim == 2 else result


@settings(max_examples=12, deadline=None)
@given(
    name=st.sampled_from(sorted(NETWORKS)), filling=st.floats(-100, 100),
    order=st.permutations(range(COUNT)), count=st.integers(1, COUNT), batch=st.integers(1, 4),
)  # fmt: skip
def test_neither_padding_nor_company_changes_a_result(
    made: dict[str, Made], name: str, filling: float, order: list[int], count: int, batch: int
) -> None:
    net, places = made[name], np.array(order[:count])
    first, other = inputs(), inputs(filling)[places]
    run = {"batch": batch, "lengths": LENGTHS[places]}
    whole = run_digital(net.quantised, first, lengths=LENGTHS).logits
    np.testing.assert_array_equal(run_digital(net.quantised, other, **run).logits, whole[places])
    chip = net.chip.run(first, lengths=LENGTHS).logits
    again = net.chip.run(other, places, **run).logits
    np.testing.assert_array_equal(again, chip[places])


def test_the_pool_of_the_whole_length_is_that_of_the_network(made: dict[str, Made]) -> None:
    network = made["mean"].quantised
    assert network.pool_requant_of(STEPS) == network.pool_requant
    assert made["last"].quantised.pool_requant_of(STEPS) is None


def test_padding_enters_no_range(made: dict[str, Made]) -> None:
    net = made["both directions"]
    options = CalibrationOptions()
    bits = bits_from(load(tree(), None, None).config.bits.model_dump())
    one, other = (
        calibrate(net.float, inputs(filling), bits, options, LENGTHS) for filling in (0.0, 1e4)
    )
    assert repr(one) == repr(other)
    read = calibrate(net.float, inputs(1e4), bits, options)
    assert read.input > 100 * one.input


def stored(folder: Path, steps: int, filling: float) -> Path:
    x = inputs(filling, steps)
    arrays = {}
    for part in ("train", "validation", "test"):
        arrays |= {f"x_{part}": x, f"lengths_{part}": LENGTHS, f"y_{part}": np.arange(COUNT) % 3}
    path = folder / f"{steps}.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("pooling", ["mean", "last", "none"])
@pytest.mark.parametrize("range_of_adc", ["aligned", "mse"])
def test_runs_of_data_padded_to_other_lengths_agree(
    tmp_path: Path, pooling: str, range_of_adc: str
) -> None:
    runs = []
    for steps, filling in ((STEPS, 0.0), (13, np.nan)):
        settings_ = {
            "data.path": str(stored(tmp_path, steps, filling)), "hardware.adc.range": range_of_adc,
            "hardware.adc.calibrate": True,
        }  # fmt: skip
        runs.append(imssa_sim.run(tree(pooling=pooling, bidirectional=True), settings_))
    one, other = runs
    assert one.predictions.equals(other.predictions)
    assert len(one.predictions) == (LENGTHS.sum() if pooling == "none" else COUNT)
    assert (one["time.steps"], other["time.steps"]) == (STEPS, 13)
    assert one["data.length.mean"] == pytest.approx(LENGTHS.mean())
    right = (one.predictions["chip0"] == one.predictions["labels"]).mean()
    assert one["accuracy.analog.chip0"] == pytest.approx(right)
    assert one["accuracy.samples"] == COUNT
    screen = " ".join(other.summary().split())
    assert (
        "of 13 steps, the longest sequence there is; those evaluated have 1 to 8, 4.167" in screen
    )
    per_step = [run["energy.array.real_inputs"] / run["time.steps"] for run in runs]
    assert per_step[0] == pytest.approx(per_step[1], rel=0.2)  # the decoder's is one a sequence


def test_zeros_behind_short_sequences_are_steps_where_asked(tmp_path: Path) -> None:
    path = stored(tmp_path, STEPS, 5.0)
    masked, read = (
        imssa_sim.run(tree(), {"data.path": str(path), "data.padding": padding})
        for padding in ("masked", "zeros")
    )
    assert "which the network reads as any others" in " ".join(read.summary().split())
    assert "data.length.mean" not in read.stats.index
    assert masked.manifest["data"]["fingerprint"] != read.manifest["data"]["fingerprint"]


def test_targets_of_true_steps_alone_count(tmp_path: Path) -> None:
    x = inputs()
    targets = np.random.default_rng(5).standard_normal((COUNT, STEPS))
    targets[np.arange(STEPS) >= LENGTHS[:, None]] = np.nan
    arrays: dict[str, Any] = {}
    for part in ("train", "validation", "test"):
        arrays |= {f"x_{part}": x, f"lengths_{part}": LENGTHS, f"y_{part}": targets}
    np.savez(tmp_path / "steps.npz", **arrays)
    found = imssa_sim.run(
        tree(classes=None, task="regression", outputs=1, pooling="none"),
        {"data.path": str(tmp_path / "steps.npz")},
    )
    table = found.predictions
    assert len(table) == LENGTHS.sum() == found["regression.targets"]
    np.testing.assert_array_equal(table["targets"], targets[~np.isnan(targets)])
    assert not table.isna().any().any()


def test_until_counts_true_steps(tmp_path: Path) -> None:
    path = stored(tmp_path, STEPS, 0.0)
    found = imssa_sim.run(
        tree(pooling="none"),
        {"data.path": str(path), "evaluate.until": "±45 %", "evaluate.chips": 2},
    )
    table = found.predictions
    owner = np.repeat(np.arange(COUNT), LENGTHS)
    shares = [
        np.bincount(owner, table[chip] == table["labels"]) / LENGTHS for chip in ("chip0", "chip1")
    ]
    assert found["accuracy.analog.low"] < np.mean(shares) < found["accuracy.analog.high"]
