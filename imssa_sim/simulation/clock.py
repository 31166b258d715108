"""Wall time of the phases of a run, passed on to whoever watches, and the memory it took."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.simulation.progress import Progress


class Clock:
    """Measures phases; ``seconds`` holds the wall time of each by name [s]."""

    def __init__(self, told: Progress) -> None:
        self.told = told
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str, total: int = 0, so_far: str = "") -> Iterator[None]:
        """Time a phase of ``total`` units of work (0: unknown); ``so_far`` is told beside it."""
        self.told.phase(name + so_far, total)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin


def peak_memory() -> int | None:
    """Return the largest resident memory that this process has had [B]; None where unknown."""
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
