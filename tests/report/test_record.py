"""A stored run says of itself what the run said that had just ended: every part of a record."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim
from imssa_sim.cards import METHODS, cite_cards
from imssa_sim.config.cards import cards_used
from imssa_sim.report.record import LiveRecord, Record
from imssa_sim.report.stored import StoredRun

RUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {"uncertainty": True, "command": ("python", "-m", "x y")}),
    "costs alone, fed": ({"evaluate.input.rate": "1 MHz"}, {"accuracy": False, "seed": 8}),
    "stream": (
        {"evaluate.stream": {"duration": "1 d", "points": 3, "reprogram_every": "10 h"}}, {},
    ),
}  # fmt: skip
TABLES = {
    "plain": {"predictions", "settings"},
    "costs alone, fed": {"settings", "input", "power_states"},
    "stream": {"predictions", "settings", "stream"},
}
EVERY = {"ledger", "area", "layers", "latency", "timeline", "sources"}


@pytest.fixture(scope="module", params=RUNS)
def both(
    request: pytest.FixtureRequest, tiny: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, LiveRecord, StoredRun]:
    settings, given = RUNS[request.param]
    folder = tmp_path_factory.mktemp("record") / "kept"
    live = imssa_sim.run(tiny, settings, save=folder, figures=False, **given).record
    stored = imssa_sim.open_run(folder).record
    assert isinstance(live, LiveRecord)
    assert isinstance(stored, StoredRun)
    return request.param, live, stored


def same(a: Any, b: Any) -> bool:
    """Compare values of which some are not a number."""
    if isinstance(a, float) or isinstance(b, float):
        return bool(np.isclose(float(a), float(b), rtol=1e-15, atol=0, equal_nan=True))
    return bool(str(a) == str(b))


def test_every_part_of_a_record(both: tuple[str, LiveRecord, StoredRun]) -> None:
    name, live, stored = both
    parts = {part for part in vars(Record) if not part.startswith("_")}
    assert parts == {
        "name", "values", "stats", "config", "manifest", "citations", "tables", "table", "summary",
        "uncertainty",
    }  # fmt: skip
    assert live.name == stored.name == "kept"
    assert stored.values == json.loads(json.dumps(live.values))
    assert [(s.name, s.description) for s in stored.stats] == [
        (s.name, s.description) for s in live.stats
    ]
    for mine, theirs in zip(live.stats, stored.stats, strict=True):
        assert theirs.unit == mine.unit or (theirs.unit, mine.unit) == ("", "-")
        assert theirs.value == mine.value
    assert {k: str(v) for k, v in stored.config.items()} == {
        k: str(v) for k, v in live.config.items()
    }
    assert stored.manifest == json.loads(json.dumps(live.manifest))
    assert stored.citations == live.citations
    assert set(stored.tables) == set(live.tables) == EVERY | TABLES[name]
    below = stored.summary().removeprefix(live.summary())
    assert below.startswith("\n\nuncertainty: 90% of" if name == "plain" else "")
    assert bool(below) == (name == "plain")
    assert stored.uncertainty == live.uncertainty
    assert (live.uncertainty is not None) == (name == "plain")


def test_every_row_of_every_table(both: tuple[str, LiveRecord, StoredRun]) -> None:
    _, live, stored = both
    for name in live.tables:
        mine, theirs = live.table(name), stored.table(name)
        assert len(mine) == len(theirs) > 0
        for a, b in zip(mine, theirs, strict=True):
            assert list(a) == list(b)
            for key in a:
                assert same(a[key], b[key]), (name, key)


def test_what_a_manifest_says(both: tuple[str, LiveRecord, StoredRun]) -> None:
    name, live, _ = both
    settings, given = RUNS[name]
    found = live.manifest
    result = live.result
    assert found["imssa_sim"] == imssa_sim.__version__
    assert (found["python"], found["platform"]) == (platform.python_version(), platform.platform())
    assert found["libraries"]
    assert found["libraries"] == {n: version(n) for n in found["libraries"]}
    assert found["command"] == list(given.get("command", ["imssa_sim.run"]))
    assert found["workload"] == "tiny"
    assert [text.split("=")[0] for text in found["overrides"]] == [
        *settings, *(["seed"] if "seed" in given else []),
    ]  # fmt: skip
    assert found["seed"] == given.get("seed", 0) == result.loaded.config.seed
    assert found["data"]["message"] == result.data.message
    assert found["timing_engine"] == result.timing.engine
    assert found["wall_time_s"] == result.host_seconds


def test_citations_are_those_of_the_cards(both: tuple[str, LiveRecord, StoredRun]) -> None:
    _, live, _ = both
    cards = cards_used(live.result.loaded.config).values()
    assert live.citations == cite_cards(cards, (*METHODS, *live.result.citations))


def test_a_copy_elsewhere_has_another_name(both: tuple[str, LiveRecord, StoredRun]) -> None:
    _, live, _ = both
    assert live.at(Path("x/other")).name == "other"
    assert live.name == "kept"
    alone = LiveRecord(live.result, live.stats, ("a",))
    assert alone.name == "tiny"
    assert "run kept" not in " ".join(alone.summary().split())


def test_tables_that_a_run_does_not_have(both: tuple[str, LiveRecord, StoredRun]) -> None:
    name, live, _ = both
    for table in {"stream", "input", "power_states", "nothing"} - TABLES[name]:
        with pytest.raises(KeyError):
            live.table(table)
