"""`imssa_sim.compare_chips`: a row a chip, the reason of one that cannot, table, figure, files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim

BASES = ["chips/puma", "chips/hermes_64"]
FEW = ["hardware.adc.bits=7"]  # no converter of HERMES


@pytest.fixture(scope="module")
def found(tiny: dict[str, Any]) -> imssa_sim.ChipComparison:
    return imssa_sim.compare_chips(tiny, BASES, FEW, samples=8, chips=1)


def test_a_row_is_a_run_on_that_chip(found: imssa_sim.ChipComparison, tiny: dict[str, Any]) -> None:
    few = {"evaluate.samples": 8, "evaluate.chips": 1}
    run = imssa_sim.run(tiny, {"hardware.base": "chips/puma", "hardware.adc.bits": 7, **few})
    row = found.table.loc["chips/puma"]
    assert row["accuracy"] == run["accuracy.analog.mean"]
    assert row["accuracy_quantised"] == run["accuracy.digital"]
    assert row["latency"] == run["time.end_to_end"]
    assert row["energy"] == run["energy.inference"]
    assert row["area"] == run["area"]
    assert row["tops_per_watt_useful"] == pytest.approx(run["tops_per_watt.useful"], rel=1e-12)
    assert row["tops_per_watt_array"] == pytest.approx(run["tops_per_watt.array"], rel=1e-12)
    assert row["tiles"] == run["tiles.needed"]
    assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]


def test_the_own_hardware_is_first_and_at_its_own_node(found: imssa_sim.ChipComparison) -> None:
    own = found.table.iloc[0]
    assert found.table.index[0] == "own"
    assert own["energy_at_node"] == pytest.approx(own["energy"], rel=1e-12)
    assert own["area_at_node"] == pytest.approx(own["area"], rel=1e-12)


def test_a_chip_that_cannot_has_its_reason(found: imssa_sim.ChipComparison) -> None:
    row = found.table.loc["chips/hermes_64"]
    assert "holds for bits from 8 to 8, not for 7" in row["error"]
    assert np.isnan(row["energy"])
    text = " ".join(found.summary().split())
    assert "hermes_64: cannot hold this network: card 'adc/hermes_cco'" in text
    assert "laid over every chip: hardware.adc.bits=7" in text


def test_the_screen_fits_80_columns_and_says_what_is_lacking(
    found: imssa_sim.ChipComparison,
) -> None:
    lines = found.summary().splitlines()
    assert max(map(len, lines)) <= 80
    (energies,) = [line for line in lines if line.startswith("puma ") and "32 nm" in line]
    assert len(energies.split()) == 12  # columns do not touch
    text = " ".join(found.summary().split())
    assert "of the energy on assumed numbers): values of a conversion after each bit" in text
    assert "assumed settings: chip.supply," in text


def test_more_tiles_than_were_built_are_told(tiny: dict[str, Any]) -> None:
    found = imssa_sim.compare_chips(tiny, ["chips/jia_2020"], samples=8, chips=1)
    row = found.table.loc["chips/jia_2020"]
    assert row["tiles"] > row["tiles_built"] == 1
    assert f"{row['tiles']:.0f} tiles, where 1 were built" in " ".join(found.summary().split())


def test_files_hold_the_table(found: imssa_sim.ChipComparison, tmp_path: Path) -> None:
    folder = found.save(tmp_path / "chips")
    assert sorted(p.name for p in folder.iterdir()) == [
        "chips.csv", "chips.png", "chips.svg", "chips.txt", "config.resolved.yaml",
    ]  # fmt: skip
    with (folder / "chips.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["chip"] for row in rows] == list(found.table.index)
    assert "<table" in found._repr_html_()
    labels = [text.get_text() for text in found.figure().axes[0].get_yticklabels()]
    assert labels == ["own", "puma"]


def test_bad_input_is_refused(tiny: dict[str, Any]) -> None:
    with pytest.raises(imssa_sim.InputError, match="did you mean 'chips/puma'"):
        imssa_sim.compare_chips(tiny, ["puma"])
    with pytest.raises(imssa_sim.InputError, match="a list of names"):
        imssa_sim.compare_chips(tiny, "chips/puma")
    with pytest.raises(imssa_sim.InputError, match="sets it itself"):
        imssa_sim.compare_chips(tiny, set={"hardware.base": "chips/puma"})
    with pytest.raises(imssa_sim.InputError, match="samples"):
        imssa_sim.compare_chips(tiny, samples=0)
    with pytest.raises(imssa_sim.InputError, match="leave the stream out"):
        imssa_sim.compare_chips(tiny, BASES, {"evaluate.stream": {"duration": "1 d"}})
