"""Plain threads over compiled functions that release the GIL.

Numba's own parallel loops are not used: they add seconds to the compilation, their OpenMP layer
does not survive a fork, and the work here falls into pieces that need no more than a counter.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count


def run_threads(pieces: int, threads: int, start: Callable[[], Callable[[int], None]]) -> None:
    """Call ``work(0)`` … ``work(pieces - 1)`` on threads, each piece where one is free.

    Each thread gets its ``work`` from a call of ``start``, which may allocate for it.
    """
    counter = count()

    def loop() -> None:
        work = start()
        while (piece := next(counter)) < pieces:
            work(piece)

    threads = max(1, min(threads, pieces))
    if threads == 1:
        loop()
        return
    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(loop) for _ in range(threads)]:
            future.result()
