"""What people are told of a run: notes always, phases where wanted, numbers where it takes long."""

from __future__ import annotations

import io
from typing import Any

import pytest

from imssa_sim.api import progress as module
from imssa_sim.api.progress import TerminalProgress, told_of
from imssa_sim.errors import InputError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module.time, "monotonic", found)
    return found


def spoken(clock: Clock, at: list[tuple[float, int]], total: int = 90, **how: Any) -> None:
    with TerminalProgress(**how) as told:
        told.phase("analog", total)
        for seconds, done in at:
            clock.now = 100.0 + seconds
            told.advance(done)


def test_a_long_phase_says_how_far_it_is(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    spoken(clock, [(1, 5), (4.9, 10), (5.1, 20), (9, 30), (10.2, 40)])
    assert capsys.readouterr().err == "analog: 20/90\nanalog: 40/90\n"
    spoken(clock, [(6, 5)], total=0)
    assert capsys.readouterr().err == ""
    spoken(clock, [(6, 5)], quiet=True)
    assert capsys.readouterr().err == ""


def test_nothing_is_said_before_a_phase_is_slow(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.5)
    spoken(clock, [(1.9, 5), (2.1, 10)])
    assert capsys.readouterr().err == "analog: 10/90\n"


def test_wall_times_of_all_phases(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress(verbose=True) as told:
        clock.now = 101.0
        told.phase("data", 0)
        clock.now = 103.5
        told.phase("analog", 4)
        told.note("a note")
        clock.now = 104.0
    err = capsys.readouterr().err.splitlines()
    assert err[:3] == ["data: 2.50 s", "a note", "analog: 0.50 s"]
    assert err[3].startswith("in all: 4.00 s, of processors ")
    assert "peak memory" in err[3]


def test_a_failed_run_says_no_times(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), TerminalProgress(verbose=True) as told:
        told.phase("data", 0)
        raise ZeroDivisionError
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("how", "term", "drawn"),
    [({}, "xterm", True), ({"quiet": True}, "xterm", False), ({}, "dumb", False)],
)
def test_a_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, how: dict[str, bool], term: str, drawn: bool
) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", term)
    with TerminalProgress(**how) as told:
        told.phase("analog", 8)
        told.advance(6)
        if drawn:
            (task,) = told._bar.tasks  # type: ignore[union-attr]
            assert (task.description, task.completed, task.total) == ("analog", 6, 8)
        assert (told._bar is not None) is drawn
        told.note("a note")
        assert told._bar is None
    assert "a note" in stream.getvalue()
    assert ("analog" in stream.getvalue()) is drawn


def test_who_is_told() -> None:
    class Own:
        def phase(self, name: str, total: int) -> None: ...

        def advance(self, done: int) -> None: ...

        def note(self, message: str) -> None: ...

    own = Own()
    with told_of(own) as told:
        assert told is own
    for wanted in (True, False):
        people = told_of(wanted)
        assert isinstance(people, TerminalProgress)
        assert people._quiet is not wanted
    for missing in ("phase", "advance", "note"):
        broken = type("Broken", (Own,), {missing: None})()
        with pytest.raises(InputError, match="expected True, False, or an object"):
            told_of(broken)
