"""Perfetto's JSON: its rules, and that it adds up to the run's utilisation and energy."""

from __future__ import annotations

import gzip
import json
import math
from collections import defaultdict

import pytest

from imssa_sim.timing.observe import Window
from imssa_sim.traces import write
from imssa_sim.traces.write import Trace, write_trace

TOKENS, POWER = 1, 2


@pytest.fixture(scope="module")
def whole(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return json.loads(write_trace(result, Trace("perfetto"), folder.joinpath).read_text("utf-8"))


@pytest.fixture(scope="module")
def part(result, tmp_path_factory):
    asked, folder = Trace("perfetto", Window(3, 5)), tmp_path_factory.mktemp("part")
    return json.loads(write_trace(result, asked, folder.joinpath).read_text("utf-8"))


@pytest.fixture(params=["whole", "part"])
def trace(request, whole, part):
    return whole if request.param == "whole" else part


def events(trace, kind):
    return [event for event in trace["traceEvents"] if event["ph"] == kind]


def names(trace, what="thread_name"):
    named = [event for event in events(trace, "M") if event["name"] == what]
    return {(event["pid"], event["tid"]): event["args"]["name"] for event in named}


def test_every_event_has_what_the_format_asks_for(trace):
    assert trace["displayTimeUnit"] == "ns"
    lanes, processes = names(trace), {p for p, _ in names(trace, "process_name")}
    for event in trace["traceEvents"]:
        assert event["ph"] in set("XCMstf")
        assert event["pid"] in processes
        if event["ph"] != "M":
            assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] > 0
            assert (event["pid"], event["tid"]) in lanes


def test_slices_nest_in_their_lanes(trace):
    lanes = defaultdict(list)
    for event in events(trace, "X"):
        held = event["args"]
        lanes[event["pid"], event["tid"]].append((held["start_ns"], held["start_ns"] + held["ns"]))
    for lane, spans in lanes.items():
        stack: list[int] = []
        for start, end in sorted(spans, key=lambda s: (s[0], -s[1])):
            while stack and stack[-1] <= start:
                stack.pop()
            assert not stack or end <= stack[-1], lane
            stack.append(end)
            assert len(stack) <= (2 if lane[0] == TOKENS else 1)


def test_units_agree(trace, result):
    cycle_ns = 1e9 / result.loaded.config.hardware.chip.clock
    for event in events(trace, "X"):
        held = event["args"]
        assert event["ts"] * 1e3 == pytest.approx(held["start_ns"])
        assert event["dur"] * 1e3 == pytest.approx(held["ns"])
        assert held["cycles"] * cycle_ns == pytest.approx(held["ns"])
        assert held["start_cycle"] * cycle_ns == pytest.approx(held["start_ns"])


def test_flows_follow_each_token_forwards_and_bind_to_its_slices(trace):
    slices = {
        (e["tid"], e["ts"]): e
        for e in events(trace, "X")
        if e["pid"] == TOKENS and e["name"].startswith("token ")
    }
    flows = defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] in "stf":
            flows[event["id"]].append(event)
            assert (event["tid"], event["ts"]) in slices
            assert (event["ph"] == "s") != (event.get("bp") == "e")
    assert flows
    for held in flows.values():
        kinds = "".join(event["ph"] for event in held)
        assert kinds[0] == "s"
        assert set(kinds[1:-1]) <= {"t"}
        times = [event["ts"] for event in held]
        assert times == sorted(times)
        lanes = [event["tid"] for event in held]
        assert lanes == sorted(lanes)


def test_whole_flows_pass_every_station_and_end(whole):
    passed, ended = defaultdict(set), set()
    for event in whole["traceEvents"]:
        if event["ph"] in "stf":
            passed[event["id"].split(".")[0], event["id"]].add(event["tid"])
            if event["ph"] == "f":
                ended.add(event["id"])
    assert {flow for _, flow in passed} == ended
    for segment in {segment for segment, _ in passed}:
        assert len({frozenset(lanes) for (s, _), lanes in passed.items() if s == segment}) == 1


def test_slices_of_a_component_add_up_to_its_utilisation(result, whole):
    lanes, busy = names(whole), defaultdict(float)
    for event in events(whole, "X"):
        if event["pid"] > POWER:
            lane = lanes[event["pid"], event["tid"]]
            component = lane if lane in result.timing.busy else lane.rpartition(".")[0]
            busy[component] += event["args"]["ns"]
    assert set(busy) == set(result.timing.busy)
    for component, nanoseconds in busy.items():
        share = nanoseconds * 1e-9 / result.timing.end_to_end
        assert share == pytest.approx(result.timing.utilisation[component], rel=1e-12)


def test_power_adds_up_to_the_energy_of_the_run(result, whole):
    power = [(e["ts"], e["args"]["W"]) for e in events(whole, "C") if e["pid"] == POWER]
    assert power == sorted(power, key=lambda p: p[0])
    end = result.timing.end_to_end * 1e6
    times = [*(time for time, _ in power[1:]), end]
    energy = math.fsum(w * (b - a) for (a, w), b in zip(power, times, strict=True)) * 1e-6
    assert energy == pytest.approx(result.ledger.energy, rel=1e-9)
    background = min(w for _, w in power)
    assert 0 < background < energy / end * 1e6
    told = math.fsum(e["args"].get("energy_J", 0.0) for e in events(whole, "X"))
    rest = background * result.timing.end_to_end
    assert told + rest == pytest.approx(result.ledger.energy, rel=1e-9)


def test_queues_hold_what_their_capacity_allows(trace):
    queues = [e for e in events(trace, "C") if e["name"].startswith("fifo ")]
    assert queues
    assert all(e["args"]["tokens"] >= 0 for e in queues)


def test_a_large_one_is_compressed(tiny, tmp_path, monkeypatch):
    plain = write_trace(tiny, Trace("perfetto"), tmp_path.joinpath)
    monkeypatch.setattr(write, "LARGE", 100)
    packed = write_trace(tiny, Trace("perfetto"), tmp_path.joinpath)
    assert (plain.name, packed.name) == ("trace.perfetto.json", "trace.perfetto.json.gz")
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    part = write_trace(tiny, Trace("perfetto", Window(1, 2)), tmp_path.joinpath)
    assert part.name == "trace.perfetto.json"
