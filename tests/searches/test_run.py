"""Searches: repeatable, resumable, costs first, exact, and one folder a search."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from imssa_sim.config.load import load_config
from imssa_sim.errors import InputError
from imssa_sim.files import locate
from imssa_sim.searches import run as module
from imssa_sim.searches import trial as trials
from imssa_sim.searches.front import dominates, vector
from imssa_sim.searches.goals import ACCURACY
from imssa_sim.searches.plan import read_search
from imssa_sim.searches.run import Found, search
from imssa_sim.searches.trial import WHOLE, Evaluation, Recent
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.sweeps.execute import overrides_of

Write = Callable[..., Path]


def run(file: Path, name: str = "out", many: int | None = None, jobs: int = 1) -> Found:
    return search(read_search(file, many), file.parent / name, jobs, Silent())


def shown(found: Found) -> list[tuple[int, str, dict, object]]:  # type: ignore[type-arg]
    return [(n, r.end, dict(r.settings), r.share) for n, r in sorted(found.records.items())]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random", "grid"])
def test_going_on_is_as_if_it_had_never_stopped(search_file: Write, sampler: str) -> None:
    file = search_file(sampler=sampler)
    whole = run(file, "a")
    run(file, "b", 3)
    assert shown(run(file, "b")) == shown(whole)
    assert len(whole.records) == 8
    assert len({tuple(r.settings.values()) for r in whole.records.values()}) == 8


def test_a_search_ends_with_its_space(search_file: Write) -> None:
    found = run(search_file(objectives="[energy, latency]", constraints="[]"), many=99)
    assert len({tuple(r.settings.values()) for r in found.records.values()}) == 15


def test_front_is_what_the_workload_gives(search_file: Write) -> None:
    found = run(search_file())
    assert found.front
    point = found.front[0].record
    result = simulate(load_config(found.plan.workload, overrides_of(point.settings)))
    stats = {stat.name: stat.value for stat in collect(result)}
    assert {name: stats[name] for name in found.plan.stats} == {
        name: point.value(name) for name in found.plan.stats
    }
    places = [vector(found.plan, r) for r in found.records.values() if r.feasible]
    for member in found.front:
        assert not any(dominates(p, vector(found.plan, member.record)) for p in places)


def test_what_breaks_a_bound_on_a_cost_needs_no_accuracy(
    search_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    original = trials.simulate

    def counted(*args: object, accuracy: bool = True, **more: object) -> object:
        made.append(accuracy)
        return original(*args, accuracy=accuracy, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(trials, "simulate", counted)
    found = run(search_file(constraints='["area <= 1 um2"]'))
    assert not any(made)
    assert {r.end for r in found.records.values()} == {"breaks area <= 1 um2"}
    assert found.front == ()


def test_costs_alone_where_nothing_asks_for_an_accuracy(search_file: Write) -> None:
    found = run(search_file(objectives="[energy, area]"))
    assert all(r.whole and r.heats == 0 for r in found.records.values())
    assert len(found.front) >= 1


def test_an_interrupted_trial_is_taken_over(
    search_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = search_file()
    whole = run(file, "a")
    begun = 0

    def interrupt(*args: object) -> Evaluation:
        nonlocal begun
        begun += 1
        if begun == 3:
            raise KeyboardInterrupt
        return trials.evaluate(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "evaluate", interrupt)
    first = run(file, "b")
    assert first.interrupted
    assert len(first.records) == 2
    monkeypatch.undo()
    assert shown(run(file, "b")) == shown(whole)


def test_two_workers_make_all_trials_once(search_file: Write) -> None:
    found = run(search_file(storage="sqlite", sampler="random"), jobs=2)
    assert len(found.records) == 8
    alone = run(search_file(sampler="random"), "alone")
    known = {tuple(r.settings.values()) for r in alone.records.values()}
    assert {tuple(r.settings.values()) for r in found.records.values()} == known


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"seed": "3"}, "holds another search"), ({"constraints": '["area <= 1 m2"]'}, "another")],
)
def test_a_folder_of_another_search_is_left_alone(
    search_file: Write, changed: dict[str, str], message: str
) -> None:
    run(search_file(), many=1)
    with pytest.raises(InputError, match=message):
        run(search_file(**changed))


def test_a_folder_of_something_else_is_left_alone(search_file: Write) -> None:
    file = search_file()
    (file.parent / "out").mkdir()
    (file.parent / "out" / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"not a search's folder"):
        run(file)


def test_stored_trials_of_another_workload_are_not_used(search_file: Write) -> None:
    file = search_file()
    run(file, many=1)
    tiny = file.parent / "tiny.yaml"
    tiny.write_text(tiny.read_text("utf-8").replace("samples: 12", "samples: 13"), "utf-8")
    with pytest.raises(InputError, match=r"out of date: evaluate.samples \(12 → 13\)"):
        run(file)


def test_every_card_of_every_choice_counts(search_file: Write) -> None:
    """Cards of one name in several folders too, and the same folder may go on until one changes."""
    file = search_file(objectives="[energy]")
    for folder in "ab":
        card = file.parent / folder / "cell.yaml"
        card.parent.mkdir()
        text = locate.find_card("cells/taox_imssa").read_text("utf-8")
        card.write_text(text.replace("cells/taox_imssa", "cell"), "utf-8")
    text = file.read_text("utf-8")
    paths = ", ".join(str(file.parent / folder / "cell.yaml") for folder in "ab")
    knob = f"hardware.chip.tile.cell: [{paths}]"
    file.write_text(text.replace("hardware.adc.per_tile: [4, 1, 2]", knob), "utf-8")
    run(file, many=1)
    run(file, many=2)
    for folder in "ab":
        card = file.parent / folder / "cell.yaml"
        before = card.read_text("utf-8")
        card.write_text(before.replace("title:", "title: another"), "utf-8")
        with pytest.raises(InputError, match=r"out of date: card \S*cell"):
            run(file, many=3)
        card.write_text(before, "utf-8")
    assert len(run(file, many=3).records) == 3


def test_names_the_extra_without_optuna(
    search_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = search_file()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"imssa_sim\[search\]"):
        run(file)


def test_a_storage_that_cannot_be_opened(search_file: Write) -> None:
    with pytest.raises(InputError, match="storage of the search cannot be opened"):
        run(search_file(storage="nothing://nowhere"))


def test_a_heat_drops_what_cannot_reach_the_accuracy_needed(
    search_file: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read_search(search_file())
    costs = {stat: 0.0 for stat in plan.stats if stat != ACCURACY}
    cheaper = Evaluation({}, WHOLE, costs, {ACCURACY: 0.99, **costs})
    found = trials.evaluate(plan, {}, [cheaper], Recent())
    assert (found.end, found.heats) == ("dominated", 1)
    assert found.share is not None
    assert found.share[2] < 0.99
    dearer = {stat: 1e9 for stat in costs}
    other = dataclasses.replace(cheaper, costs=dearer)
    assert trials.evaluate(plan, {}, [other], Recent()).whole


def test_what_costs_the_same_dominates_too(search_file: Write) -> None:
    plan = read_search(search_file())
    alone = trials.evaluate(plan, {}, [], Recent())
    better = {**alone.stats, ACCURACY: 1.0}
    same = Evaluation({}, WHOLE, alone.costs, better)
    found = trials.evaluate(plan, {}, [same], Recent())
    assert (found.end, found.heats) == ("dominated", 0)  # nothing can be better than all right
    less = Evaluation({}, WHOLE, alone.costs, {**better, ACCURACY: 0.99})
    assert trials.evaluate(plan, {}, [less], Recent()).end == "dominated"
    broken = dataclasses.replace(same, excess=(0.1,))
    assert trials.evaluate(plan, {}, [broken], Recent()).whole


def test_what_cannot_be_run_breaks_all_constraints(search_file: Write) -> None:
    plan = read_search(search_file())
    found = trials.evaluate(plan, {"hardware.adc.bits": 99}, [], Recent())
    assert found.end == "cannot be run"
    assert not found.feasible
    assert "99" in found.error
    assert all(excess > 0 for excess in found.excess)
