"""Every key of a search file acts, every heat runs what it says, and the study is told the truth.

A walk over the keys: a new one fails until it has another value here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from imssa_sim.searches import trial as trials
from imssa_sim.searches.goals import ACCURACY
from imssa_sim.searches.plan import KEYS, SearchPlan, read_search
from imssa_sim.searches.run import search
from imssa_sim.searches.study import Shared
from imssa_sim.searches.trial import Evaluation, Recent
from imssa_sim.simulation.progress import Silent

Write = Callable[..., Path]
BASE = {"sampler": "random", "trials": "3", "seed": "0", "race": "[]"}
OTHER = {
    "set": "{evaluate.samples: 9}",
    "knobs": "\n  hardware.adc.bits: [5, 6]\n  hardware.adc.per_tile: [4, 1]",
    "objectives": "[latency, area]",
    "constraints": '["time.end_to_end <= 1 ns"]',
    "trials": "2",
    "sampler": "grid",
    "seed": "3",
    "race": "[[2, 1]]",
    "workload": "other.yaml",
}
"""Another value of each key that results depend on."""
NAMES = {"search": "another", "description": "of another kind", "storage": "sqlite"}
"""Of those that they do not."""
FREE = ("description", "trials")
"""Keys that may change in a folder."""


def files(write: Write, **lines: str) -> Path:
    lines = BASE | lines
    knobs = lines.pop("knobs", None)
    path = write(**lines)
    tiny = path.with_name("tiny.yaml").read_text("utf-8")
    path.with_name("other.yaml").write_text(tiny + "seed: 5\n", "utf-8")
    if knobs is not None:
        text = path.read_text("utf-8")
        begin, end = text.index("knobs:"), text.index("objectives:")
        path.write_text(f"{text[:begin]}knobs: {knobs}\n{text[end:]}", "utf-8")
    return path


def found_with(write: Write, folder: str, **lines: str) -> tuple[SearchPlan, list[Any]]:
    path = files(write, **lines)
    plan = read_search(path)
    found = search(plan, path.with_name(folder), 1, Silent())
    front = [(m.trial, *(o.stat for o in plan.objectives)) for m in found.front]
    return plan, [front, *(record.to_plain() for _, record in sorted(found.records.items()))]


def test_every_key_has_another_value() -> None:
    assert {*OTHER, *NAMES} == set(KEYS)


@pytest.mark.parametrize("key", OTHER)
def test_a_key_acts(search_file: Write, key: str) -> None:
    plan, before = found_with(search_file, "before")
    other, after = found_with(search_file, "after", **{key: OTHER[key]})
    assert after != before
    assert (other.fingerprint == plan.fingerprint) == (key in FREE)


def test_names_change_no_result(search_file: Write) -> None:
    plan, before = found_with(search_file, "before")
    for key, value in NAMES.items():
        other, after = found_with(search_file, key, **{key: value})
        assert after == before, key
        assert (other.fingerprint == plan.fingerprint) == (key in FREE), key
    assert other.storage == "sqlite"
    named = read_search(files(search_file, search="another", description="of another kind"))
    assert (named.name, named.description) == ("another", "of another kind")


def test_each_heat_runs_its_sequences_and_chips_and_the_last_the_workload(
    search_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_search(files(search_file, race="[[3, 1], [5, 2]]"))
    ran, true = [], trials.simulate

    def noted(loaded: Any, **more: Any) -> Any:
        e = loaded.config.evaluate
        costs_alone = not more["accuracy"]
        ran.append((costs_alone, e.chips, e.chip_samples, e.samples, e.float, e.digital))
        return true(loaded, **more)

    monkeypatch.setattr(trials, "simulate", noted)
    record = trials.evaluate(plan, plan.settings(dict.fromkeys((k.name for k in plan.knobs), 0)),
                             [], Recent())  # fmt: skip
    assert ran == [
        (True, 1, "all", 12, True, True),
        (False, 1, 3, 12, False, False),
        (False, 2, 5, 12, False, False),
        (False, 1, "all", 12, True, True),
    ]
    assert (record.whole, record.heats) == (True, 3)


RECORDS = {
    "whole": Evaluation(
        {}, trials.WHOLE, {"energy.inference": 2e-6, "time.end_to_end": 3e-5},
        {ACCURACY: 0.9, "energy.inference": 2e-6, "time.end_to_end": 3e-5}, (0.9, 0.8, 0.95),
        (-0.5, -0.2),
    ),
    "dominated in any case": Evaluation(
        {}, "dominated", {"energy.inference": 4e-6, "time.end_to_end": 5e-5}, excess=(-0.5, -0.1)
    ),
    "in a heat": Evaluation(
        {}, "dominated", {"energy.inference": 4e-6, "time.end_to_end": 6e-5},
        share=(0.4, 0.2, 0.6), excess=(-0.5, 0.0),
    ),
    "breaks": Evaluation(
        {}, "breaks x", {"energy.inference": 8e-6, "time.end_to_end": 7e-5}, excess=(0.25, 0.0)
    ),
}  # fmt: skip
TOLD = {
    "whole": [0.9, 2e-6, 3e-5],
    "dominated in any case": [1.0, 4e-6, 5e-5],  # the most that it could have been
    "in a heat": [0.4, 4e-6, 6e-5],
    "breaks": [0.0, 8e-6, 7e-5],
}


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_the_study_is_told_each_value_and_excess(search_file: Write, storage: str) -> None:
    plan = read_search(files(search_file, storage=storage, trials="9"))
    folder = search_file().with_name("out")
    folder.mkdir()
    with Shared(plan, folder) as shared:
        for record in RECORDS.values():
            begun = shared.next()
            assert begun is not None
            shared.tell(begun[0], record)
        study: Any = shared._study
        assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
        for trial, (name, record) in zip(study.trials, RECORDS.items(), strict=True):
            assert trial.values == TOLD[name], name
            assert tuple(trial.constraints[str(n)] for n in (0, 1)) == record.excess, name
            assert trial.params.keys() == {knob.name for knob in plan.knobs}
        assert list(shared.records().values()) == list(RECORDS.values())


def test_importances_are_those_of_each_statistic(search_file: Write) -> None:
    """Energy follows one knob alone, latency the other."""
    plan = read_search(files(search_file, trials="15", sampler="grid"))
    folder = search_file().with_name("out")
    folder.mkdir()
    first, second = (knob.name for knob in plan.knobs)
    with Shared(plan, folder) as shared:
        while (begun := shared.next()) is not None:
            trial, choice = begun
            costs = {"energy.inference": 1.0 + choice[first], "time.end_to_end": choice[second]}
            shared.tell(trial, Evaluation(plan.settings(choice), trials.WHOLE, costs, costs))
        assert shared.importances("energy.inference")[first] > 0.9
        assert shared.importances("time.end_to_end")[second] > 0.9
