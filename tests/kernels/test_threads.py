"""Plain threads: every piece is done once, errors reach the caller, threads are used again."""

from __future__ import annotations

import os
import threading
from itertools import count

import pytest

from imssa_sim.kernels._threads import run_threads


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_piece_is_done_once_by_all_threads(threads):
    counter, done, helping = count(), [], set()
    together = threading.Barrier(threads)

    def task():
        together.wait(timeout=60)  # so that no thread does it all
        helping.add(threading.get_ident())
        while (piece := next(counter)) < 100:
            done.append(piece)

    run_threads(threads, task)
    assert sorted(done) == list(range(100))
    assert len(helping) == threads
    assert threading.get_ident() in helping


def test_threads_are_kept():
    def numbers():
        seen, together = set(), threading.Barrier(3)

        def task():
            together.wait(timeout=60)
            seen.add(threading.get_ident())

        run_threads(3, task)
        return seen

    assert numbers() == numbers()


@pytest.mark.parametrize("own", [True, False])
def test_an_error_reaches_the_caller_after_all_have_ended(own):
    caller, ended = threading.get_ident(), []

    def task():
        if (threading.get_ident() == caller) == own:
            raise KeyError("lost")
        ended.append(True)

    with pytest.raises(KeyError, match="lost"):
        run_threads(2, task)
    assert ended == [True]


def test_a_task_may_use_threads_of_its_own():
    done = []
    run_threads(2, lambda: run_threads(2, lambda: done.append(True)))
    assert len(done) == 4


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system pins no threads")
def test_threads_may_use_all_cores_of_the_process():
    seen, together = [], threading.Barrier(3)

    def task():
        seen.append(os.sched_getaffinity(0))
        together.wait(timeout=60)

    for _ in range(3):
        run_threads(3, task)
    assert seen == [os.sched_getaffinity(os.getpid())] * 9
