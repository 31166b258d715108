from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

from imssa_sim.threads import available, current, ordered_map, use_threads


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
