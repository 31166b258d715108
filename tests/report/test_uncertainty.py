"""Every number of an uncertainty run in its file, on the screen and among the statistics."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.ledger.uncertainty import UNITS, AdcModel, Driver, Interval, Uncertainty
from imssa_sim.report.run_directory import RunDirectory
from imssa_sim.report.uncertainty import (
    Advantage,
    uncertainty_lines,
    uncertainty_stats,
    uncertainty_tree,
    write_uncertainty,
)
from imssa_sim.units import format_si


def spread(scale: float) -> Interval:
    return Interval(scale * 1.5, scale * 1.1, scale * 1.4, scale * 1.9, scale * 1.6)


def made(models: int = 3) -> Uncertainty:
    names = list(UNITS)
    scales = {name: 10.0 ** -(n + 2) for n, name in enumerate(names)}
    scales |= {"efficiency_useful": 2e12, "efficiency_array": 3e12}
    drivers = tuple(Driver(f"c/{n}", f"e{n}", 0.1 * n, 0.5 * n, 0.9 - n / 10) for n in range(1, 9))
    return Uncertainty(
        5000, 7, 0.8, {name: spread(scales[name]) for name in names},
        {name: drivers for name in names}, {name: scales[name] * 1.45 for name in names},
        {name: np.ones(2) for name in names},
        {name: spread(scales[name] * 1.01) for name in names},
        tuple(
            AdcModel(f"adc/m{n}", {name: scales[name] * (1 + (n * 2) % 3) for name in names})
            for n in range(models)
        ),
    )  # fmt: skip


ADVANTAGES = (Advantage("gpu/x recurrent batch 1", spread(100.0), spread(1e9), 50.0, spread(30.0)),)


def test_every_entry_of_the_file(tmp_path: Path) -> None:
    found = made()
    tree = uncertainty_tree(found, ADVANTAGES)
    assert (tree["draws"], tree["seed"], tree["level"]) == (5000, 7, 0.8)
    for key, held in (("intervals", found.intervals),
                      ("intervals_of_parameters_alone", found.parameters)):  # fmt: skip
        assert list(tree[key]) == list(UNITS)
        for name, unit in UNITS.items():
            assert tree[key][name] == {"unit": unit, **asdict(held[name])}
    assert tree["adc_models_with_all_entries_at_their_medians"] == {
        model.card: dict(model.centres) for model in found.models
    }
    assert tree["drivers"] == {
        name: [asdict(driver) for driver in drivers] for name, drivers in found.drivers.items()
    }
    assert tree["baselines"] == [asdict(ADVANTAGES[0])]
    assert tree["with_all_entries_at_their_medians"] == found.centres
    with RunDirectory(tmp_path / "run") as directory:
        write_uncertainty(directory, found, ADVANTAGES, figures=False)
    stored = tmp_path / "run" / "uncertainty.json"
    assert json.loads(stored.read_text("utf-8")) == json.loads(json.dumps(tree))
    assert not list((tmp_path / "run").glob("tornado*"))


@pytest.mark.parametrize("models", [1, 3])
def test_every_line(models: int) -> None:
    found = made(models)
    lines = uncertainty_lines(found, ADVANTAGES)
    text = "\n".join(lines)
    assert "80% of 5,000 draws" in lines[0]
    own = "no shipped ADC model holds here beside adc/m0"
    assert (own in text) == (models == 1)
    assert ("which of 3 ADC models that hold here is right" in text) == (models == 3)
    expected = []
    for name, words in (
        ("energy", "energy per inference"), ("power", "average power"), ("area", "area"),
        ("efficiency_useful", "TOPS/W, useful MACs"),
    ):  # fmt: skip

        def show(value: float, name: str = name) -> str:
            unit = UNITS[name]
            return f"{value / 1e12:.3g}" if unit == "op/J" else format_si(value, unit)

        i, alone = found.intervals[name], found.parameters[name]
        expected.append(
            f"{words:<22}{show(i.low)} to {show(i.high)} (cards' own numbers: {show(i.nominal)})"
        )
        if models > 1:
            low, high = found.models[0], found.models[1]
            expected += [
                f"numbers alone:   {show(alone.low)} to {show(alone.high)}",
                f"ADC model alone: {show(low.centres[name])} (adc/m0) to "
                f"{show(high.centres[name])} (adc/m1)",
            ]
    expected.append("energy of gpu/x recurrent batch 1: 110 to 190 times the chip's (150)")
    expected.append("strongest: " + ", ".join(f"c/{n} e{n}" for n in range(1, 7)))
    told = [line.strip() for line in lines]
    assert told[-len(expected) :] == expected


def test_every_statistic() -> None:
    found = made()
    stats = {s.name: s for s in uncertainty_stats(found)}
    expected = {}
    for name in UNITS:
        both, alone = found.intervals[name], found.parameters[name]
        centres = [model.centres[name] for model in found.models]
        expected |= {
            f"uncertainty.{name}.low": both.low, f"uncertainty.{name}.high": both.high,
            f"uncertainty.{name}.parameters.low": alone.low,
            f"uncertainty.{name}.parameters.high": alone.high,
            f"uncertainty.{name}.adc_model.low": min(centres),
            f"uncertainty.{name}.adc_model.high": max(centres),
        }  # fmt: skip
    assert {name: s.value for name, s in stats.items()} == expected
    for name, s in stats.items():
        assert s.unit == UNITS[name.split(".")[1]]
        how = name.rsplit(".", 1)[0].removeprefix(f"uncertainty.{name.split('.')[1]}")
        assert s.description.startswith(
            {"": "entries and ADC model drawn", ".parameters": "entries drawn, the chip's own",
             ".adc_model": "entries at their medians"}[how]
        )  # fmt: skip
