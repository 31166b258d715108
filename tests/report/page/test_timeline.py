"""Charts over time: every box where it began and ended, every stage of every step."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.page.flow import Lane, Occupied, Queue, lanes, occupied, order_of, queues
from imssa_sim.report.page.timeline import occupancy, use, waiting, zoomed


def boxes(markup: Any) -> list[dict[str, str]]:
    return [
        dict(re.findall(r'([\w-]+)="([^"]*)"', box)) for box in re.findall(r"<rect [^>]*>", markup)
    ]


def test_occupancy() -> None:
    rows = [
        Occupied("chip.a.adc", "chip.a", "convert", 0, 1.0, 3.0),
        Occupied("chip.b.dac", "chip.b", "drive", 8, 4.0, 5.0),
        Occupied("chip.a.adc", "chip.a", "convert", 2, 3.0, 7.0),
    ]
    first, second = occupancy(rows, 8.0)
    assert boxes(first) == [
        {"x": "125", "width": "250", "y": "1", "height": "8", "fill": PALETTE[0],
         "data-tip": "a.adc: convert, step 0, 1 s to 3 s"},
        {"x": "375", "width": "500", "y": "1", "height": "8", "fill": PALETTE[2],
         "data-tip": "a.adc: convert, step 2, 3 s to 7 s"},
    ]  # fmt: skip
    (box,) = boxes(second)
    assert (box["x"], box["width"], box["fill"]) == ("500", "125", PALETTE[1])
    assert '<div class="lane-name"><span>a.adc</span><small></small></div>' in first
    assert 'viewBox="0 0 1000 10"' in first


def test_use() -> None:
    shares = np.array([0.0, 0.019, 0.02, 1.0])
    (known, part) = use(
        [Lane("chip.a", shares, 8.0), Lane("chip.b", shares, 6.0)], 8.0, {"chip.a": 0.456}
    )
    assert [(b["x"], b["fill-opacity"], b["data-tip"]) for b in boxes(known)] == [
        ("500", "0.02", "a: 2% in use at 5 s"), ("750", "1", "a: 100% in use at 7 s"),
    ]  # fmt: skip
    assert boxes(known)[0]["width"] == "255"
    assert "<small>46%</small>" in known
    assert "<small></small>" in part
    unknown = boxes(part)[-1]
    assert (unknown["x"], unknown["width"], unknown["class"]) == ("750", "250", "unknown")


def test_waiting() -> None:
    high, low = waiting(
        [Queue("chip.b", ((0.0, 0), (1.0, 2), (3.0, 1), (3.0, 0), (5.0, 1)), 6.0),
         Queue("chip.c", ((0.0, 0), (2.0, 1)), 8.0)], 8.0,
    )  # fmt: skip
    found = [
        (float(b["x"]), float(b["width"]), float(b["y"]), float(b["height"]), b["data-tip"])
        for b in boxes(high)[:-1]
    ]
    assert found == [
        (125, 250, 1, 19, "2 waiting before b from 1 s to 3 s"),
        (625, 125, 10.5, 9.5, "1 waiting before b from 5 s to 6 s"),
    ]
    assert boxes(high)[-1]["class"] == "unknown"
    assert "<small>max 2</small>" in high
    assert 'class="lane tall"' in high
    (box,) = boxes(low)
    assert (float(box["y"]), float(box["height"]), float(box["width"])) == (10.5, 9.5, 750)
    assert boxes(waiting([Queue("chip.a", ((0.0, 0),), 8.0)], 8.0)[0]) == []


def test_controls_and_axis() -> None:
    found = zoomed(1e-6, [], "timeline")
    assert re.findall(r'data-zoom="(\w+)" aria-label="([\w ]+)"', found) == [
        ("out", "zoom out"), ("in", "zoom in"), ("left", "earlier"), ("right", "later"),
        ("reset", "show all"),
    ]  # fmt: skip
    assert 'data-end="1e-06"' in found
    ticks = re.findall(r'left:([\d.]+)%"[^>]*>([^<]+)<', found)
    assert ticks == [
        ("0.000", "0"), ("20.000", "200 ns"), ("40.000", "400 ns"), ("60.000", "600 ns"),
        ("80.000", "800 ns"), ("100.000", "1 µs"),
    ]  # fmt: skip


def recorded(timeline: list[tuple[Any, ...]], latency: list[tuple[str, str, str]]) -> Any:
    tables = {
        "timeline": [
            dict(zip(("path", "action", "token", "start_s", "end_s"), row, strict=True))
            for row in timeline
        ],
        "latency": [
            dict(zip(("stage", "component", "action"), row, strict=True)) for row in latency
        ],
    }
    return SimpleNamespace(table=tables.__getitem__)


def test_what_stages_share_belongs_to_them_in_the_order_of_the_flow() -> None:
    record = recorded(
        [("chip.vector", "norm", 0, 2.0, 3.0), ("chip.vector", "norm", 0, 0.0, 1.0),
         ("chip.vector", "norm", 1, 4.0, 5.0), ("chip.vector", "norm", 0, 6.0, 7.0),
         ("chip.head", "mac", 0, 9.0, 10.0)],
        [("chip.layer0.norm", "chip.vector", "norm"), ("chip.layer1.norm", "chip.vector", "norm"),
         ("chip.head", "chip.head", "mac")],
    )  # fmt: skip
    rows = occupied(record)
    assert [(r.stage, r.token, r.start, r.end) for r in rows] == [
        ("chip.layer0.norm", 0, 0.0, 1.0), ("chip.layer1.norm", 0, 2.0, 3.0),
        ("chip.layer0.norm", 1, 4.0, 5.0),
    ]  # fmt: skip  # a third one, and what runs once a sequence, belong to no layer
    assert order_of(record, rows) == ["chip.layer0.norm", "chip.layer1.norm"]
    alone = recorded([("chip.head", "mac", 0, 9.0, 10.0)], [])
    assert [r.stage for r in occupied(alone)] == ["chip"]


def test_queues_and_lanes_end_where_the_record_does() -> None:
    rows = [
        Occupied(p, p, "do", t, s, e)
        for p, t, s, e in (("a", 0, 0, 1), ("a", 1, 1, 2), ("b", 0, 1, 4), ("b", 1, 4, 7))
    ]
    (queue,) = queues(rows, ["a", "b"])
    assert (queue.steps, queue.known, queue.longest) == (((0.0, 0), (2, 1)), 2, 1)
    first, second = lanes(rows, 8.0)
    assert (first.path, first.known, second.path, second.known) == ("a", 2, "b", 7)
    assert first.shares.sum() / 20 == pytest.approx(2)
    assert second.shares.sum() / 20 == pytest.approx(6)
