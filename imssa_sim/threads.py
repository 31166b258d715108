"""How many threads a piece of work may use.

The count belongs to the thread of execution that sets it: a worker of a pool that set it to one
does not start threads of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import Context, ContextVar, copy_context
from functools import cache
from itertools import islice
from threading import Event
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

Begin = Callable[[Callable[[], Any]], Callable[[], Any]]

_count: ContextVar[int | None] = ContextVar("threads", default=None)
_given_up: ContextVar[Event | None] = ContextVar("nobody waits for the results", default=None)


def available() -> int:
    """Return the threads that this process may use: ``NUMBA_NUM_THREADS``, or its processors.

    Numba's own variable, because pools of processes set it to share a machine among them.
    """
    given = os.environ.get("NUMBA_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def current() -> int:
    """Return the threads that work started here may use."""
    count = _count.get()
    return available() if count is None else count


@contextmanager
def use_threads(count: int | None = None) -> Iterator[int]:
    """Let the work of a ``with`` block use ``count`` threads (None: as many as before).

    BLAS, NumPy's and SciPy's, is kept to one thread meanwhile: its callers run side by side, and
    threads that wait for each other on small blocks cost ten to a hundred times their work on a
    busy machine. Sums then do not depend on how many threads BLAS would take, either.
    """
    token = _count.set(current() if count is None else max(1, min(count, available())))
    with ExitStack() as stack:
        stack.callback(_count.reset, token)
        stack.enter_context(_libraries().limit(limits=1, user_api="blas"))
        yield current()


def ordered_map(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield ``work(item)`` for all items in their order, computed on as many threads as allowed.

    ``work`` should spend its time where the interpreter's lock is released: in NumPy, SciPy and
    compiled kernels.
    """
    count, given_up = current(), _given_up.get()

    def unless_given_up(item: Item) -> Result:
        if given_up is not None and given_up.is_set():
            raise CancelledError
        return work(item)

    if count == 1:
        yield from map(unless_given_up, items)
        return
    with ThreadPoolExecutor(count, initializer=_inherit, initargs=(copy_context(),)) as pool:
        yield from pool.map(unless_given_up, items)


@contextmanager
def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Iterator[Result]]:
    """Give ``work(item)`` for all items in their order, each computed while that before is used.

    The first begins with the ``with`` block. One thread computes them, beside those that use them;
    where only one is allowed, they are computed when they are asked for. If the block is left
    before all were asked for, the one in work ends at the next item of its `ordered_map`.
    """
    if current() == 1:
        yield map(work, items)
        return
    given_up, rest = Event(), iter(items)
    arguments = copy_context(), given_up
    with ThreadPoolExecutor(1, initializer=_inherit, initargs=arguments) as pool:

        def begun() -> list[Future[Result]]:
            return [pool.submit(work, item) for item in islice(rest, 1)]

        def in_turn(upcoming: list[Future[Result]]) -> Iterator[Result]:
            while upcoming:
                done = upcoming.pop().result()
                upcoming += begun()
                yield done
                del done  # no third one is held while the next is waited for

        try:
            yield in_turn(begun())
        finally:
            given_up.set()


@contextmanager
def begun() -> Iterator[Begin]:
    """Give a function that begins work beside this thread, and returns what waits for it.

    One piece after the other; each may use as many threads as this one. Where only one thread is
    allowed, work is done when it is first waited for. If the block is left before, the piece in
    work ends at the next item of its `ordered_map`, and the following are not begun.
    """
    count = current()
    if count == 1:
        yield cache
        return
    given_up = Event()
    arguments = copy_context(), given_up, count
    with ThreadPoolExecutor(1, initializer=_inherit, initargs=arguments) as pool:
        try:
            yield lambda work: pool.submit(work).result
        finally:
            given_up.set()
            pool.shutdown(cancel_futures=True)


def _inherit(context: Context, given_up: Event | None = None, count: int = 1) -> None:
    """Begin a thread with what holds for the one that waits for it, and ``count`` of its own."""
    for variable, value in context.items():
        variable.set(value)
    _count.set(count)
    if given_up is not None:
        _given_up.set(given_up)


@cache
def _libraries() -> Any:
    # Both load a BLAS of their own; one that is loaded later would not be held.
    import numpy.linalg  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
