"""Every parameter of every public function: its default, and where it arrives.

A walk over the signatures: a new parameter fails until it has a case here.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import imssa_sim
from imssa_sim.api import compare_chips as chips_module
from imssa_sim.api import run as run_module
from imssa_sim.api import search as search_module
from imssa_sim.api import sweep as sweep_module
from imssa_sim.api import why as why_module
from imssa_sim.api.workload import load

DEFAULTS = {
    "run": "set=None seed=None engine='auto' accuracy=True progress=False uncertainty=False "
    "save=False figures=True trace=None trace_window=None memory=None command=('imssa_sim.run',)",
    "why": "set=None seed=None runs=None seconds=None chips=None sequences=None progress=False "
    "save=False",
    "sweep": "grid=None points=None set=None seeds=() accuracy=True jobs=-1 backend='local' "
    "scheduler=None workers=None progress=False save=None figures=True keep_runs=False formats=()",
    "search": "knobs=None objectives=None constraints=None set=None trials=None sampler='tpe' "
    "seed=0 storage='journal' jobs=1 progress=False save=None",
    "compare_chips": "bases=None set=None seed=None samples=None chips=None progress=False "
    "save=False",
    "chip": "chip=0 set=None seed=None time=None progress=False",
    "fit_card": "output=None",
    "write_report": "file=None",
    "open_run": "",
    "Crossbar": "cell='cells/taox_imssa' adc='adc/survey_andrulis_2024' dac='dac/pwm_40nm' "
    "adc_bits=8 dac_bits=8 weight_bits=8 adc_range=None adc_levels='mid_tread' input_range=1.0 "
    "scheme='differential' subtraction='analog' conductance_range=None error=None ideal=False "
    "set=None time=0.0 seed=0 chip=0",
}
"""What a caller gets who says nothing: part of the interface."""


class StopHereError(Exception):
    """What was asked for has been noted."""


def signature_text(name: str) -> str:
    found = inspect.signature(getattr(imssa_sim, name)).parameters.values()
    return " ".join(f"{p.name}={p.default!r}" for p in found if p.default is not p.empty)


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_kept(name: str) -> None:
    assert signature_text(name) == DEFAULTS[name]


def noted(monkeypatch: pytest.MonkeyPatch, place: str) -> list[tuple[Any, ...]]:
    """Let a function note its arguments and go no further."""
    found: list[tuple[Any, ...]] = []

    def note(*args: Any, **kwargs: Any) -> None:
        found.append((args, kwargs))
        raise StopHereError

    monkeypatch.setattr(place, note)
    return found


RUN = {
    "set": ({"hardware.adc.bits": 5}, lambda a, k: a[0].config.hardware.adc.bits, 5),
    "seed": (41, lambda a, k: a[0].config.seed, 41),
    "engine": ("event", lambda a, k: k["engine"], "event"),
    "accuracy": (False, lambda a, k: k["accuracy"], False),
    "memory": ({"x": 1}, lambda a, k: k["memory"], {"x": 1}),
    "progress": ("told", lambda a, k: a[1], "told"),
    "trace_window": ("0:3", lambda a, k: k["check_length"](2), "refused"),
}
"""Parameter -> value, where it arrives at the simulation, what is there."""


class Told:
    """A listener."""

    def phase(self, name: str, total: int) -> None: ...

    def advance(self, done: int) -> None: ...

    def note(self, message: str) -> None: ...


@pytest.mark.parametrize("name", RUN)
def test_parameters_of_run(
    name: str, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    value, where, expected = RUN[name]
    told = Told()
    given = {name: told if value == "told" else value}
    if name == "trace_window":
        given["trace"] = "vcd"
    found = noted(monkeypatch, "imssa_sim.simulation.run.simulate")
    with pytest.raises(StopHereError):
        imssa_sim.run(tiny, **given)
    if name == "trace_window":
        with pytest.raises(imssa_sim.InputError, match="step 3 does not exist"):
            where(*found[0])
        return
    assert where(*found[0]) == (told if value == "told" else expected)


BESIDES = {"save", "figures", "trace", "command", "uncertainty"}
"""Parameters of `run` that act after the simulation: tests/api/test_run.py."""


def test_every_parameter_of_run_is_walked() -> None:
    parameters = set(inspect.signature(imssa_sim.run).parameters) - {"workload"}
    assert parameters == set(RUN) | BESIDES


def differs(call: Any, found: list[Any], **given: Any) -> tuple[Any, Any]:
    """Return what arrives without and with a parameter."""
    for arguments in ({}, given):
        with suppress(StopHereError):
            call(**arguments)
    return found[-2], found[-1]


WHY = {
    "set": ({"hardware.adc.bits": 5}, lambda a: a[0].config.hardware.adc.bits, 5),
    "seed": (41, lambda a: a[0].config.seed, 41),
    "runs": (7, lambda a: a[2].runs, 7),
    "seconds": (8.5, lambda a: a[2].seconds, 8.5),
    "chips": (3, lambda a: a[3], 3),
    "sequences": (12, lambda a: a[4], 12),
    "progress": (Told(), lambda a: type(a[1]), Told),
}


@pytest.mark.parametrize("name", WHY)
def test_parameters_of_why(
    name: str, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(inspect.signature(imssa_sim.why).parameters) == {"workload", "save", *WHY}
    value, where, expected = WHY[name]
    found = noted(monkeypatch, "imssa_sim.ablation.study.study")
    before, after = differs(lambda **k: why_module.why(tiny, **k), found, **{name: value})
    assert where(after[0]) == expected != where(before[0])
    defaults = (before[0][2].runs, before[0][2].seconds, *before[0][3:])
    assert defaults == (96, 110.0, None, None)  # as its documentation says


@pytest.fixture
def file(tiny: dict[str, Any], tmp_path: Path) -> Path:
    from ruamel.yaml import YAML

    path = tmp_path / "tiny.yaml"
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(tiny, stream)
    return path


GRID = {"hardware.adc.bits": [4, 5]}
SWEEP: dict[str, tuple[Any, Any, Any]] = {
    "set": ({"seed": 4}, lambda plan, folder, place, how: plan.points[0]["seed"], 4),
    "seeds": (
        [5, 6],
        lambda plan, folder, place, how: [p["seed"] for p in plan.points][:2],
        [5, 6],
    ),
    "accuracy": (False, lambda plan, folder, place, how: plan.accuracy, False),
    "jobs": (3, lambda plan, folder, place, how: place[1], 3),
    "backend": ("dask", lambda plan, folder, place, how: place[0], "dask"),
    "scheduler": ("tcp://x", lambda plan, folder, place, how: place[2], "tcp://x"),
    "workers": (4, lambda plan, folder, place, how: place[3], 4),
    "progress": (Told(), lambda plan, folder, place, how: type(place[4]), Told),
    "keep_runs": (True, lambda plan, folder, place, how: how.runs, True),
    "formats": (["latex"], lambda plan, folder, place, how: how.formats, ("latex",)),
}


def noted_sweep(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []

    def note(plan: Any, folder: Path, place: Any, told: Any, how: Any) -> None:
        found.append((plan, folder, place, how))
        raise StopHereError

    monkeypatch.setattr(sweep_module, "run_plan", note)
    monkeypatch.setattr("imssa_sim.sweeps.executors.executor_of", lambda *a: a)
    return found


@pytest.mark.parametrize("name", SWEEP)
def test_parameters_of_sweep(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value, where, expected = SWEEP[name]
    found = noted_sweep(monkeypatch)
    before, after = differs(lambda **k: sweep_module.sweep(file, GRID, **k), found, **{name: value})
    assert where(*after) == expected
    with suppress(KeyError):
        assert where(*before) != expected


def test_grid_points_and_folder_of_sweep(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = {"source", "grid", "points", "save", "figures", *SWEEP}
    assert set(inspect.signature(imssa_sim.sweep).parameters) == walked
    found = noted_sweep(monkeypatch)
    for given in ({"grid": GRID}, {"points": [{"seed": 8}]}):
        with pytest.raises(StopHereError):
            sweep_module.sweep(file, **given, save=tmp_path / "kept")
    assert [p["hardware.adc.bits"] for p in found[0][0].points] == [4, 5]
    assert [dict(p) for p in found[1][0].points] == [{"seed": 8}]
    assert found[0][1] == tmp_path / "kept"
    for given, drawn in (({}, False), ({"save": tmp_path}, True),
                         ({"save": tmp_path, "figures": False}, False)):  # fmt: skip
        with pytest.raises(StopHereError):
            sweep_module.sweep(file, GRID, **given)
        assert found[-1][3].figures is drawn


@pytest.mark.parametrize("given", [{"set": {"seed": 1}}, {"seeds": [1]}, {"accuracy": False}])
def test_a_sweep_file_takes_nothing_beside_it(given: dict[str, Any]) -> None:
    with pytest.raises(imssa_sim.InputError, match=f"'{next(iter(given))}'.*a file has its own"):
        imssa_sim.sweep("s.yaml", **given)


SEARCH: dict[str, tuple[Any, Any, Any]] = {
    "objectives": (["area"], lambda plan, folder, jobs, told: len(plan.objectives), 1),
    "constraints": (["area <= 1 mm2"], lambda plan, folder, jobs, told: len(plan.constraints), 1),
    "set": ({"seed": 3}, lambda plan, folder, jobs, told: dict(plan.set).get("seed"), 3),
    "trials": (17, lambda plan, folder, jobs, told: plan.trials, 17),
    "sampler": ("random", lambda plan, folder, jobs, told: plan.sampler, "random"),
    "seed": (9, lambda plan, folder, jobs, told: plan.seed, 9),
    "storage": ("sqlite", lambda plan, folder, jobs, told: plan.storage, "sqlite"),
    "jobs": (2, lambda plan, folder, jobs, told: jobs, 2),
    "progress": (Told(), lambda plan, folder, jobs, told: type(told), Told),
}


@pytest.mark.parametrize("name", SEARCH)
def test_parameters_of_search(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = {"source", "knobs", "save", *SEARCH}
    assert set(inspect.signature(imssa_sim.search).parameters) == walked
    value, where, expected = SEARCH[name]
    found = noted(monkeypatch, "imssa_sim.api.search.run_search")

    def call(**given: Any) -> None:
        search_module.search(file, GRID, **({"objectives": ["area", "energy"]} | given))

    before, after = differs(call, found, **{name: value})
    assert where(*after[0]) == expected != where(*before[0])
    plan = before[0][0]
    assert (plan.trials, plan.sampler, plan.seed, plan.storage) == (200, "tpe", 0, "journal")
    assert [dict(choice) for choice in plan.knobs[0].choices] == [
        {"hardware.adc.bits": 4}, {"hardware.adc.bits": 5},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [{"set": {"seed": 1}}, {"objectives": ["area"]}, {"constraints": ["area <= 1 mm2"]},
     {"sampler": "random"}, {"seed": 1}, {"storage": "sqlite"}],
)  # fmt: skip
def test_a_search_file_takes_nothing_beside_it(given: dict[str, Any]) -> None:
    with pytest.raises(imssa_sim.InputError, match=f"{next(iter(given))}.*go with knobs"):
        imssa_sim.search("s.yaml", **given)


COMPARE: dict[str, tuple[Any, Any, Any]] = {
    "bases": (["chips/puma"], lambda c, told, changed: [x.name for x in c], ["own", "chips/puma"]),
    "set": (["hardware.adc.bits=7"], lambda c, told, changed: changed, ("hardware.adc.bits=7",)),
    "seed": (4, lambda c, told, changed: c[0].loaded.config.seed, 4),
    "samples": (5, lambda c, told, changed: c[0].loaded.config.evaluate.samples, 5),
    "chips": (3, lambda c, told, changed: c[0].loaded.config.evaluate.chips, 3),
    "progress": (Told(), lambda c, told, changed: type(told), Told),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPARE)
def test_parameters_of_compare_chips(
    name: str, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(inspect.signature(imssa_sim.compare_chips).parameters) == {
        "workload", "save", *COMPARE,
    }  # fmt: skip
    value, where, expected = COMPARE[name]
    found = noted(monkeypatch, "imssa_sim.comparison.chips.compare")
    before, after = differs(
        lambda **k: chips_module.compare_chips(tiny, **({"bases": []} | k)), found, **{name: value}
    )
    assert where(*after[0]) == expected != where(*before[0])


@pytest.mark.parametrize("name", ["run", "why", "compare_chips"])
@pytest.mark.parametrize("save", [True, "folder"])
def test_a_folder_is_numbered_only_where_none_is_named(
    name: str, save: Any, tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = {"run": run_module, "why": why_module, "compare_chips": chips_module}[name]
    found: list[tuple[Path, bool]] = []

    def note(path: Path, numbered: bool) -> None:
        found.append((path, numbered))
        raise StopHereError

    monkeypatch.setattr(module, "RunDirectory", note)
    with pytest.raises(StopHereError):
        getattr(module, name)(tiny, save=save)
    ((path, numbered),) = found
    assert numbered is (save is True)
    begin = {"run": "", "why": "why-", "compare_chips": "chips-"}[name]
    workload = load(tiny).config.workload
    if save is True:
        assert path.parent == Path("runs")
        assert path.name.startswith(f"{begin}{workload}-2")
    else:
        assert path == Path("folder")


def test_a_chip_that_cannot_be_has_its_reason(
    tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from imssa_sim.errors import ConfigError, Problem

    def load_or_refuse(workload: Any, texts: Any) -> Any:
        if "hardware.base=chips/puma" in texts:
            raise ConfigError([Problem("no room", "p.yaml", 3, 1)])
        return load(workload, texts)

    found = noted(monkeypatch, "imssa_sim.comparison.chips.compare")
    monkeypatch.setattr(chips_module, "load", load_or_refuse)
    with pytest.raises(StopHereError):
        imssa_sim.compare_chips(tiny, ["chips/puma", "chips/isaac_ce", "chips/puma"])
    (own, puma, isaac) = found[0][0][0]
    assert (own.name, own.error) == ("own", "")
    assert (puma.name, puma.loaded, puma.error) == ("chips/puma", None, "p.yaml:3:1: no room")
    assert puma.base is not None
    assert isaac.loaded.config.evaluate.float is False
    assert own.loaded.config.evaluate.float is True


@pytest.mark.parametrize(
    ("given", "figures"), [({}, True), ({"figures": True}, True), ({"figures": False}, False)]
)
def test_what_a_run_writes(
    given: dict[str, Any], figures: bool, tiny: dict[str, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from imssa_sim.api.result import Run

    found: list[Any] = []
    monkeypatch.setattr(Run, "write", lambda self, *rest: found.append((self, *rest)))
    done = imssa_sim.run(
        tiny, accuracy=False, save=tmp_path / "kept", trace="vcd", uncertainty=True,
        command=("a", "b"), **given,
    )  # fmt: skip
    ((run, directory, drawn, _),) = found
    assert run is done
    assert (directory.path, drawn) == (tmp_path / "kept", figures)
    assert done.manifest["command"] == ["a", "b"]
    assert done.record.uncertainty is not None
    assert done._trace is not None
    assert done._trace.kind == "vcd"
    assert any(name.startswith("uncertainty.") for name in done.record.values)
