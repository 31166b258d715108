"""What a misspelt or misplaced key is told: never a name that was hardly meant."""

from __future__ import annotations

import pytest

from imssa_sim.config.overrides import parse_override
from imssa_sim.config.schema import RunConfig
from imssa_sim.config.walk import all_paths
from imssa_sim.errors import ConfigError, nearest

# (what was typed, what is proposed in its place, where else the key is said to stand)
TYPOS = [
    (
        "hardware.chip.chips",
        "",
        "hardware.partition.chips or evaluate.chips or evaluate.at_most.chips",
    ),
    ("evaluate.rate", "", "hardware.adc.rate or hardware.partition.rate or evaluate.input.rate"),
    ("model.readout", "", ""),
    ("hardware.adc.model", "", ""),
    ("hardware.adc.resolution", "", ""),
    ("evaluate.seed", "", "seed"),
    ("bits.weights", "", "calibration.weights or hardware.chip.tile.weights"),
    ("hardware.chip.per_tile", "", "hardware.adc.per_tile"),
    ("evaluate.accuracy", "", ""),
    ("model.dropout", "", ""),
    ("hardware.tile.rows", "hardware.chip.tile.rows", ""),
    ("tile.rows", "hardware.chip.tile.rows", ""),
    ("model.checkpiont", "model.checkpoint", ""),
    ("hardware.chip.tile.colums", "hardware.chip.tile.columns", ""),
    ("hardware.effects.readnoise", "hardware.effects.read_noise", ""),
    ("hardware.chip.tile.cells", "hardware.chip.tile.cell", ""),
    ("hardware.faults.stuck", "hardware.faults.stuck_on", ""),
    ("hardwear.adc.bits", "hardware.adc.bits", ""),
]


@pytest.mark.parametrize(("typed", "meant", "elsewhere"), TYPOS)
def test_hints(typed: str, meant: str, elsewhere: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_override(f"{typed}=3", RunConfig)
    (problem,) = caught.value.problems
    assert problem.suggestion == meant
    assert problem.suggestion in ("", *all_paths(RunConfig))
    if not meant:
        assert problem.remedy.startswith("valid keys here: ")
    where = problem.remedy.partition(" stands at ")[2]
    assert where == elsewhere


@pytest.mark.parametrize(
    ("word", "others"),
    [
        ("activation", ["discretisation", "initialisation"]),
        ("orientation", ["station"]),
        ("duration", ["rotation"]),
        ("temperature", ["literature"]),
    ],
)
def test_a_common_ending_is_no_likeness(word: str, others: list[str]) -> None:
    assert nearest(word, others) == ""


@pytest.mark.parametrize("path", [p for p in all_paths(RunConfig) if len(p.split(".")[-1]) > 4])
def test_a_slip_in_any_key_is_undone(path: str) -> None:
    """Two letters of the last part change places."""
    head, dot, key = path.rpartition(".")
    at = len(key) // 2
    slip = key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :]
    if slip == key:
        return
    with pytest.raises(ConfigError, match="did you mean") as caught:
        parse_override(f"{head}{dot}{slip}=3", RunConfig)
    assert caught.value.problems[0].suggestion == path
