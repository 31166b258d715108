"""The course of training in integers: what calibrates, which ranges begin, on which chips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.model.initialise import network_of_config
from imssa_sim.training.load import load_train_config

torch = pytest.importorskip("torch", reason="training needs PyTorch")

CONFIG = """
name: tiny
seed: 3
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 4}
data: {name: sdigits}
train: {epochs: 6, dt_min: 0.05, dt_max: 0.5}
"""
CHIP = """
workload: chip
seed: 5
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 4}
data: {name: sdigits}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/pcm_joshi_2020}}
  adc: {card: adc/survey_andrulis_2024}
evaluate: {time_since_programming: 3 h}
"""


def noise(first: int, size: int) -> Split:
    numbers = np.arange(first, first + size)
    values = np.random.default_rng(first).normal(size=(size, 12, 1))
    values[:, 0, 0] = numbers  # each sequence begins with its number
    return Split(values.astype(np.float32), numbers % 4)


DATA = Dataset(
    "noise", noise(1000, 40), noise(2000, 12), noise(3000, 12), tuple("abcd"), source="",
    normalisation="",
)  # fmt: skip


def stages_of(folder: Path, *overrides: str, stored: Any = None) -> Any:
    from imssa_sim.training.stages import Stages

    (folder / "tiny.yaml").write_text(CONFIG, "utf-8")
    (folder / "chip.yaml").write_text(CHIP, "utf-8")
    config = load_train_config(folder / "tiny.yaml", overrides)
    network = network_of_config(config.model, seed=config.seed, dt_range=(0.05, 0.5))
    return Stages(config, DATA, network, stored)


def ranges(module: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in module.ranges.items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.allclose(one[name], other[name], rtol=1e-6) for name in one)


def test_calibration_is_drawn_by_the_seed_without_repetition(tmp_path: Path) -> None:
    some = ("quantise={bits: 6, calibration: {samples: 9}}",)
    drawn = {}
    for seed in (1, 2, 1):
        found = stages_of(tmp_path, *some, f"seed={seed}").calibration[:, 0, 0].astype(int)
        assert len(set(found)) == 9
        assert set(found) <= set(range(1000, 1040))
        assert list(found) == drawn.get(seed, list(found))
        drawn[seed] = list(found)
    assert drawn[1] != drawn[2]
    assert len(stages_of(tmp_path, "quantise={bits: 6}").calibration) == 40


def test_ranges_of_the_checkpoint_are_taken_over_where_they_fit(tmp_path: Path) -> None:
    trained = stages_of(tmp_path, "quantise={bits: 6}").module
    with torch.no_grad():
        for logarithm in trained.ranges.values():
            logarithm += 0.25
    stored = trained.trained()
    for settings, taken in (
        ("quantise={bits: 6}", True), ("quantise={bits: 7}", False),
        ("quantise={bits: 6, lowering: [8]}", False), ("quantise={bits: 6, form: separate}", False),
    ):  # fmt: skip
        stages = stages_of(tmp_path, settings, stored=stored)
        stages.enter(0)
        assert same(ranges(stages.module), ranges(trained)) == taken, settings


def test_each_stage_calibrates_once_on_the_network_as_it_is_then(tmp_path: Path) -> None:
    stages = stages_of(tmp_path, "quantise={bits: 5, lowering: [8, 6]}", "train.epochs=6")
    assert (stages.starts, stages.last_start) == ([0, 2, 4], 4)
    module = stages.module
    begun, widths = [], []
    for epoch in range(6):
        with torch.no_grad():  # what an epoch of training does
            module.encoder.weight *= 1.5
            module.ranges["final"] += 1.0
        before = ranges(module)
        begun.append(stages.enter(epoch))
        widths.append(module.quantisers.bits.state)
        assert same(ranges(module), before) != begun[-1]
    assert begun == [True, False] * 3
    assert widths == [8, 8, 6, 6, 5, 5]


def test_chips_join_in_their_epoch_with_the_settings_of_their_workload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imssa_sim.training import drawn_chip

    made: list[tuple[int, int, float, int]] = []
    true = drawn_chip.ChipInstance

    def noted(program: Any, hardware: Any, **keys: Any) -> Any:
        made.append((keys["seed"], keys["chip"], keys["time"], hardware.chip.tile.rows))
        return true(program, hardware, **keys)

    monkeypatch.setattr(drawn_chip, "ChipInstance", noted)
    chip = tmp_path / "chip.yaml"
    chip.write_text(CHIP, "utf-8")
    stages = stages_of(tmp_path, f"quantise={{bits: 8, chip: {chip}, chip_from: 2}}")
    begun = [stages.enter(epoch) for epoch in range(4)]
    assert begun == [True, False, True, False]
    assert stages.last_start == 2
    module, inputs = stages.module, torch.from_numpy(DATA.validation.inputs)
    for training in (True, False, True, False):
        module.train(training)
        for _ in range(2):
            module(inputs)
    first = drawn_chip.EVALUATION_CHIPS
    assert {(seed, time, rows) for seed, _, time, rows in made} == {
        (3 + drawn_chip.SEED_OFFSET, 3 * 3600.0, 24)
    }
    numbers = [number for _, number, _, _ in made]
    drawn = numbers[:2] + numbers[4:6]
    assert numbers[2:4] == numbers[6:8] == [first, first + 1]  # of each batch, in every epoch
    assert len(set(drawn)) == 4
    assert max(drawn) < first
    plain = stages_of(tmp_path, "quantise={bits: 8}")
    plain.enter(0)
    assert plain.module.chips is None
