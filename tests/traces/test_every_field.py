"""Every field of every trace, against what the event engine told of the same run."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections import Counter, defaultdict
from fractions import Fraction

import pytest

import imssa_sim
from imssa_sim import __version__
from imssa_sim.components.path import ComponentPath
from imssa_sim.errors import InputError
from imssa_sim.timing.observe import WHOLE, Window, numbered, observe
from imssa_sim.traces import write
from imssa_sim.traces.source import TraceSource
from imssa_sim.traces.write import Trace, write_trace
from tests.traces.conftest import TINY
from tests.traces.dumps import read_dump


class Told:
    """Keeps all that an observer is told."""

    def __init__(self):
        self.services, self.occupancies, self.waits, self.blockages = [], [], [], []
        self.fills, self.window = [], []

    def open(self, time):
        self.window.append(time)

    def service(self, *told):
        self.services.append(told)

    def occupied(self, *told):
        self.occupancies.append(told)

    def waited(self, *told):
        self.waits.append(told)

    def blocked(self, *told):
        self.blockages.append(told)

    def fill(self, *told):
        self.fills.append(told)

    def advance(self, time): ...

    def close(self, time):
        self.window.append(time)


def source_of(result):
    return TraceSource(result.program, result.loaded.config.hardware, result.timing, result.ledger)


@pytest.fixture(scope="module", params=[WHOLE, Window(3, 5)], ids=["whole", "part"])
def traced(request, result, tmp_path_factory):
    """Return source, what was told, and both traces of the same window."""
    source, told = source_of(result), Told()
    observe(source.graph, told, request.param)
    folder = tmp_path_factory.mktemp("traced")
    perfetto = write_trace(result, Trace("perfetto", request.param), folder.joinpath)
    vcd = write_trace(result, Trace("vcd", request.param), folder.joinpath)
    return source, told, json.loads(perfetto.read_text("utf-8")), vcd


def process_of(path):
    """Return the process of a component: its layer, or the chip."""
    parts = path.split(".")
    return parts[0] if len(parts) < 3 else f"{parts[0]}.{parts[1]}"


def lane_of(source, component, action):
    """Return the lane: of a buffer with several ports one each, else one a component."""
    ports = {
        part.action
        for station in source.graph.stations for phase in station.phases for part in phase.parts
        if part.component == component
    }  # fmt: skip
    separate = len(ports) > 1 and component.split(".")[-1] == "buffer"
    return f"{component}.{action}" if separate else component


def expected_slices(source, told):
    """Yield (process, lane, name, start, end, what is said besides) of every slice."""
    stations = source.graph.stations
    for station, token, start, end in told.services:
        lane = stations[station].path
        yield "tokens", lane, f"token {token}", start, end, {"token": token}
    for station, phase, part, token, start, end in told.occupancies:
        held = stations[station]
        action = held.phases[phase].parts[part]
        name = f"{action.component.split('.')[-1]} {action.action}"
        yield "tokens", held.path, name, start, end, {"token": token}
        more = {
            "token": token, "stage": held.stage, "count": action.count,
            "energy_J": source.energy(held, action),
        }  # fmt: skip
        lane = lane_of(source, action.component, action.action)
        yield process_of(action.component), lane, action.action, start, end, more
    for station, phase, token, start, end in told.waits:
        name = f"waits for {stations[station].phases[phase].parts[0].component}"
        yield "tokens", stations[station].path, name, start, end, {"token": token}
    for station, token, start, end in told.blockages:
        yield "tokens", stations[station].path, "waits for room", start, end, {"token": token}


def plain(value):
    return value.numerator if value.denominator == 1 else float(value)


def named(trace, what):
    events = [e for e in trace["traceEvents"] if e["name"] == what]
    return {(e["pid"], e["tid"]): e["args"]["name"] for e in events}


def test_every_slice_and_all_that_it_says(traced, result):
    source, told, trace, _ = traced
    tick = Fraction(1, 10**9)
    assert source.tick == tick
    cycle = 1 / Fraction(result.loaded.config.hardware.chip.clock)
    processes = {pid: name for (pid, _), name in named(trace, "process_name").items()}
    lanes = named(trace, "thread_name")
    found = Counter(
        json.dumps([processes[e["pid"]], lanes[e["pid"], e["tid"]], e], sort_keys=True)
        for e in trace["traceEvents"] if e["ph"] == "X"
    )  # fmt: skip
    numbers = {(processes[p], lane): (p, t) for (p, t), lane in lanes.items()}
    expected = Counter()
    for process, lane, name, start, end, more in expected_slices(source, told):
        pid, tid = numbers[process, lane]
        more |= {
            "start_cycle": plain(start * tick / cycle),
            "cycles": plain((end - start) * tick / cycle),
            "start_ns": plain(start * tick * 10**9), "ns": plain((end - start) * tick * 10**9),
        }  # fmt: skip
        event = {
            "ph": "X", "name": name, "pid": pid, "tid": tid, "cat": "chip", "args": more,
            "ts": plain(start * tick * 10**6), "dur": plain((end - start) * tick * 10**6),
        }  # fmt: skip
        expected[json.dumps([process, lane, event], sort_keys=True)] += 1
    assert found == expected


def test_every_lane_and_process_has_a_name_and_the_order_of_the_flow(traced):
    source, _, trace, _ = traced
    processes, lanes = named(trace, "process_name"), named(trace, "thread_name")
    parts = [
        part for station in source.graph.stations for phase in station.phases
        for part in phase.parts
    ]  # fmt: skip
    layers = dict.fromkeys(process_of(part.component) for part in parts)
    layers |= dict.fromkeys(process_of(channel.path) for channel, _ in numbered(source.graph))
    assert list(processes.values()) == ["tokens", "power", *layers]
    assert list(processes) == [(number, 0) for number in range(1, len(processes) + 1)]
    order = [e for e in trace["traceEvents"] if e["name"] == "process_sort_index"]
    assert [e["args"] for e in order] == [{"sort_index": e["pid"]} for e in order]
    assert [e["pid"] for e in order] == [pid for pid, _ in processes]
    stations = [name for (pid, _), name in lanes.items() if pid == 1]
    assert stations == [station.path for station in source.graph.stations]
    wanted = dict.fromkeys(
        (process_of(part.component), lane_of(source, part.component, part.action)) for part in parts
    )
    shown = {(processes[pid, 0], name): tid for (pid, tid), name in lanes.items() if pid > 2}
    assert list(shown) == list(wanted)
    for layer in layers:
        numbers = [tid for (process, _), tid in shown.items() if process == layer]
        assert numbers == list(range(1, len(numbers) + 1))


def test_the_head_says_what_the_numbers_mean(traced, result):
    source, _, trace, _ = traced
    assert trace["otherData"] == {
        "tick_s": 1e-9,
        "clock_cycle_s": pytest.approx(1 / result.loaded.config.hardware.chip.clock),
        "steps": result.program.sequence_length,
    }
    assert source.cycle * Fraction(result.loaded.config.hardware.chip.clock) == 1


def test_every_counter_of_a_fifo(traced):
    source, told, trace, _ = traced
    processes = {name: pid for (pid, _), name in named(trace, "process_name").items()}
    found = [
        (e["pid"], e["name"], e["ts"], e["args"])
        for e in trace["traceEvents"] if e["ph"] == "C" and e["name"].startswith("fifo")
    ]  # fmt: skip
    channels = [channel.path for channel, _ in numbered(source.graph)]
    assert found == [
        (processes[process_of(channels[n])], f"fifo {channels[n]}", plain(Fraction(time, 1000)),
         {"tokens": tokens})
        for n, time, tokens in told.fills
    ]  # fmt: skip
    assert found


def test_every_step_of_power(traced):
    source, told, trace, _ = traced
    processes = {pid: name for (pid, _), name in named(trace, "process_name").items()}
    steps: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for station, phase, part, _, start, end in told.occupancies:
        held = source.graph.stations[station]
        action = held.phases[phase].parts[part]
        watt = source.energy(held, action) / float((end - start) * source.tick)
        for process in ("power", process_of(action.component)):
            steps[process][start] += watt
            steps[process][end] -= watt
    shown = defaultdict(list)
    for e in trace["traceEvents"]:
        if e["ph"] == "C" and "W" in e["args"]:
            name = processes[e["pid"]]
            assert e["name"] == ("power of the chip" if name == "power" else "power of actions")
            shown[name].append((round(e["ts"] * 1000), e["args"]["W"]))
    assert shown["power"][0] == (told.window[0], source.background)
    shown["power"] = shown["power"][1:]
    assert set(shown) == set(steps)
    for process, changes in steps.items():
        level = source.background if process == "power" else 0.0
        assert [time for time, _ in shown[process]] == sorted(changes)
        for time, watt in shown[process]:
            level += changes[time]
            assert watt == pytest.approx(level, rel=1e-9, abs=1e-12), (process, time)


CHIPS = {
    "plain": {},
    "off chip": {"hardware.off_chip.card": "off_chip/lpddr4"},
    "two chips": {"hardware.partition.chips": 2, "hardware.partition.link": "link/short_reach"},
}


@pytest.mark.parametrize("name", CHIPS)
def test_energies_of_a_stage_are_those_of_its_ledger_rows(name):
    result = imssa_sim.run(TINY, CHIPS[name], accuracy=False).record.result
    source = source_of(result)
    timed: dict[str, float] = defaultdict(float)
    own: dict[str, float] = defaultdict(float)
    energies: dict[tuple[str, str, str], float] = defaultdict(float)
    counts: dict[tuple[str, str, str], float] = defaultdict(float)
    for row in result.ledger.rows:
        if row.account in ("dynamic", "off_chip"):
            energies[row.stage, row.component, row.action] += row.energy
            counts[row.stage, row.component, row.action] += row.count
    for station in source.graph.stations:
        for phase in station.phases:
            for part in phase.parts:
                energy = source.energy(station, part)
                key = station.stage, part.component, part.action
                alone = energies[key] / counts[key] * part.count if counts[key] else 0.0
                assert energy >= alone * (1 - 1e-12)
                timed[station.stage] += station.firings * energy
                own[station.stage] += station.firings * alone
    rows: dict[str, float] = defaultdict(float)
    for (stage, _, _), energy in energies.items():
        rows[stage] += energy
    for stage, energy in timed.items():
        assert own[stage] * (1 - 1e-9) <= energy <= rows[stage] * (1 + 1e-9), stage
    shown = {row.account for row in result.ledger.rows if row.count and row.energy}
    assert ("off_chip" in shown) == (name != "plain")
    leakage = result.ledger.by_account()["leakage"]
    hidden = math.fsum(rows.values()) - math.fsum(timed.values())
    power = (leakage + hidden) / result.timing.end_to_end
    assert source.background == pytest.approx(power, rel=1e-9)


def cover(spans, time):
    return [who for who, start, end in spans if start <= time < end]


def test_every_state_user_and_queue_of_a_value_change_dump(traced):
    source, told, _, path = traced
    _, dump = read_dump(path)
    stations = source.graph.stations
    spans: dict[str, list[tuple[object, int, int]]] = defaultdict(list)
    resource_of = {}
    first = 0
    for segment in source.graph.segments:
        for number, resource in enumerate(segment.resources):
            for s, station in enumerate(segment.stations):
                for p, phase in enumerate(station.phases):
                    if phase.resource == number:
                        resource_of[first + s, p] = resource.path
        first += len(segment.stations)
    for station, _, start, end in told.services:
        spans[f"{stations[station].path}.state"].append(("busy", start, end))
    for station, phase, _, _, start, end in told.occupancies:
        spans[f"{stations[station].path}.state"].append(("works", start, end))
        if (station, phase) in resource_of:
            user = f"{resource_of[station, phase]}.user"
            spans[user].append((stations[station].path, start, end))
    for station, phase, _, start, end in told.waits:
        spans[f"{stations[station].path}.state"].append(("waits", start, end))
        spans[f"{resource_of[station, phase]}.waiting"].append((1, start, end))
    for station, _, start, end in told.blockages:
        spans[f"{stations[station].path}.state"].append(("blocked", start, end))
    checked = Counter()
    for name, changes in dump.items():
        kind = name.rpartition(".")[2]
        if kind not in ("state", "user", "waiting"):
            continue
        for (time, value), until in zip(
            changes, [*(t for t, _ in changes[1:]), told.window[1]], strict=True
        ):
            for moment in {time, (time + until) // 2} if time < until else ():
                there = cover(spans[name], moment)
                if kind == "state":
                    doing = set(there) - {"busy"}
                    assert len(doing) <= 1
                    expected = next(iter(doing), "idle")
                    assert bool(there) == bool(doing)  # who holds a token does something with it
                elif kind == "user":
                    assert len(set(there)) <= 1
                    expected = there[0] if there else ""
                else:
                    expected = str(len(there))
                assert value == expected, (name, moment)
                checked[kind, expected] += 1
    assert {kind for kind, _ in checked} == {"state", "user", "waiting"}


def test_the_head_of_a_value_change_dump(traced):
    source, told, _, path = traced
    text = path.read_text("utf-8")
    steps = source.program.sequence_length
    words = " ".join(text.split())
    assert f"imssa_sim {__version__}" in words
    assert f"tick {source.tick} s, clock cycle {source.cycle} s; tokens 0 to {steps - 1}" in words
    sizes = {
        match[3]: int(match[2])
        for match in re.finditer(r"\$var (\w+) (\d+) (\S+) \S+ \$end", text)
        if match[1] == "wire"
    }
    for match in re.finditer(r"^b([01]+) (\S+)$", text, re.MULTILINE):
        assert len(match[1]) <= sizes[match[2]]
    most = max(station.firings for station in source.graph.stations)
    tokens = re.findall(r"\$var wire (\d+) \S+ \S*token \$end", text)
    assert {int(size) for size in tokens} == {most.bit_length()}
    times = [int(t) for t in re.findall(r"^#(\d+)$", text, re.MULTILINE)]
    assert (times[0], times[-1]) == tuple(told.window)


class Heard:
    def __init__(self):
        self.phases, self.notes, self.done = [], [], []

    def phase(self, name, total):
        self.phases.append((name, total))

    def advance(self, done):
        self.done.append(done)

    def note(self, message):
        self.notes.append(message)


@pytest.mark.parametrize(
    ("window", "steps"),
    [(WHOLE, "0 to 63"), (Window(3, 5), "3 to 5"), (Window(7), "7 to 63")],
)
def test_what_is_said_of_a_trace(tiny, tmp_path, window, steps):
    heard = Heard()
    path = write_trace(tiny, Trace("vcd", window), tmp_path.joinpath, heard)
    source = source_of(tiny)
    assert heard.phases == [("trace", sum(s.tokens for s in source.graph.segments))]
    assert heard.notes[0].startswith(f"trace: {path.name}, steps {steps}; ")
    assert heard.done == sorted(heard.done)


def test_a_trace_is_compressed_beyond_so_many_occupancies(tiny, tmp_path, monkeypatch):
    source, told = source_of(tiny), Told()
    observe(source.graph, told)
    number = len(told.occupancies)
    monkeypatch.setattr(write, "LARGE", number)
    assert write_trace(tiny, Trace("perfetto"), tmp_path.joinpath).suffix == ".json"
    monkeypatch.setattr(write, "LARGE", number - 1)
    packed = write_trace(tiny, Trace("perfetto"), tmp_path.joinpath)
    assert packed.suffix == ".gz"
    slices = json.loads(gzip.decompress(packed.read_bytes()))["traceEvents"]
    layers = [e for e in slices if e["ph"] == "X" and e["pid"] > 2]
    assert len(layers) == number


@pytest.mark.parametrize(
    ("window", "missing"),
    [
        (Window(0, 63), None),
        (Window(63), None),
        (Window(0, 64), 64),
        (Window(64), 64),
        (WHOLE, None),
    ],
)
def test_windows_end_with_the_sequence(window, missing):
    if missing is None:
        Trace("vcd", window).check(64)
        return
    text = rf"step {missing} does not exist, the sequence has 64 \(0 to 63\)"
    with pytest.raises(InputError, match=text):
        Trace("vcd", window).check(64)


def test_paths_are_taken_apart_as_the_processes_are():
    assert process_of("chip.layer1.tile3.adc") == "chip.layer1"
    assert process_of("chip.vector") == "chip"
    assert ComponentPath("chip.layer1.tile3.adc").part == "adc"


@pytest.mark.parametrize("clock", ["800 MHz", "400 MHz"])
def test_cycles_are_those_of_the_clock_whatever_the_tick(clock, tmp_path):
    result = imssa_sim.run(TINY, {"hardware.chip.clock": clock}, accuracy=False).record.result
    source = source_of(result)
    cycle_ns = 10**9 / Fraction(result.loaded.config.hardware.chip.clock)
    assert source.cycle * 10**9 == cycle_ns
    assert source.tick != source.cycle
    path = write_trace(result, Trace("perfetto", Window(3, 4)), tmp_path.joinpath)
    trace = json.loads(path.read_text("utf-8"))
    slices = [e for e in trace["traceEvents"] if e["ph"] == "X"]
    assert slices
    for event in slices:
        held = event["args"]
        assert held["cycles"] * float(cycle_ns) == pytest.approx(held["ns"])
        assert held["start_cycle"] * float(cycle_ns) == pytest.approx(held["start_ns"])
        assert event["ts"] * 1000 == pytest.approx(held["start_ns"])
        assert event["dur"] * 1000 == pytest.approx(held["ns"])
    assert trace["otherData"]["clock_cycle_s"] == pytest.approx(float(cycle_ns) * 1e-9)
    assert trace["otherData"]["tick_s"] == float(source.tick)
    told = Told()
    observe(source.graph, told, Window(3, 4))
    tick_ns = float(source.tick * 10**9)
    ends = {round(e["args"]["start_ns"] / tick_ns) for e in slices}
    assert {start for *_, start, _ in told.occupancies} <= ends
