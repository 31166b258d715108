"""Plain threads over compiled functions that release the GIL.

Numba's own parallel loops are not used: they add seconds to the compilation, their OpenMP layer
does not survive a fork, and the work here falls into pieces that need no more than a counter.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from threading import Thread

Task = Callable[[], None]


class _Helper:
    """A thread that waits for tasks; it is kept, as starting one takes longer than many a task."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[tuple[Task, SimpleQueue[BaseException | None]]] = SimpleQueue()
        self.thread = Thread(target=self._serve, name="imssa_sim kernels", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            task, done = self.tasks.get()
            error = None
            try:
                _allow(0, _own_cores())
                task()
            except BaseException as raised:  # handed to the caller
                error = raised
            _idle.append(self)
            done.put(error)
            del task, done, error  # nothing is held while waiting


_idle: list[_Helper] = []
os.register_at_fork(after_in_child=_idle.clear)  # threads do not survive a fork


def _own_cores() -> set[int]:
    """Cores that this process may use; empty where the system does not tell."""
    return os.sched_getaffinity(os.getpid()) if hasattr(os, "sched_getaffinity") else set()


def _allow(thread: int | None, cores: set[int]) -> None:
    if cores and thread is not None:
        with suppress(OSError):  # the cores were taken away meanwhile
            os.sched_setaffinity(thread, cores)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _this_core() -> int:
    try:
        return int(_libc().sched_getcpu())
    except (AttributeError, OSError, TypeError):  # not Linux
        return -1


def run_threads(threads: int, task: Task) -> None:
    """Call ``task`` on several threads at once, this one among them, and wait for all.

    The calls share out the work among themselves, by a counter.
    """
    done: SimpleQueue[BaseException | None] = SimpleQueue()
    # Linux likes to wake a thread on the core of the one that wakes it, and takes milliseconds to
    # part them; so helpers wake anywhere else, and are free again as soon as they run.
    elsewhere = _own_cores() - {_this_core()} if threads > 1 else set()
    for _ in range(threads - 1):
        try:
            helper = _idle.pop()
        except IndexError:
            helper = _Helper()
        _allow(helper.thread.native_id, elsewhere)
        helper.tasks.put((task, done))
    try:
        task()
    finally:
        errors = [done.get() for _ in range(threads - 1)]
    for error in errors:
        if error is not None:
            raise error
