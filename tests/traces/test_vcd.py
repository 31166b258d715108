"""VCD: legal, exact to the tick, and unchanged by GTKWave's tools."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

import pytest

from imssa_sim.timing.event import run_event
from imssa_sim.timing.observe import WHOLE, Window, observe
from imssa_sim.timing.record import Recorder
from imssa_sim.traces.source import TraceSource
from imssa_sim.traces.vcd import VcdTrace, timescale
from imssa_sim.traces.write import Trace, write_trace
from tests.traces.dumps import busy_intervals, read_dump


def source_of(result):
    return TraceSource(result.program, result.loaded.config.hardware, result.timing, result.ledger)


@pytest.mark.parametrize(
    ("tick", "text", "units"),
    [
        (Fraction(1, 10**9), "1 ns", 1),
        (Fraction(5, 10**10), "100 ps", 5),
        (Fraction(1, 10**8), "10 ns", 1),
        (Fraction(3, 10**12), "1 ps", 3),
        (Fraction(200), "100 s", 2),
        (Fraction(1, 3 * 10**9), "1 fs", Fraction(10**6, 3)),
    ],
)
def test_timescale_divides_the_tick(tick, text, units):
    assert timescale(tick) == (text, units)


@pytest.fixture(scope="module")
def dump(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return read_dump(write_trace(result, Trace("vcd"), folder.joinpath))


def test_times_are_the_engines_to_the_tick(result, dump):
    scale, changes = dump
    assert scale == "1 ns"
    assert result.timing.tick == 1e-9
    source = source_of(result)
    expected = defaultdict(list)
    begin = 0
    for segment in source.graph.segments:
        recorder = Recorder(None)
        end = run_event(segment, probe=recorder).end
        for (s, k), spans in recorder.phases.items():
            for phase, (start, _) in zip(segment.stations[s].phases, spans, strict=True):
                now = begin + start
                for part in phase.parts:
                    name = f"{part.component}.{part.action}_token"
                    expected[name].append((k, now, now + part.ticks))
                    now += part.ticks
        for (s, k), start in recorder.starts.items():
            expected[f"{segment.stations[s].path}.token"].append(
                (k, begin + start, begin + recorder.ends[s, k])
            )
        begin += end
    tokens = {name for name in changes if name.endswith("token")}
    assert tokens == set(expected)
    for name in tokens:
        assert busy_intervals(changes[name]) == sorted(expected[name], key=lambda e: e[1]), name


def test_a_bit_is_set_while_an_action_is_done(dump):
    _, changes = dump
    for name, tokens in changes.items():
        if not name.endswith("_token"):
            continue
        busy = changes[name.removesuffix("_token")]
        for (time, value), (end, _) in pairwise(busy):
            inside = {v == "z" for t, v in tokens if time <= t < end}
            assert inside <= {value == "0"}


def test_every_component_fifo_and_arbiter_is_there(result, dump):
    _, changes = dump
    scopes = {name.rpartition(".")[0] for name in changes}
    assert set(result.timing.busy) <= scopes
    fills = {name for name in changes if name.endswith(".fill")}
    segments = source_of(result).graph.segments
    assert fills == {f"{c.path}.fill" for segment in segments for c in segment.channels}
    assert {name for name in changes if name.endswith(".user")} >= {"chip.vector.user"}
    assert all(int(value) >= 0 for name in fills for _, value in changes[name])
    states = {v for name, held in changes.items() if name.endswith(".state") for _, v in held}
    assert states <= {"idle", "works", "waits", "blocked"}
    assert {"idle", "works", "waits"} <= states


def test_an_arbiter_serves_who_works_and_counts_who_waits(dump):
    _, changes = dump
    for name in [n for n in changes if n.endswith(".user")]:
        waiting = changes[name.removesuffix("user") + "waiting"]
        assert waiting[-1][1] == "0"
        assert changes[name][-1][1] == ""
    users = {v for name, held in changes.items() if name.endswith(".user") for _, v in held}
    assert users - {""} <= {name.removesuffix(".state") for name in changes}


@pytest.mark.parametrize("window", [WHOLE, Window(3, 5)])
def test_gtkwaves_tools_give_it_back_unchanged(result, tmp_path, window):
    if shutil.which("vcd2fst") is None or shutil.which("fst2vcd") is None:
        pytest.skip("GTKWave's vcd2fst and fst2vcd are not installed")
    path = write_trace(result, Trace("vcd", window), tmp_path.joinpath)
    packed, back = tmp_path / "trace.fst", tmp_path / "back.vcd"
    subprocess.run(["vcd2fst", path, packed], check=True, capture_output=True)
    subprocess.run(["fst2vcd", packed, "-o", back], check=True, capture_output=True)
    assert read_dump(back) == read_dump(path)


def test_a_window_is_a_part_of_the_whole(result, dump, tmp_path):
    path = write_trace(result, Trace("vcd", Window(3, 5)), tmp_path.joinpath)
    text = path.read_text("utf-8").split("$enddefinitions $end\n")[1]
    times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert times == sorted(set(times))
    start, stop = times[0], times[-1]
    assert 0 < start < stop < result.timing.end_to_end_ticks
    (_, part), (_, all_of_it) = read_dump(path), dump
    for name, changes in all_of_it.items():
        before = [value for time, value in changes if time <= start][-1:]
        inside = [(time, value) for time, value in changes if start < time < stop]
        shown = [(time, value) for time, value in part[name] if time < stop]
        assert shown == [*((start, value) for value in before), *inside], name


def test_a_tick_of_no_decimal_fraction_is_rounded_to_femtoseconds(tiny):
    class Odd(TraceSource):
        tick = Fraction(1, 3 * 10**9)

    source = Odd(tiny.program, tiny.loaded.config.hardware, tiny.timing, tiny.ledger)
    file = io.StringIO()
    observe(source.graph, VcdTrace(source, file))
    assert "$timescale 1 fs $end" in file.getvalue()
    assert f"#{round(tiny.timing.end_to_end_ticks * 10**6 / 3)}" in file.getvalue()
