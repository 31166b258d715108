"""What the screen says of a stream: first, last and lowest point, and what its upkeep took."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from imssa_sim.report.stream import calibration_line, stream_line
from imssa_sim.simulation.result import Stream, StreamPoint
from imssa_sim.simulation.schedule import Moment

CORRECT = (90, 40, 70)
CLOCKS = (100.0, 1300.0, 3700.0)


def result(rewritings: int = 0, recalibrations: int = 0, energy: float | None = 7.2e-3) -> Any:
    points = tuple(
        StreamPoint(Moment(clock, 0, clock, clock), 100, (right - 1, right + 1), (1e-9, 1e-9))
        for clock, right in zip(CLOCKS, CORRECT, strict=True)
    )
    ledger = SimpleNamespace(
        stream_energy=energy, calibration_energy=3e-6,
        one_off=SimpleNamespace(
            stream_time=None if energy is None else 0.5, calibration_time=4e-5,
            upkeep=SimpleNamespace(recalibration_reads=recalibrations * 64),
        ),
    )  # fmt: skip
    return SimpleNamespace(
        stream=Stream(points, rewritings, recalibrations), ledger=ledger,
        calibration=SimpleNamespace(reads=64, before=1.25, after=0.375),
    )  # fmt: skip


def test_first_last_and_lowest_are_points_of_their_own() -> None:
    assert stream_line(result()) == (
        "1 h: 90.0% at first, 70.0% at the end, lowest 40.0% 21.7 min after the first programming"
    )


def test_upkeep_is_counted_and_priced() -> None:
    text = stream_line(result(rewritings=2, recalibrations=5))
    assert text.endswith("; written again 2 ×, calibrated 5 × (7.2 mJ, 500 ms, 2 µW on average)")
    assert "written again" not in stream_line(result(recalibrations=5))
    assert "not modelled" in stream_line(result(rewritings=1, energy=None))


def test_calibration_before_and_after() -> None:
    assert calibration_line(result()) == (
        "64 reads a tile: conversions off by 1.2 LSB rms before, 0.38 after; 3 µJ, 40 µs"
    )
    without = result()
    without.calibration = without.stream = None
    assert calibration_line(without) == stream_line(without) == ""
