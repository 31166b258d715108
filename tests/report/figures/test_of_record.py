"""Figures drawn from a record: which it has, their files, and what each takes from the tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from imssa_sim.report.figures import of_run as module
from imssa_sim.report.figures.of_run import FIGURES, draw, figures_of

TABLES: dict[str, list[dict[str, Any]]] = {
    "latency": [
        {"stage": "s", "kind": "adc", "service_s": 1.0, "waiting_s": 5.0, "action": "a",
         "component": "c"},
    ],
    "timeline": [{"path": "p", "action": "a", "token": 3, "start_s": 1.0, "end_s": 2.0}],
    "stream": [
        {"clock_s": 0.0, "accuracy": 0.5, "chip": 0}, {"clock_s": 0.0, "accuracy": 0.75, "chip": 1},
        {"clock_s": 9.0, "accuracy": 0.25, "chip": 0},
    ],
    "input": [
        {"series": "latency", "x": 1.0, "y": 4}, {"series": "fill", "x": 2.0, "y": 6},
        {"series": "latency", "x": 3.0, "y": 0},
    ],
}  # fmt: skip


def made(**more: Any) -> Any:
    values = {"stream.reprogrammed": 3, "accuracy.digital": 0.875, "input.deadline": 7.0,
              "input.latency.median": 2.5}  # fmt: skip
    config = {"evaluate.stream.reprogram_every": "2 h", "evaluate.stream.spacing": "logarithmic"}
    return SimpleNamespace(
        tables=tuple(TABLES), table=TABLES.__getitem__, values=values | more.pop("values", {}),
        config=config | more.pop("config", {}),
    )  # fmt: skip


def noted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    monkeypatch.setattr(module, name, lambda *args, **kwargs: found.append((args, kwargs)))
    return found


def test_which_figures_there_are() -> None:
    assert figures_of(made()) == FIGURES
    few: Any = SimpleNamespace(tables=("ledger", "stream"))
    assert set(FIGURES) - set(figures_of(few)) == {"input"}
    none: Any = SimpleNamespace(tables=())
    assert set(FIGURES) - set(figures_of(none)) == {"input", "stream"}
    with pytest.raises(KeyError):
        draw(made(), "other")


def test_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "energy_of_record", lambda record: "the table")
    bars, rings = (noted(monkeypatch, name) for name in ("energy_bars", "energy_sunburst"))
    draw(made(), "energy")
    assert (bars, rings) == ([(("the table",), {})], [])
    draw(made(), "energy_sunburst")
    assert rings == [(("the table",), {})]


def test_latency_and_timeline(monkeypatch: pytest.MonkeyPatch) -> None:
    bars, lanes = (noted(monkeypatch, name) for name in ("latency_bars", "timeline"))
    draw(made(), "latency")
    draw(made(), "timeline")
    assert bars == [(([("s", "adc", 1.0)],), {})]
    (((row,),), _) = lanes[0]
    assert (row.path, row.action, row.token, row.start, row.end) == ("p", "a", 3, 1.0, 2.0)


@pytest.mark.parametrize(
    ("values", "config", "writings", "reference", "logarithmic"),
    [
        ({}, {}, [7200.0, 14400.0, 21600.0], 0.875, True),
        ({"stream.reprogrammed": 0, "accuracy.digital": None},
         {"evaluate.stream.spacing": "linear"}, [], None, False),
        ({"stream.reprogrammed": None}, {"evaluate.stream.reprogram_every": None}, [], 0.875, True),
    ],
)  # fmt: skip
def test_a_stream(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], config: dict[str, Any],
    writings: list[float], reference: float | None, logarithmic: bool,
) -> None:  # fmt: skip
    found = noted(monkeypatch, "accuracy_over_time")
    draw(made(values=values, config=config), "stream")
    assert found == [
        (([(0.0, [0.5, 0.75]), (9.0, [0.25])], writings, reference), {"logarithmic": logarithmic})
    ]


@pytest.mark.parametrize(
    ("values", "deadline", "median"),
    [({}, 7.0, 2.5), ({"input.deadline": None, "input.latency.median": None}, None, 0.0)],
)
def test_arrivals(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], deadline: float | None, median: float
) -> None:
    found = noted(monkeypatch, "latency_and_fill")
    draw(made(values=values), "input")
    assert found == [(([(1.0, 4), (3.0, 0)], [(2.0, 6)], deadline, median), {})]
