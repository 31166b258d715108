"""A sweep while it runs: the points that ended last, and how many have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from imssa_sim.report.sweep import as_table, failures, head_and_cells
from imssa_sim.report.sweep_rows import rows_of

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console, RenderableType

    from imssa_sim.sweeps.plan import SweepPlan
    from imssa_sim.sweeps.store import PointResult

LINES = 12
"""Points that are shown."""
INTERVAL = 0.25
"""Seconds between drawings."""


class LiveTable:
    """A `imssa_sim.simulation.progress.Progress` that shows results on a terminal as they come.

    Parameters
    ----------
    plan : SweepPlan
    console : Console
    """

    def __init__(self, plan: SweepPlan, console: Console) -> None:
        from rich.live import Live

        self._plan = plan
        self._results: list[PointResult] = []
        self._name, self._total, self._drawn = "", 0, 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()

    def note(self, message: str) -> None:
        """Say something above the table."""
        from rich.text import Text

        self._live.console.print(Text(message))

    def phase(self, name: str, total: int) -> None:
        """Begin a phase."""
        self._name, self._total = name, total
        self._draw()

    def advance(self, done: int) -> None:
        """Ignore the number: results themselves come to `add`."""

    def add(self, result: PointResult) -> None:
        """Show a result."""
        self._results.append(result)
        if time.monotonic() - self._drawn > INTERVAL:
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._live.update(self.view(), refresh=True)

    def view(self) -> RenderableType:
        """Return what is shown."""
        from rich.console import Group
        from rich.text import Text

        rows = rows_of(self._plan, self._results)
        failed = sum(1 for result in self._results if result.error)
        text = f"{self._name}: {len(self._results)} of {self._total} points"
        text += f", {failed} failed" if failed else ""
        if not rows:
            return Text(text)
        head, cells = head_and_cells(self._plan, rows)
        table = as_table("", head, cells[-LINES:], len(self._plan.axes))
        return Group(Text(text), table, *map(Text, failures(self._plan, rows)[1:2]))
