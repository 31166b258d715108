"""Traces as a user asks for them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

import imssa_sim
from imssa_sim.errors import InternalError
from imssa_sim.timing.observe import Window
from imssa_sim.traces.write import Trace, wanted_trace, write_trace

from .conftest import TINY


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("3:5", Window(3, 5)),
        (":5", Window(0, 5)),
        ("3:", Window(3, None)),
        (":", Window()),
        ((3, 5), Window(3, 5)),
        (None, Window()),
    ],
)
def test_windows(text, window):
    assert wanted_trace("vcd", text) == Trace("vcd", window)


@pytest.mark.parametrize(
    ("kind", "window", "message"),
    [
        ("vdc", None, "trace 'vdc' is unknown; did you mean 'vcd'?"),
        ("vcd", "5", "expected FIRST:LAST"),
        ("vcd", "-1:4", "expected FIRST:LAST"),
        ("vcd", (1, 2, 3), "expected FIRST:LAST"),
        ("vcd", "5:3", "ends before it begins"),
        (None, "3:5", "needs a trace"),
    ],
)
def test_bad_requests(kind, window, message):
    with pytest.raises(imssa_sim.InputError, match=message.replace("?", r"\?")):
        wanted_trace(kind, window)


def test_no_trace_is_none():
    assert wanted_trace(None, None) is None


class Heard:
    def __init__(self):
        self.notes = []

    def phase(self, name, total): ...

    def advance(self, done): ...

    def note(self, message):
        self.notes.append(message)


@pytest.mark.parametrize("engine", ["auto", "recurrence"])
def test_a_run_leaves_a_trace_and_says_so(tmp_path, engine):
    heard = Heard()
    settings = {"hardware.chip.arbitration": "static"}
    run = imssa_sim.run(
        TINY, settings, engine=engine, save=tmp_path / "run", figures=False,
        trace="vcd", trace_window=(0, 3), progress=heard,
    )  # fmt: skip
    assert (tmp_path / "run" / "trace.vcd").stat().st_size > 1000
    assert any("without fast-forward" in note and "steps 0 to 3" in note for note in heard.notes)
    plain = imssa_sim.run(TINY, settings, engine=engine)
    assert plain.timing.equals(run.timing)  # a trace changes nothing
    assert imssa_sim.open_run(tmp_path / "run") == run


def test_a_run_that_is_saved_later_leaves_its_trace_there(tmp_path):
    run = imssa_sim.run(TINY, trace="perfetto", trace_window="0:1")
    saved = run.save(tmp_path / "later", figures=False)
    copied = imssa_sim.open_run(saved).save(tmp_path / "copy", figures=False)
    texts = {(folder / "trace.perfetto.json").read_text("utf-8") for folder in (saved, copied)}
    assert len(texts) == 1


def test_a_window_behind_the_end_is_refused_before_anything_is_computed(tmp_path):
    with pytest.raises(imssa_sim.InputError, match="step 64 does not exist, the sequence has 64"):
        imssa_sim.run(TINY, trace="vcd", trace_window="60:64", save=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_trace_that_disagrees_with_the_run_is_refused(tiny, tmp_path):
    first, *rest = tiny.timing.segments
    wrong = replace(first, end=first.end + 1)
    timing = replace(tiny.timing, segments=(wrong, *rest))
    with pytest.raises(InternalError, match="the trace ends at tick"):
        write_trace(replace(tiny, timing=timing), Trace("vcd"), tmp_path.joinpath)


@pytest.mark.parametrize("kind", ["vcd", "perfetto"])
def test_sdigits_is_traced_in_full_in_seconds(tmp_path, kind):
    settings = {"evaluate.chips": 1, "evaluate.samples": 4}
    result = imssa_sim.run("sdigits", set=settings).record.result
    begin = time.process_time()
    write_trace(result, Trace(kind), tmp_path.joinpath)
    assert time.process_time() - begin < 5
