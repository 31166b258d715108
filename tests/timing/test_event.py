"""Elaboration, errors, probes and the limits of fast-forward."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import simpy

from imssa_sim.errors import ValidityError
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.components import ElaborationError, Fifo, TimingError
from imssa_sim.timing.event import build_design, run_event
from imssa_sim.timing.graph import Channel
from imssa_sim.timing.record import Recorder
from imssa_sim.timing.recurrence import run_recurrence

from .programs import operation, pipeline, serial, stage


def segment_of(stages, tokens=50, bypasses=(), arbitration="fifo"):
    (segment,) = build_graph(stages, bypasses, tokens, serial, arbitration).segments
    return segment


def test_unconnected_port_is_named():
    design = build_design(segment_of(pipeline([2, 3])))
    design.stations[1].output()
    with pytest.raises(ElaborationError, match=r"chip\.s1\.lut\.out0: not connected"):
        design.elaborate()


def test_a_port_takes_one_wire():
    design = build_design(segment_of(pipeline([2, 3])))
    port = design.stations[0].outputs[0]
    with pytest.raises(ElaborationError, match=r"chip\.s0\.lut\.out0: connected to"):
        port.connect(Fifo(design.env, "chip.other", 1))


def test_paths_are_unique():
    segment = segment_of(pipeline([2, 3]))
    twice = replace(segment, channels=segment.channels * 2)
    with pytest.raises(ElaborationError, match="2 components have this path"):
        build_design(twice).elaborate()


def test_no_start_before_elaboration():
    with pytest.raises(ElaborationError, match="before it was elaborated"):
        build_design(segment_of(pipeline([2]))).start()


def test_lock_up_names_who_waits_for_what():
    segment = segment_of(pipeline([2, 3]))
    circle = replace(segment, channels=(*segment.channels, Channel("chip.back.fifo", 1, 0, 4)))
    with pytest.raises(TimingError, match=r"chip\.s0\.lut waits for chip\.back\.fifo"):
        run_event(circle)


@pytest.mark.parametrize("error", [ElaborationError("a.b: text"), TimingError("text")])
def test_errors_survive_simpy_and_pickling(error):
    def failing(env):
        yield env.timeout(1)
        raise error

    env = simpy.Environment()
    env.process(failing(env))
    with pytest.raises(type(error), match=str(error)):
        env.run()
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_latency_that_depends_on_the_token():
    segment = segment_of(pipeline([2, 3]), tokens=40)
    rng = np.random.default_rng(1)
    ticks = rng.integers(1, 9, 40)
    first = segment.stations[0]
    slow = replace(first.phases[0], varying=lambda token: int(ticks[token]))
    varying = replace(segment, stations=(replace(first, phases=(slow,)), *segment.stations[1:]))
    for run in (lambda: run_event(varying, fast_forward=True), lambda: run_recurrence(varying)):
        with pytest.raises(ValidityError, match=r"chip\.s0\.unit.* depends on the token"):
            run()
    # FIFO of 4 in front of a server of 3: the Lindley recursion with blocking, by hand.
    done0, done1, starts1 = [], [], []
    for k in range(40):
        start0 = done0[-1] if done0 else 0
        end0 = start0 + int(ticks[k])
        if k >= 4:
            end0 = max(end0, starts1[k - 4])
        done0.append(end0)
        starts1.append(max(end0, done1[-1] if done1 else 0))
        done1.append(starts1[-1] + 3)
    recorder = Recorder(None)
    result = run_event(varying, probe=recorder)
    assert result.end == done1[-1]
    assert [recorder.ends[0, k] for k in range(40)] == done0
    assert result.busy[0] == (int(ticks.sum()),)


def test_fast_forward_refuses_a_trace():
    with pytest.raises(ValidityError, match="a trace of the whole run is asked for"):
        run_event(segment_of(pipeline([2, 3])), fast_forward=True, probe=Recorder(None))


def test_long_transients_are_found():
    # The FIFOs in front of the slow station fill at one token in 100: thousands of ticks pass
    # before anything repeats.
    segment = segment_of(pipeline([99, 100, 99, 101, 98], capacity=4), tokens=20_000)
    fast = run_event(segment, fast_forward=True)
    recurrence = run_recurrence(segment)
    assert fast.period is not None
    assert fast.period.found_at > 400
    assert fast.end == recurrence.last_end.max()
    assert fast.events < 50_000


def test_one_event_per_occupancy():
    # No waiting anywhere but for tokens: each firing of the source is a single event, each of
    # the others that and the arrival of its token.
    segment = segment_of([stage("chip.a", operation("chip.a.unit", 3))], tokens=100)
    assert run_event(segment).events == 100 + 2  # start and end of the process
