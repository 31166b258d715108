"""Runs without values: what they share with whole runs, and what they do not read."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim
from imssa_sim.data import registry
from imssa_sim.errors import InputError
from imssa_sim.files import locate
from imssa_sim.mapping.build import build_program


@pytest.fixture(scope="module")
def whole(tiny: dict[str, Any]) -> imssa_sim.Run:
    return imssa_sim.run(tiny)


@pytest.fixture(scope="module")
def alone(tiny: dict[str, Any]) -> imssa_sim.Run:
    return imssa_sim.run(tiny, accuracy=False)


def test_times_areas_and_counts_are_those_of_the_whole_run(
    whole: imssa_sim.Run, alone: imssa_sim.Run
) -> None:
    for name in (n for n in whole.record.values if n.startswith(("time.", "area", "utilisation."))):
        assert alone[name] == whole[name], name
    columns = ["component", "action", "stage", "count", "time"]
    assert alone.ledger[columns].equals(whole.ledger[columns])


def test_every_energy_but_that_of_the_cells_is_that_of_the_whole_run(
    whole: imssa_sim.Run, alone: imssa_sim.Run
) -> None:
    others = whole.ledger["kind"] != "array"
    assert others.any()
    assert alone.ledger[others].equals(whole.ledger[others])
    cells = alone.ledger[~others & (alone.ledger["action"] == "read")]
    assert cells["energy"].sum() == pytest.approx(alone["energy.array.fixed_activity"])
    assert float(alone["energy.array.fixed_activity"]) > 0


def test_there_is_no_accuracy_and_no_prediction(alone: imssa_sim.Run, tmp_path: Path) -> None:
    assert not [name for name in alone.record.values if name.startswith("accuracy.")]
    assert "energy.array.real_inputs" not in alone.record.values
    with pytest.raises(InputError, match="costs alone"):
        _ = alone.predictions
    alone.save(tmp_path / "run", figures=False)
    assert not (tmp_path / "run" / "predictions.csv").exists()
    read = imssa_sim.open_run(tmp_path / "run")
    assert read["energy.inference"] == alone["energy.inference"]
    assert "not evaluated: costs alone" in read.summary()
    with pytest.raises(InputError, match="costs alone"):
        _ = read.predictions


def test_no_data_are_read_where_their_length_is_known(
    monkeypatch: pytest.MonkeyPatch, tiny: dict[str, Any]
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("data were read")

    monkeypatch.setattr("imssa_sim.simulation.costs_alone.resolve_dataset", refuse)
    assert imssa_sim.run(tiny, accuracy=False)["time.steps"] == 64
    longer = {"data.name": "digits32"}
    assert imssa_sim.run(tiny, set=longer, accuracy=False)["time.steps"] == 1024


@pytest.mark.parametrize("name", ["sdigits", "digits32"])
def test_the_known_lengths_are_those_of_the_data(name: str) -> None:
    assert registry.known_steps(name) == registry.load_dataset(name).length


def test_data_of_unknown_length_are_read_for_it(tiny: dict[str, Any]) -> None:
    settings = {"data.name": "keywords", "model.inputs": 40, "model.classes": 12}
    assert registry.known_steps("keywords") is None
    found = imssa_sim.run(tiny, set=settings, accuracy=False)
    assert found["time.steps"] == registry.load_dataset("keywords").length


def test_a_memory_gives_the_same_numbers_and_follows_the_bits(tiny: dict[str, Any]) -> None:
    memory: dict[str, Any] = {}
    first = imssa_sim.run(tiny, accuracy=False, memory=memory)
    again = imssa_sim.run(tiny, accuracy=False, memory=memory)
    fewer = imssa_sim.run(tiny, set={"bits.default": 5}, accuracy=False, memory=memory)
    assert first["energy.inference"] == again["energy.inference"]
    assert float(fewer["energy.inference"]) < float(first["energy.inference"])


def change(checkpoint: Path) -> None:
    """Halve the real parts of the last layer's C; size and date of the file stay."""
    before, raw = checkpoint.stat(), bytearray(checkpoint.read_bytes())
    data = 8 + int.from_bytes(raw[:8], "little")
    entries = json.loads(raw[8:data])
    place = next(e for name, e in sorted(entries.items(), reverse=True) if name.endswith(".C"))
    first, last = (data + offset for offset in place["data_offsets"])
    values = np.frombuffer(raw[first:last], "<f4") * np.tile([0.5, 1.0], (last - first) // 8)
    raw[first:last] = values.astype("<f4").tobytes()
    checkpoint.write_bytes(raw)
    os.utime(checkpoint, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_checkpoint_that_changes_between_two_runs_is_read_again(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "net.safetensors"
    shutil.copy(locate.checkpoints() / "sdigits.safetensors", checkpoint)
    model = {"layers": 2, "width": 32, "state": 16, "classes": 10, "checkpoint": str(checkpoint)}
    given = {**tiny, "model": model}
    name = "energy.array.fixed_activity"
    first, again = (imssa_sim.run(given, accuracy=False)[name] for _ in range(2))
    change(checkpoint)
    changed = imssa_sim.run(given, accuracy=False)[name]
    assert first == again
    assert changed != first
    checkpoint.unlink()
    with pytest.raises(InputError, match=r"net\.safetensors"):
        imssa_sim.run(given, accuracy=False)


def test_a_card_that_changes_between_two_runs_is_read_again(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    card, name = tmp_path / "cell.yaml", "energy.array.fixed_activity"
    text = (locate.device_models() / "cells" / "taox_imssa.yaml").read_text(encoding="utf-8")
    given = {"hardware.chip.tile.cell": str(card)}
    found = []
    for high in ("300", "200", "300"):
        card.write_text(re.sub(r"(g_max: {value: )[\d.]+", rf"\g<1>{high}", text), "utf-8")
        found.append(imssa_sim.run(tiny, set=given, accuracy=False)[name])
    assert found[0] == found[2]
    assert float(found[1]) < float(found[0])


CHIPS: list[dict[str, Any]] = [
    {"hardware.adc.bits": 5},
    {"hardware.adc.per_tile": 2},
    {"hardware.chip.tile.rows": 40, "hardware.chip.tile.columns": 80},
    {"hardware.chip.clock": "700 MHz"},
    {"hardware.chip.tile.weights": "one_sided"},
    {"bits.default": 6},
]


def test_points_of_a_design_space_take_nothing_from_one_another(tiny: dict[str, Any]) -> None:
    first = [imssa_sim.run(tiny, set=chip, accuracy=False) for chip in CHIPS]
    for chip, before in zip(CHIPS, first, strict=True):
        again = imssa_sim.run(tiny, set=chip, accuracy=False)
        assert again.ledger.equals(before.ledger)
        whole = imssa_sim.run(tiny, set=chip)
        names = [n for n in whole.record.values if n.startswith(("time.", "area", "utilisation."))]
        assert {n: again[n] for n in names} == {n: whole[n] for n in names}
    assert len({run["energy.inference"] for run in first}) == len(CHIPS)


def test_garbage_in_cycles_is_looked_for_again_afterwards(
    tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def noted(*given: Any, **named: Any) -> Any:
        looked.append(gc.isenabled())
        return build_program(*given, **named)

    monkeypatch.setattr("imssa_sim.simulation.run.build_program", noted)
    imssa_sim.run(tiny, accuracy=False)
    assert gc.isenabled()
    with pytest.raises(InputError, match=r"hardware\.chip\.tiles"):
        imssa_sim.run(tiny, set={"hardware.chip.tiles": 1}, accuracy=False)
    assert gc.isenabled()
    assert looked == [False, False]
