"""Progress on standard error: a bar on a terminal, sparse lines in a pipe, nothing when quiet."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Self

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

    from rich.progress import Progress as Bar

    from imssa_sim.simulation.progress import Progress as Told

PATIENCE = 2.0
"""Seconds before a phase shows progress."""
INTERVAL = 5.0
"""Seconds between progress lines in a pipe."""


class TerminalProgress:
    """A `imssa_sim.simulation.progress.Progress` for people.

    Parameters
    ----------
    quiet : bool
        Show nothing but notes.
    verbose : bool
        Also a line with the wall time of every phase, and one with what all took.
    """

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._bar: Bar | None = None
        self._task: object = None
        self._name = ""
        self._total = 0
        self._begin = 0.0
        self._spoken = 0.0
        self._entered = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._finish(kind is None)
        if kind is None and self._verbose:
            print(_usage(time.monotonic() - self._entered), file=sys.stderr, flush=True)

    def note(self, message: str) -> None:
        """Say something at once; also when quiet, because results depend on it."""
        self._clear()
        print(message, file=sys.stderr, flush=True)

    def phase(self, name: str, total: int) -> None:
        """Begin a phase."""
        self._finish(True)
        self._name, self._total = name, total
        self._begin = self._spoken = time.monotonic()
        if not self._quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._start_bar()

    def advance(self, done: int) -> None:
        """Report ``done`` of the phase's units."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)  # type: ignore[arg-type]
            return
        now = time.monotonic()
        slow = now - self._begin > PATIENCE and now - self._spoken > INTERVAL
        if not self._quiet and slow and self._total:
            self._spoken = now
            print(f"{self._name}: {done}/{self._total}", file=sys.stderr, flush=True)

    def _start_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%" if self._total else ""),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(self._name, total=self._total or None)

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _finish(self, well: bool) -> None:
        self._clear()
        seconds = time.monotonic() - self._begin
        if self._name and well and self._verbose:
            print(f"{self._name}: {seconds:.2f} s", file=sys.stderr, flush=True)
        self._name = ""


def told_of(progress: Told | bool) -> AbstractContextManager[Told]:
    """Return who is told of a run: an own object, people (True), or people of notes alone.

    Raises
    ------
    InputError
        If it is neither a bool nor can be told of phases and notes.
    """
    if isinstance(progress, bool):
        return TerminalProgress(quiet=not progress)
    if not all(callable(getattr(progress, name, None)) for name in ("phase", "advance", "note")):
        raise InputError(
            "progress: expected True, False, or an object with the methods phase, advance and note"
        )
    return nullcontext(progress)


def _usage(seconds: float) -> str:
    from imssa_sim.simulation.clock import peak_memory

    memory = peak_memory()
    peak = "" if memory is None else f", peak memory {memory / 2**20:.0f} MiB"
    busy = sum(os.times()[:4])  # of processes that this one waited for, too
    return f"in all: {seconds:.2f} s, of processors {busy:.2f} s{peak}"
