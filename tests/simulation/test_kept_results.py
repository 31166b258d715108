"""What runs of one process share follows from contents, and is what each would find by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim
from imssa_sim.config import LoadedConfig
from imssa_sim.config.load import load_tree
from imssa_sim.files import locate
from imssa_sim.model.checkpoint import save_checkpoint
from imssa_sim.model.initialise import network_of_config
from imssa_sim.simulation import quantisation, values
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.run import simulate

Load = Callable[..., LoadedConfig]
Counts = Callable[[], tuple[int, int, int]]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """How often since the last call a whole network ran as floats, integers, and was quantised."""
    ran = {"forward": 0, "run_digital": 0, "quantise_network": 0}

    def count(module: Any, name: str, whole: Callable[..., bool]) -> None:
        real = getattr(module, name)

        def counted(*given: Any, **named: Any) -> Any:
            ran[name] += whole(*given)
            return real(*given, **named)

        monkeypatch.setattr(module, name, counted)

    count(values, "forward", lambda network, *_: len(network.layers) == 2)
    count(values, "run_digital", lambda network, *_: len(network.layers) == 2)
    count(quantisation, "quantise_network", lambda config, *_: config.model.layers == 2)

    def since() -> tuple[int, int, int]:
        found = ran["forward"], ran["run_digital"], ran["quantise_network"]
        ran.update(dict.fromkeys(ran, 0))
        return found

    return since


def test_another_chip_takes_the_network_that_is_there(load: Load, counts: Counts) -> None:
    mine = ("seed=4711", "evaluate.chips=1")
    first = simulate(load(*mine))
    assert counts() == (1, 1, 1)
    again = simulate(load(*mine))
    other = simulate(load(*mine, "hardware.adc.bits=5"))
    assert counts() == (0, 0, 0)
    assert again.ledger.energy == first.ledger.energy != other.ledger.energy
    for name, found in first.predictions.items():
        np.testing.assert_array_equal(again.predictions[name], found)
    simulate(load(*mine, "bits.default=6"))
    assert counts() == (0, 1, 1)
    simulate(load(*mine, "evaluate.samples=12"))
    assert counts() == (1, 1, 0)
    simulate(load("seed=4712", "evaluate.chips=1"))
    assert counts() == (1, 1, 1)


def test_predictions_that_a_caller_changes_stay_his_own(load: Load) -> None:
    first = simulate(load("seed=4713", "evaluate.chips=1")).predictions
    kept = {name: found.copy() for name, found in first.items()}
    for name in ("float", "digital"):
        first[name][:] = -1
    for name, found in simulate(load("seed=4713", "evaluate.chips=1")).predictions.items():
        np.testing.assert_array_equal(found, kept[name])


def rewritten(path: Path, write: Callable[[], None]) -> None:
    """Write a file again, and give it the date that it had."""
    before = path.stat()
    write()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def test_data_and_weights_that_change_in_their_place_are_seen(tmp_path: Path) -> None:
    data, net = tmp_path / "mine.npz", tmp_path / "net.safetensors"

    def write_data(seed: int) -> None:
        random, found = np.random.default_rng(seed), {}
        for part, count in (("train", 20), ("test", 40)):
            found[f"x_{part}"] = random.standard_normal((count, 9, 1))
            found[f"y_{part}"] = np.ones((count, 2))
        np.savez(data, **found)

    write_data(1)
    given = {
        "workload": "mine",
        "model": {"layers": 1, "width": 6, "state": 4, "task": "regression", "outputs": 2},
        "data": {"name": "arrays", "path": str(data)},
        "hardware": {
            "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
            "adc": {"card": "adc/survey_andrulis_2024"},
            "dac": {"card": "dac/pwm_40nm"},
        },
        "evaluate": {"samples": "all", "chips": 1, "threads": 1},
    }
    model, trained = load_tree(given).config.model, {"config": {"model": {"task": "regression"}}}
    save_checkpoint(net, network_of_config(model, seed=1), trained)
    given["model"] = {**given["model"], "checkpoint": str(net)}  # type: ignore[dict-item]
    one = imssa_sim.run(given).predictions
    rewritten(data, lambda: write_data(2))
    two = imssa_sim.run(given).predictions
    rewritten(net, lambda: save_checkpoint(net, network_of_config(model, seed=9), trained))
    three = imssa_sim.run(given).predictions
    for name in ("float", "digital"):
        assert (one[name] != two[name]).any()
        assert (two[name] != three[name]).any()
    rewritten(data, lambda: write_data(1))
    rewritten(net, lambda: save_checkpoint(net, network_of_config(model, seed=1), trained))
    assert imssa_sim.run(given).predictions.equals(one)


def test_why_ranges_are_calibrated_anew_is_said_each_time() -> None:
    class Listener(Silent):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def note(self, text: str) -> None:
            self.heard.append(text)

    heard = []
    for _ in range(2):
        listener = Listener()
        imssa_sim.run(
            "sdigits",
            {
                "model.checkpoint": str(locate.checkpoints() / "sdigits_6bit.safetensors"),
                "evaluate.samples": 5,
                "evaluate.chips": 1,
                "calibration.samples": 8,
            },
            progress=listener,
        )
        heard.append([text for text in listener.heard if "calibrated anew" in text])
    assert len(heard[0]) == 1
    assert heard[0] == heard[1]
