"""Inferences over hours: each point is the chip at that age, and the upkeep is paid for."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig
from imssa_sim.report.screen import screen
from imssa_sim.report.stream import stream_table
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
QUICK = ("evaluate.chips=2", "evaluate.float=false", "evaluate.digital=false")
PCM = ("hardware.chip.tile.cell=cells/pcm_joshi_2020", *QUICK)
NEURRAM = ("hardware.chip.tile.cell=cells/hfox_neurram", *QUICK)


def stream(**keys: object) -> tuple[str, ...]:
    return tuple(f"evaluate.stream.{key}={value}" for key, value in keys.items())


def test_without_a_stream_nothing_is_said_of_one(load: Load) -> None:
    result = simulate(load(*QUICK))
    assert result.stream is None
    assert not [s for s in collect(result) if s.name.startswith(("stream.", "calibration."))]
    assert "stream" not in screen(result, Path("x"))


def test_each_point_is_the_chip_at_that_age(load: Load) -> None:
    quiet = (*PCM, "hardware.effects.read_noise=false")
    result = simulate(load(*quiet, *stream(duration="9 h", points=4)))
    assert result.stream is not None
    for hours, point in zip((1, 4, 7, 10), result.stream.points, strict=True):
        assert point.moment.clock == pytest.approx(3600 * hours)
        alone = simulate(load(*quiet, f"evaluate.time_since_programming={hours} h"))
        assert point.correct == alone.accuracy.analog_correct
        energy = sum(alone.ledger.array_measured.values())
        assert np.mean(point.array_energy) == pytest.approx(energy, rel=1e-12)
    # The conductance is lost with time, and with it the energy of a read.
    energies = [np.mean(point.array_energy) for point in result.stream.points]
    assert energies == sorted(energies, reverse=True)


def test_a_first_point_meets_the_noise_of_a_run_without_stream_and_later_ones_other(
    load: Load,
) -> None:
    config = load(*QUICK, *stream(duration="1 h", points=3))
    result = simulate(config)
    assert result.stream is not None
    assert result.stream.points[0].correct == result.accuracy.analog_correct
    # This cell does not change with time; with its read noise the states' energy does.
    energies = {point.array_energy for point in result.stream.points}
    assert len(energies) == 3
    still = simulate(load("hardware.effects.read_noise=false", *QUICK,
                          *stream(duration="1 h", points=3)))  # fmt: skip
    assert still.stream is not None
    assert len({(p.correct, p.array_energy) for p in still.stream.points}) == 1


def test_increments_drift_as_a_run_of_that_age(load: Load) -> None:
    """Accumulators begin anew with each sequence, whatever the age of the chip."""
    delta = ("hardware.mapping.kernel=fused_delta", "bits={default: 8, state: 12}",
             "calibration.granularity.kernel_input=channel", "hardware.adc.calibrate=true",
             "hardware.effects.read_noise=false", *PCM)  # fmt: skip
    result = simulate(load(*delta, *stream(duration="9 h", points=4, reprogram_every="6 h")))
    assert result.stream is not None
    assert result.overflow is not None
    assert result.stream.rewritings == 1
    for hours, point in zip((1, 4), result.stream.points, strict=False):
        assert point.moment.writing == 0
        alone = simulate(load(*delta, f"evaluate.time_since_programming={hours} h"))
        assert point.correct == alone.accuracy.analog_correct
        energy = sum(alone.ledger.array_measured.values())
        assert np.mean(point.array_energy) == pytest.approx(energy, rel=1e-12)


def test_divided_samples_run_once_each(load: Load) -> None:
    result = simulate(load(*QUICK, *stream(duration="5 h", points=4, samples="divided")))
    assert result.stream is not None
    assert [point.samples for point in result.stream.points] == [4, 3, 3, 3]
    few = simulate(load("evaluate.samples=2", *QUICK,
                        *stream(duration="5 h", points=4, samples="divided")))  # fmt: skip
    assert few.stream is not None
    assert len(few.stream.points) == 2


def test_writing_again_is_charged_as_often_as_it_happens(load: Load) -> None:
    plain = simulate(load(*NEURRAM))
    result = simulate(load(*NEURRAM, *stream(duration="9 h", points=10, reprogram_every="4 h")))
    assert result.stream is not None
    assert result.stream.rewritings == 2
    once, ledger = plain.ledger, result.ledger
    assert ledger.programming_energy == once.programming_energy > 0
    assert ledger.stream_energy == pytest.approx(2 * once.programming_energy, rel=1e-12)
    assert ledger.one_off.stream_time == pytest.approx(2 * once.programming_time, rel=1e-12)
    assert ledger.energy == once.energy
    assert ledger.by_account()["programming"] == pytest.approx(3 * once.programming_energy)
    stats = {s.name: s.value for s in collect(result)}
    assert stats["stream.write_pulses_per_cell"] == pytest.approx(3 * 8.52, rel=1e-3)
    assert stats["stream.upkeep.power"] == pytest.approx(ledger.stream_energy / (9 * 3600))
    assert stats["stream.endurance_share"] == pytest.approx(3 * 8.52 / 1e6, rel=1e-3)  # the card's
    assert [p.moment.writing for p in result.stream.points] == [0] * 4 + [1] * 4 + [2] * 2
    # Errors are drawn anew: the cells dissipate otherwise.
    energy = [p.array_energy for p in result.stream.points]
    assert abs(energy[3][0] - energy[0][0]) < abs(energy[4][0] - energy[0][0])


@pytest.mark.parametrize("stated", [1000, None])
def test_a_stated_endurance_is_used_up(load: Load, tmp_path: Path, stated: int | None) -> None:
    from imssa_sim.files import locate

    text = locate.find_card("cells/hfox_neurram").read_text(encoding="utf-8")
    card = tmp_path / "worn.yaml"
    line = f"  write_endurance: {{value: {stated}, unit: '1', status: assumed}}\n" if stated else ""
    text = text.replace("name: cells/hfox_neurram", "name: worn")
    text, found = re.subn(r"(?m)^  write_endurance: .*\n", line, text)
    assert found == 1
    card.write_text(text, encoding="utf-8")
    result = simulate(load(
        *NEURRAM, f"hardware.chip.tile.cell={card}",
        *stream(duration="9 h", points=2, reprogram_every="4 h"),
    ))  # fmt: skip
    share = {s.name: s.value for s in collect(result)}.get("stream.endurance_share")
    assert share == (None if stated is None else pytest.approx(3 * 8.52 / stated, rel=1e-3))


def test_recalibration_is_priced_as_the_reads_of_tokens(load: Load) -> None:
    compensated = (*PCM, "hardware.effects.drift_compensation=true")
    result = simulate(
        load(*compensated, *stream(duration="9 h", points=2, recalibrate_every="2 h"))
    )
    assert result.stream is not None
    assert result.stream.calibrations == 5
    ledger, steps = result.ledger, result.program.sequence_length
    kinds = ("dac", "word_line", "array", "bit_line", "sample_hold", "adc")
    tokens = [
        ledger.array_estimate.get(row.component, row.energy) if row.action == "read" else row.energy
        for row in ledger.rows
        if row.account == "dynamic" and row.kind in kinds
    ]
    each = math.fsum(tokens) / steps
    rows = result.loaded.config.hardware.chip.tile.rows
    assert ledger.stream_energy == pytest.approx(5 * rows * each, rel=1e-9)
    assert ledger.calibration_energy == pytest.approx(2 * rows * each, rel=1e-9)
    without = simulate(load(*PCM, *stream(duration="9 h", points=2)))
    assert without.ledger.stream_energy == 0


def test_stale_compensation_is_worse_than_fresh_one(load: Load) -> None:
    """The gain measured at 2 h is applied at 10 h: the array is smaller than when it is fresh."""
    compensated = (*PCM, "hardware.effects.drift_compensation=true")
    stale, fresh = (
        simulate(load(*compensated, "evaluate.time_since_programming=0 s",
                      *stream(duration="10 h", points=2, recalibrate_every=every)))
        for every in ("2 h", "20 h")
    )  # fmt: skip
    assert stale.stream is not None
    assert fresh.stream is not None
    assert stale.stream.points[1].moment.calibrated == 10 * 3600
    assert fresh.stream.points[1].moment.calibrated == 0
    assert stale.stream.points[1].array_energy != fresh.stream.points[1].array_energy


def test_table_screen_and_key(load: Load, tmp_path: Path) -> None:
    config = load(*NEURRAM, *stream(duration="9 h", points=4, reprogram_every="4 h"))
    result = simulate(config)
    assert result.stream is not None
    rows = stream_table(result.stream)
    assert len(rows) == 8
    assert {row["chip"] for row in rows} == {0, 1}
    text = screen(result, tmp_path)
    assert max(map(len, text.splitlines()[:-1])) <= 80
    joined = " ".join(text.split())
    assert "9 h:" in joined
    assert "written again 2 ×" in joined
    other = load(*NEURRAM, *stream(duration="9 h", points=5, reprogram_every="4 h"))
    assert functional_key(config.config) != functional_key(other.config)
    unpriced = simulate(load(*PCM, *stream(duration="9 h", points=2, reprogram_every="4 h")))
    assert "states no write pulses" in " ".join(screen(unpriced, tmp_path).split())


def test_the_run_directory_has_table_and_figure(
    workload_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from imssa_sim.cli import main

    keys = (*NEURRAM, *stream(duration="9 h", points=3, reprogram_every="4 h"))
    sets = [part for key in keys for part in ("--set", key)]
    folder = tmp_path / "out"
    assert main(["run", str(workload_file), "-q", "-o", str(folder), *sets]) == 0
    capsys.readouterr()
    with (folder / "stream.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["writing"] for row in table] == ["0", "0", "1", "1", "2", "2"]
    assert (folder / "stream.png").stat().st_size > 5000
    assert (folder / "stream.svg").exists()
