"""Every number of a run's report against the tables and statistics that it stands for."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imssa_sim.config import load_config
from imssa_sim.report.page import compare, flow, provenance, sections, timeline
from imssa_sim.report.page.bars import BarSegment, Span, spans, stacked
from imssa_sim.report.page.scales import Scale
from imssa_sim.report.page.sunburst import sunburst
from imssa_sim.report.record import LiveRecord
from imssa_sim.report.tables import energy_of_record
from imssa_sim.simulation.intervals import wilson
from imssa_sim.simulation.result import Stream, StreamPoint
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.schedule import Moment
from imssa_sim.simulation.stats import collect
from imssa_sim.units import format_si


@pytest.fixture(scope="module")
def record() -> LiveRecord:
    settings = ("evaluate.samples=7", "evaluate.chips=2", "calibration.samples=4")
    found = simulate(load_config("sdigits", [*settings, "evaluate.chip_samples=3"]))
    latency = tuple(
        replace(row, waiting=row.waiting + 1e-8 * (n % 3))
        for n, row in enumerate(found.timing.latency)
    )
    moments = [Moment(100.0 * (n + 1), n, 10.0 + n, 1.0) for n in range(2)]
    points = tuple(
        StreamPoint(moment, 50, (10 + 7 * n, 35 + n), (1e-9, 2e-9))
        for n, moment in enumerate(moments)
    )
    found = replace(
        found, timing=replace(found.timing, latency=latency), stream=Stream(points, 0, 0)
    )
    return LiveRecord(found, collect(found), ["x"])


def words(markup: Any) -> str:
    """The text of markup, tags as spaces."""
    return " ".join(re.sub(r"<[^>]*>", " ", str(markup)).split())


def sums(markup: Any) -> dict[str, str]:
    """What stands behind each bar, by its name."""
    rows = re.findall(
        r'class="bar-name"[^>]*>([^<]+)<.*?class="bar-sum"[^>]*>([^<]*)<', str(markup), re.S
    )
    return dict(rows)


def added(values: Iterable[tuple[Any, float]]) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for key, value in values:
        found[key] = found.get(key, 0.0) + value
    return found


def test_key_figures(record: LiveRecord) -> None:
    v: Any = record.values
    text = words(sections.key_figures(record))
    assert text == " ".join(
        f"accuracy on the chip {100 * v['accuracy.analog.mean']:.1f} % "
        f"{v['accuracy.digital']:.1%} quantised "
        f"latency {format_si(v['time.end_to_end'], 's')} "
        f"a step every {format_si(v['time.interval'], 's')} "
        f"energy per inference {format_si(v['energy.inference'], 'J')} "
        f"{v['energy.assumed_share']:.0%} on assumed numbers "
        f"average power {format_si(v['power.average'], 'W')} "
        f"TOPS/W, useful MACs {v['tops_per_watt.useful']:.4g} "
        f"{v['tops_per_watt.array']:.4g} counting array MACs "
        f"area {format_si(v['area'], 'm^2')} {v['tiles.needed']} tiles".split()
    )


def test_accuracies_with_their_intervals(record: LiveRecord) -> None:
    v: Any = record.values
    markup = sections.accuracy(record)
    expected = {
        "float": wilson(v["accuracy.float"], 7),
        "quantised": wilson(v["accuracy.digital"], 7),
        "chip 0": wilson(v["accuracy.analog.chip0"], 3),
        "chip 1": wilson(v["accuracy.analog.chip1"], 3),
    }
    found = sums(markup)
    for name, share in expected.items():
        assert found[name] == f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"
    assert "7 test sequences, 3 on each chip; guessing gives 10.0%" in words(markup)


def test_accuracy_over_time(record: LiveRecord) -> None:
    text = str(sections.stream(record))
    for n, time in enumerate((100.0, 200.0)):
        chips = [(10 + 7 * n) / 50, (35 + n) / 50]
        assert sums(text)[format_si(time, "s")] == f"{sum(chips) / 2:.1%}"


def test_energy_by_layer_and_kind(record: LiveRecord) -> None:
    running = [row for row in record.result.ledger.rows if row.account != "programming"]
    total = math.fsum(row.energy for row in running)
    layers = added((row.layer, row.energy) for row in running)
    markup = str(sections.energy(record))
    found = sums(markup)
    for layer, joules in layers.items():
        assert found[layer] == format_si(joules, "J")
    # The table beside it holds each layer's kinds.
    table = energy_of_record(record)
    each = added(
        ((r.layer, "leakage" if r.account == "leakage" else r.kind), r.energy) for r in running
    )
    for n, layer in enumerate(table.layers):
        for m, kind in enumerate(table.kinds):
            assert table.energy[n, m] == pytest.approx(each.get((layer, kind), 0.0), rel=1e-12)
            value = each.get((layer, kind), 0.0)
            assert not value or format_si(value, "J") in words(markup.split("As a table")[1])
    lead = sections.energy_lead(record)
    for account, joules in added((row.account, row.energy) for row in running).items():
        assert f"{account.replace('_', ' ')} {joules / total:.0%}" in lead
    assert lead.startswith(f"{format_si(total, 'J')} per inference: ")
    assert "programming 0%" not in lead
    once: Any = record.values["programming.energy"]
    said = "" if once is None else f"programming the chip once takes {format_si(once, 'J')}"
    assert said in lead
    assert ("programming" in lead) == (once is not None)


def test_rings_close_and_tell_shares(record: LiveRecord) -> None:
    table = energy_of_record(record)
    markup = str(sunburst(table))
    inner = 0.0
    for kind, joules in zip(table.kinds, table.energy.sum(axis=0), strict=True):
        share = joules / table.total
        if share >= 0.0015:
            tip = f"{kind.replace('_', ' ')}: {format_si(float(joules), 'J')}, {share:.1%}"
            assert f'data-tip="{tip}"' in markup
            inner += share
    assert inner == pytest.approx(1, abs=0.02)
    # Each wedge begins where the one before it ended.
    rings: dict[str, list[tuple[float, float]]] = {"74.0": [], "99.0": []}
    wedge = r'd="M(\S+) (\S+)A(\S+) \S+ 0 (\d) 1 (\S+) (\S+)L'
    for ax, ay, radius, large, bx, by in re.findall(wedge, markup):
        first, last = (
            math.atan2(float(y), float(x)) / (2 * math.pi) + 0.25 for x, y in ((ax, ay), (bx, by))
        )
        size = (last - first) % 1
        assert (size > 0.5) == (large == "1")
        rings[radius].append((first % 1, size))
    for radius, parts in rings.items():
        assert parts[0][0] == pytest.approx(0, abs=2e-4), radius
        assert sum(size for _, size in parts) == pytest.approx(1, abs=0.03)
    for (first, size), (after, _) in zip(rings["74.0"], rings["74.0"][1:], strict=False):
        assert (first + size) % 1 == pytest.approx(after, abs=3e-3)
    assert [size for _, size in rings["74.0"]] == sorted(
        (size for _, size in rings["74.0"]), reverse=True
    )


def test_latency_of_stages(record: LiveRecord) -> None:
    rows = record.result.timing.latency
    markup = str(sections.latency(record))
    stages = added((flow.below_chip(row.stage), row.service + row.waiting) for row in rows)
    found = sums(markup)
    for stage, seconds in stages.items():
        assert found[stage] == format_si(seconds, "s")
    for row in rows:
        about = f"{flow.below_chip(row.component)}: {row.action}, "
        longest = max(stages.values())
        if row.waiting > 1e-3 * longest:
            assert f"waiting for {about}{format_si(row.waiting, 's')}" in markup
        if row.service > 1e-3 * longest:
            assert f'data-tip="{about}{format_si(row.service, "s")}"' in markup
    t = record.result.timing
    lead = sections.latency_lead(record)
    assert f"output comes after {format_si(t.first_output, 's')}, a step every" in lead
    assert f"every {format_si(t.interval, 's')}, the class after" in lead
    assert (
        f"the class after {format_si(t.end_to_end, 's')}. Bottleneck: {t.bottleneck.path}" in lead
    )


def test_utilisation_is_sorted_and_each_its_own(record: LiveRecord) -> None:
    t = record.result.timing
    found = sums(sections.utilisation(record))
    expected = {flow.below_chip(path): busy / t.end_to_end for path, busy in t.busy.items()}
    assert {name: found[name] for name in expected} == {n: f"{s:.1%}" for n, s in expected.items()}
    shown = [expected[name] for name in found if name in expected]
    assert shown == sorted(shown, reverse=True)


def test_areas_by_kind_and_layer(record: LiveRecord) -> None:
    areas = record.result.ledger.areas
    total = math.fsum(row.area for row in areas)
    markup = str(sections.area(record))
    assert sums(markup)["chip"] == format_si(total, "m^2")
    for kind, value in added((row.kind, row.area) for row in areas).items():
        if value > 1e-3 * total:
            tip = f"{kind.replace('_', ' ')}: {format_si(value, 'm^2')}, {value / total:.1%}"
            assert f'data-tip="{tip}"' in markup
    for layer, value in added((row.layer, row.area) for row in areas).items():
        if layer in {row["layer"] for row in record.table("layers")}:
            assert sums(markup)[layer] == format_si(value, "m^2")


def test_gpus_beside_the_chip(record: LiveRecord) -> None:
    v: Any = record.values
    markup = sections.baselines(record)
    text = words(markup)
    energy = v["energy.inference"]
    chip = f"{format_si(v['time.end_to_end'], 's')} {format_si(energy, 'J')}"
    assert f"this chip {chip} {v['tops_per_watt.useful']:.3g}" in text
    assert record.result.baselines
    for b in record.result.baselines:
        line = f"{format_si(b.latency, 's')} {format_si(b.energy, 'J')} "
        assert (
            f"{line}{2e-12 * record.result.program.useful_macs / b.energy:.3g} {b.bound} " in text
        )
        assert f"{b.bound} ×{b.energy / energy:,.0f} energy" in text


def test_trust_and_bookings(record: LiveRecord) -> None:
    ledger = record.result.ledger
    running = [row for row in ledger.rows if row.account != "programming"]
    markup = str(provenance.trust(record))
    for status in provenance.STATUSES:
        value = math.fsum(getattr(row, status) for row in running)
        share = value / ledger.energy
        assert f'data-tip="{status}: {format_si(value, "J")}, {share:.1%}"' in markup
        assert f"width:{100 * share:.2f}%" in markup
        assert f"{share:.0%} {status}" in markup
    text = words(provenance.bookings(record))
    keys = added(((r.account, r.kind, r.action), r.energy) for r in ledger.rows)
    for key, energy in keys.items():
        account, kind, action = key
        own = [r for r in ledger.rows if (r.account, r.kind, r.action) == key]
        if energy <= 0:
            continue
        name = kind if account == "leakage" else f"{kind} {action}"
        share = "once a chip" if account == "programming" else f"{energy / ledger.energy:.1%}"
        assert f"{name.replace('_', ' ')} {account} {format_si(energy, 'J')} {share}" in text
        assumed = math.fsum(r.assumed for r in own) / energy
        after = text.split(f"{name.replace('_', ' ')} {account} {format_si(energy, 'J')} {share}")[
            1
        ]
        assert after.strip().startswith(f"{assumed:.0%} assumed") == (assumed >= 0.005)
        count = sum(r.count for r in own)
        if count:
            components = len({r.component for r in own})
            assert f"{count:,} × {format_si(energy / count, 'J')}, of {components} comp" in after


def test_where_settings_come_from(record: LiveRecord) -> None:
    text = sections.configuration_lead(record)
    rows = record.table("settings")
    assert text.startswith(f"{len(rows)} values: ")
    assert "4 overridden" in text
    shown = words(sections.configuration(record))
    assert "evaluate.samples 7 override" in shown
    counts = [int(number) for number in re.findall(r"(\d+) (?:from|overridden|defaults)", text)]
    assert sum(counts) == len(rows)


def test_timeline_shows_what_was_recorded(record: LiveRecord) -> None:
    rows = flow.occupied(record)
    assert rows
    known = {(r.path, r.action, r.token, r.start, r.end) for r in record.result.timing.timeline}
    assert {(r.path, r.action, r.token, r.start, r.end) for r in rows} <= known
    stages = {row.stage for row in record.result.timing.latency}
    assert {row.stage for row in rows} <= stages
    for row in rows:
        of_stage = {
            (r.component, r.action) for r in record.result.timing.latency if r.stage == row.stage
        }
        assert (row.path, row.action) in of_stage
    end = max(row.end for row in rows)
    markup = "".join(map(str, timeline.occupancy(rows, end)))
    for row in rows[:20]:
        tip = f"step {row.token}, {format_si(row.start, 's')} to {format_si(row.end, 's')}"
        assert tip in markup
    drawn = re.findall(r'x="(\S+)" width="(\S+)" y="1"', markup)
    assert sum(float(width) for _, width in drawn) == pytest.approx(
        1000 * sum(row.end - row.start for row in rows) / end, rel=1e-3
    )
    assert max(float(x) + float(width) for x, width in drawn) == pytest.approx(1000, rel=1e-3)
    order = flow.order_of(record, rows)
    starts = [min(row.start for row in rows if row.stage == stage) for stage in order]
    assert starts == sorted(starts)


def test_waiting_is_drawn_from_its_start_to_its_end() -> None:
    queue = flow.Queue("chip.b", ((0.0, 0), (1.0, 2), (3.0, 1)), 4.0)
    (lane,) = timeline.waiting([queue], 8.0)
    assert "2 waiting before b from 1 s to 3 s" in str(lane)
    assert "1 waiting before b from 3 s to 4 s" in str(lane)
    boxes = re.findall(r'x="(\S+)" width="(\S+)" y="(\S+)" height="(\S+)"', str(lane))
    assert [tuple(map(float, box)) for box in boxes] == [
        (125, 250, 1, 19), (375, 125, 10.5, 9.5), (500, 500, 0, 20)
    ]  # fmt: skip
    assert "max 2" in words(lane)


def test_use_is_drawn_in_its_bin() -> None:
    lane = flow.Lane("chip.a", np.array([0.0, 0.5, 1.0, 0.01]), 6.0)
    (strip,) = timeline.use([lane], 8.0, {"chip.a": 0.25})
    assert [float(x) for x in re.findall(r'x="(\S+)" width="255', str(strip))] == [250, 500]
    assert "a: 50% in use at 3 s" in str(strip)
    assert "a: 100% in use at 5 s" in str(strip)
    assert 'x="750' in str(strip)  # from 6 s on not known
    assert "25%" in words(strip)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_bars_are_as_long_as_their_values(share: float) -> None:
    rows = [("a", [BarSegment("adc", 3 * share, "t"), BarSegment("dac", share, "u")])]
    markup = str(stacked([*rows, ("b", [BarSegment("adc", 4.0, "v")])], "J", "x"))
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", markup)]
    assert widths == pytest.approx([75 * share, 25 * share, 100])
    assert sums(markup) == {"a": format_si(4 * share, "J"), "b": "4 J"}
    drawn = str(spans([Span("n", 2.0, 6.0, 4.0, "four")], Scale(0.0, 8.0), str, "x", [(7.0, "m")]))
    assert "left:25.000%;width:50.000%" in drawn
    assert 'class="dot" style="left:50.000%' in drawn
    assert 'class="mark" style="left:87.500%' in drawn


def test_what_moves_a_total() -> None:
    interval = {"low": 1e-9, "high": 4e-9, "nominal": 2e-9}
    driver = {"card": "adc/x", "entry": "energy_constant", "low": 3e-9, "high": 1.5e-9}
    tree = {
        "intervals": {"energy": interval, "area": {n: 1e3 * v for n, v in interval.items()}},
        "drivers": {"energy": [driver], "area": []},
        "adc_models_with_all_entries_at_their_medians": {
            "a": {"energy": 2e-9, "area": 1e-6}, "b": {"energy": 3.5e-9, "area": 2e-6},
        },
        "level": 0.9, "draws": 1200,
    }  # fmt: skip
    found = sums(sections.sensitivity(tree))
    assert found["adc/x energy constant"] == "3 nJ – 1.5 nJ"
    text = words(sections.sensitivity(tree))
    energy, area = text.split("What moves the area")
    assert "all draws 1 nJ – 4 nJ" in energy
    assert "which of 2 ADC cost models 2 nJ – 3.5 nJ" in energy
    assert f"all draws {format_si(1e-6, 'm^2')} – {format_si(4e-6, 'm^2')}" in area
    assert f"cost models {format_si(1e-6, 'm^2')} – {format_si(2e-6, 'm^2')}" in area
    assert "90% intervals of 1,200 draws" in area


@pytest.mark.parametrize("part", ["costs", "accuracy", "energy", "latency"])
def test_runs_side_by_side(record: LiveRecord, part: str) -> None:
    first, second = record, copy.copy(record)
    scaled = {"time.end_to_end", "time.interval", "energy.inference", "power.average", "area"}
    second.stats = tuple(
        replace(s, value=3.0 * float(str(s.value))) if s.name in scaled else s for s in record.stats
    )
    second.__dict__.pop("values", None)
    draw: Callable[..., Any] = getattr(compare, f"_{part}")
    text = words(draw([first, second]))
    v: Any = record.values
    rows = record.result.timing.latency
    share = wilson(v["accuracy.analog.mean"], 3)
    expected = {
        "costs": [
            format_si(factor * v[name], unit)
            for name, unit in (
                ("time.end_to_end", "s"), ("time.interval", "s"), ("energy.inference", "J"),
                ("power.average", "W"), ("area", "m^2"),
            )
            for factor in (1.0, 3.0)
        ],
        "accuracy": [f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"],
        "energy": [format_si(record.result.ledger.energy, "J")],
        "latency": [format_si(math.fsum(r.service + r.waiting for r in rows), "s")],
    }[part]  # fmt: skip
    for number in expected:
        assert number in text
