from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import weakref

import pytest

from imssa_sim.threads import ahead, available, begun, current, ordered_map, use_threads


def test_the_count_is_numbas_variable_or_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "7")
    assert available() == current() == 7
    monkeypatch.setenv("NUMBA_NUM_THREADS", "many")
    assert available() >= 1


def test_counts_nest_and_end_with_their_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "4")
    with use_threads(2) as count:
        assert count == current() == 2
        with use_threads():
            assert current() == 2  # as many as before
        with use_threads(99):
            assert current() == 4  # no more than there are
    assert current() == 4


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_order_and_workers_stay_alone(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    started = threading.Barrier(count)  # passes only if so many work at once

    def work(item: int) -> tuple[int, int]:
        if item < count:
            started.wait(20)
        return item, current()

    with use_threads(count):
        assert list(ordered_map(work, range(9))) == [(item, 1) for item in range(9)]


def test_an_error_of_a_worker_is_raised() -> None:
    with use_threads(2), pytest.raises(ZeroDivisionError):
        list(ordered_map(lambda item: 1 // item, [2, 1, 0]))


def test_every_blas_is_held_to_one_thread() -> None:
    script = (
        "from imssa_sim.threads import use_threads\n"
        "with use_threads():\n"
        "    import scipy.linalg, threadpoolctl\n"
        "    print([l['num_threads'] for l in threadpoolctl.threadpool_info()\n"
        "           if l['user_api'] == 'blas'])\n"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    found = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    counts = json.loads(found.stdout)
    assert len(counts) >= 1
    assert set(counts) == {1}


def test_work_ahead_is_done_beside_the_use_of_what_came_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    begun = [threading.Event() for _ in range(3)]
    alive: weakref.WeakSet[Made] = weakref.WeakSet()
    most = []

    def work(item: int) -> Made:
        made = Made(item, current())
        alive.add(made)
        most.append(len(alive))
        begun[item].set()
        return made

    with use_threads(2), ahead(work, range(3)) as results:
        assert begun[0].wait(20)  # before anyone asks
        for item, made in enumerate(results):
            assert (made.item, made.threads) == (item, 1)
            if item < 2:
                assert begun[item + 1].wait(20)
    assert max(most) == 2


class Made:
    """A result that can be watched."""

    def __init__(self, item: int, threads: int) -> None:
        self.item, self.threads = item, threads


def test_work_ahead_waits_to_be_asked_for_with_one_thread() -> None:
    done = []
    with use_threads(1), ahead(lambda item: done.append(item) or item, range(3)) as results:
        assert not done
        assert next(results) == 0
        assert done == [0]


def test_an_error_ahead_is_raised_when_its_result_is_asked_for() -> None:
    with use_threads(2), ahead(lambda item: 1 // item, [1, 0]) as results:
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_work_ahead_ends_early_where_the_user_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    begun, interrupted = threading.Event(), threading.Event()
    seen = []

    def step(number: int) -> None:
        begun.set()
        assert interrupted.wait(20)
        time.sleep(0.001)
        seen.append(number)

    def work(item: int) -> None:
        for _ in ordered_map(step, range(10_000)):
            pass

    with use_threads(2), pytest.raises(KeyboardInterrupt), ahead(work, range(3)):
        assert begun.wait(20)
        interrupted.set()
        raise KeyboardInterrupt
    assert len(seen) < 10_000


def test_begun_work_goes_on_beside_this_thread_in_its_turn() -> None:
    order: list[str] = []
    first_may_end = threading.Event()

    def first() -> int:
        assert first_may_end.wait(10)
        order.append("first")
        return current()

    with use_threads(2), begun() as begin:
        waiting = begin(first), begin(lambda: order.append("second") or threading.get_ident())
        assert not order
        first_may_end.set()
        assert waiting[1]() != threading.get_ident()
        assert waiting[0]() == waiting[0]() == current()
    assert order == ["first", "second"]


def test_on_a_single_thread_begun_work_is_done_once_when_waited_for() -> None:
    done: list[int] = []
    with use_threads(1), begun() as begin:
        waiting = begin(lambda: done.append(1) or len(done))
        assert not done
        assert waiting() == waiting() == 1
    assert done == [1]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_begun_work_is_raised_where_it_is_waited_for(threads: int) -> None:
    with use_threads(threads), begun() as begin:
        waiting = begin(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            waiting()


@pytest.mark.parametrize("inside", [1, 2])
def test_begun_work_ends_when_its_block_is_left(
    monkeypatch: pytest.MonkeyPatch, inside: int
) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    items, started = [], threading.Event()

    def item(number: int) -> None:
        items.append(number)
        started.set()
        time.sleep(0.01)

    def work() -> None:
        with use_threads(inside):
            list(ordered_map(item, range(500)))

    with pytest.raises(KeyError), use_threads(2), begun() as begin:
        begin(work)
        begin(lambda: items.append(-1))
        assert started.wait(10)
        raise KeyError
    assert len(items) < 400
    assert -1 not in items
