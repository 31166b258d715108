"""Worker processes that hand back each result as it comes, and end when their parent does.

This module imports nothing heavy: a worker sets its threads before anything is loaded.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from imssa_sim.threads import available

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

Item = TypeVar("Item")
Result = TypeVar("Result")

_THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_groups(
    work: Callable[[list[Item]], Iterator[Result]],
    groups: Sequence[list[Item]],
    jobs: int,
    lost: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """Yield the results of all items of all groups, in whatever order they come.

    Parameters
    ----------
    work : callable
        Yields one result an item, in order; a function of a module, as it goes to the workers.
    groups : sequence of lists
        Each is worked on by one process.
    jobs : int
        Worker processes, -1 for one a processor; with one of them or one group, none is started.
    lost : callable
        Makes the result of an item whose worker died, of the item and why.
    """
    number = min(available() if jobs < 1 else jobs, len(groups))
    if number <= 1:
        for group in groups:
            yield from work(group)
        return
    waiting = deque(groups)
    threads = max(1, available() // number)
    workers = [_Worker(work, threads) for _ in range(number)]
    try:
        for worker in workers:
            worker.give(waiting.popleft())
        while busy := [worker for worker in workers if worker.pending]:
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection not in ready:
                    continue
                try:
                    yield worker.take()
                except (EOFError, OSError):
                    item = worker.pending.popleft()
                    if worker.pending:
                        waiting.append(list(worker.pending))
                    workers.remove(worker)
                    yield lost(item, worker.end())
                    if waiting:
                        worker = _Worker(work, threads)
                        workers.append(worker)
                if waiting and not worker.pending and worker in workers:
                    worker.give(waiting.popleft())
    finally:
        for worker in workers:
            worker.end()


class _Worker(Generic[Item, Result]):
    """One process, and what it has still to give back."""

    def __init__(self, work: Callable[[list[Item]], Iterator[Result]], threads: int) -> None:
        # A fresh interpreter, on every system: a fork would take over locks and threads.
        context = multiprocessing.get_context("spawn")
        self.pending: deque[Item] = deque()
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, threads), daemon=True
        )
        self._process.start()
        theirs.close()
        self.connection.send(work)

    def give(self, group: list[Item]) -> None:
        """Send a group to work on."""
        self.pending.extend(group)
        with suppress(OSError):  # one that has died is found by whoever takes its results
            self.connection.send(group)

    def take(self) -> Result:
        """Return the next result, waiting for it."""
        result: Result = self.connection.recv()
        self.pending.popleft()
        return result

    def end(self) -> str:
        """End the process; return how it ended, had it done so by itself."""
        self.connection.close()
        self._process.join(0.5)
        code = self._process.exitcode
        if code is None:
            self._process.terminate()
            self._process.join()
        elif code < 0:
            name = signal.Signals(-code).name
            return f"its process was killed ({name}{', out of memory?' if code == -9 else ''})"
        return f"its process ended with code {code}"


def _serve(connection: Connection[Any, Any], threads: int) -> None:
    """Work on groups until there are no more."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends this
    for name in _THREADS:
        os.environ[name] = str(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        work = connection.recv()  # loads the package, with the threads set
        while True:
            for result in work(connection.recv()):
                connection.send(result)


def _end_with_parent() -> None:
    """Wait for the parent's end, and end at once."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
