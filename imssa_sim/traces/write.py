"""A trace of a run, written to a file while the timing runs once more in full."""

from __future__ import annotations

import gzip
import io
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from imssa_sim.errors import InputError, InternalError, nearest
from imssa_sim.simulation.progress import Silent
from imssa_sim.timing.observe import WHOLE, Window, observe
from imssa_sim.traces.perfetto import PerfettoTrace
from imssa_sim.traces.source import TraceSource
from imssa_sim.traces.vcd import VcdTrace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from imssa_sim.simulation.progress import Progress
    from imssa_sim.simulation.result import RunResult
    from imssa_sim.timing.event import EventResult
    from imssa_sim.timing.observe import Observer

KINDS = ("vcd", "perfetto")
LARGE = 100_000
"""Occupancies from which a Perfetto trace is compressed (a kilobyte each before)."""


@dataclass(frozen=True)
class Trace:
    """What trace a run is to leave behind.

    Attributes
    ----------
    kind : {"vcd", "perfetto"}
    window : Window
        First and last token.
    """

    kind: str
    window: Window = WHOLE

    def check(self, steps: int) -> None:
        """Refuse a window that a sequence of so many steps does not have.

        Raises
        ------
        InputError
        """
        last = self.window.last if self.window.last is not None else self.window.first
        if last >= steps:
            raise InputError(
                f"trace window: step {last} does not exist, the sequence has {steps} "
                f"(0 to {steps - 1})"
            )


def wanted_trace(kind: str | None, window: str | tuple[int, int] | None) -> Trace | None:
    """Return what trace is asked for, None without one.

    Parameters
    ----------
    kind : {"vcd", "perfetto"}, optional
    window : str or tuple, optional
        Steps ``"FIRST:LAST"`` (either may be left out), or (first, last).

    Raises
    ------
    InputError
        An unknown kind, a window without a trace, of another form, or that ends before it begins.
    """
    if kind is None:
        if window is not None:
            raise InputError("a trace window needs a trace: give --trace vcd or --trace perfetto")
        return None
    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        raise InputError(
            f"trace '{kind}' is unknown"
            + (f"; did you mean '{hint}'?" if hint else "")
            + f" (one of {', '.join(KINDS)})"
        )
    if window is None:
        return Trace(kind)
    text = window if isinstance(window, str) else ":".join(map(str, window))
    found = re.fullmatch(r"\s*(\d*)\s*:\s*(\d*)\s*", text)
    if not found:
        raise InputError(
            f"trace window '{text}': expected FIRST:LAST, numbers of steps from 0, such as 10:19"
        )
    first = int(found[1] or 0)
    last = int(found[2]) if found[2] else None
    if last is not None and last < first:
        raise InputError(f"trace window '{text}': it ends before it begins")
    return Trace(kind, Window(first, last))


def write_trace(
    result: RunResult,
    trace: Trace,
    place: Callable[[str], Path],
    progress: Progress | None = None,
) -> Path:
    """Write a trace of a run: the timing runs event by event, and is written as it goes.

    Parameters
    ----------
    result : RunResult
    trace : Trace
    place : callable
        Name of a file -> where to write it.
    progress : Progress, optional
        Told how far it is, and at the end what was written.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InternalError
        If the events differ from the times and counts of the run.
    OSError
        If the file cannot be written.
    """
    told = Silent() if progress is None else progress
    source = TraceSource(
        result.program, result.loaded.config.hardware, result.timing, result.ledger
    )
    graph = source.graph
    told.phase("trace", sum(segment.tokens for segment in graph.segments))
    size = sum(s.firings * len(phase.parts) for s in graph.stations for phase in s.phases)
    name = "trace.vcd"
    if trace.kind == "perfetto":
        whole = trace.window == WHOLE
        name = "trace.perfetto.json" + (".gz" if size > LARGE and whole else "")
    path = place(name)
    with _opened(path) as file:
        observer: Observer = (VcdTrace if trace.kind == "vcd" else PerfettoTrace)(source, file)
        results = observe(graph, observer, trace.window, told.advance)
    _agree(source, results)
    last = trace.window.last
    steps = source.program.sequence_length
    told.note(
        f"trace: {path.name}, steps {trace.window.first} to {steps - 1 if last is None else last}; "
        "simulated event by event, without fast-forward, and equal to the run's times to the tick"
    )
    return path


def _agree(source: TraceSource, results: Sequence[EventResult]) -> None:
    timing = source.timing
    for segment, found, known in zip(source.graph.segments, results, timing.segments, strict=True):
        if (found.first_output, found.end) != (known.first_output, known.end):
            raise InternalError(
                f"{segment.path}: the trace ends at tick {found.end}, the run at {known.end}"
            )


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    if path.suffix != ".gz":
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=5, fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as file,
    ):
        yield file
