"""A workload of a tenth of a second and sweeps of it, all files in a folder of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.files import locate
from imssa_sim.sweeps.execute import execute
from imssa_sim.sweeps.executors import Local
from imssa_sim.sweeps.plan import SweepPlan, read_plan
from imssa_sim.sweeps.store import PointResult

TINY = """\
workload: tiny
model: {layers: 1, width: 8, state: 4, classes: 10}
data: {name: sdigits}
calibration: {samples: 16}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: ./cell.yaml}}
  adc: {card: adc/survey_andrulis_2024}
  dac: {card: dac/pwm_40nm}
  effects: {ir_drop: false}
evaluate: {samples: 6, chips: 2, threads: 1}
"""


class Listener:
    """A `Progress` that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: list[int] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def phase(self, name: str, total: int) -> None:
        pass

    def advance(self, done: int) -> None:
        self.done.append(done)


class Bench:
    """Writes sweep files beside the workload, and runs them into one folder."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.folder = base / "results"
        self.listener = Listener()
        (base / "tiny.yaml").write_text(TINY, encoding="utf-8")
        card = locate.find_card("cells/taox_imssa").read_text("utf-8")
        (base / "cell.yaml").write_text(card.replace("cells/taox_imssa", "cell"), "utf-8")

    def plan(self, text: str) -> SweepPlan:
        file = self.base / "s.yaml"
        file.write_text(f"workload: tiny.yaml\n{text}", encoding="utf-8")
        return read_plan(file)

    def run(self, text: str, jobs: int = 1, refuse_stale: bool = False) -> list[PointResult]:
        self.listener = Listener()
        return execute(self.plan(text), self.folder, Local(jobs), self.listener, refuse_stale)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.base / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def fresh(self, text: str) -> list[PointResult]:
        """Run it in a folder that is removed again."""
        try:
            return execute(self.plan(text), self.base / "fresh", Local(1), Listener())
        finally:
            shutil.rmtree(self.base / "fresh", ignore_errors=True)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The overrides of every run that really takes place, in order."""
    from imssa_sim.sweeps import execute as module

    simulate, found = module.simulate, []

    def run(loaded, *args, **kwargs):  # type: ignore[no-untyped-def]
        found.append(loaded.overrides)
        return simulate(loaded, *args, **kwargs)

    monkeypatch.setattr(module, "simulate", run)
    return found


Counted = list[tuple[str, ...]]
Edit = Callable[[Bench], None]
