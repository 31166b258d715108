"""The tree of every statistic of a run: its parts add up to it, its formula gives it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from imssa_sim.config import load_config
from imssa_sim.report.explain import FORMULAS, explain_statistic
from imssa_sim.report.record import LiveRecord
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.units import parse_any


@pytest.fixture(scope="module")
def record() -> LiveRecord:
    settings = ("evaluate.samples=5", "evaluate.chips=2", "calibration.samples=4")
    found = simulate(
        load_config("sdigits_taox", [*settings, "hardware.off_chip.card=off_chip/hbm2"])
    )
    return LiveRecord(found, collect(found), ["x"])


def amounts(text: str, indent: int) -> Iterator[tuple[str, float]]:
    """The names and amounts [SI] of lines with so much indentation."""
    for line in text.splitlines():
        found = re.match(rf" {{{indent}}}([^\s<=].*?) ([\d.]+(?:e[-+]?\d+)? \S+)(?: \(|:|$)", line)
        if found:
            yield found[1], parse_any(found[2].replace("^2", "2"))[0]


def made_of_accounts(name: str) -> bool:
    return name.startswith(("energy.", "area")) and not name.endswith(
        ("leakage_gated", "leakage_ungated", "fixed_activity", "assumed_share")
    )


def test_every_energy_and_area_is_the_sum_of_its_tree(record: LiveRecord) -> None:
    seen = 0
    for stat in record.stats:
        if not made_of_accounts(stat.name) or not stat.value:
            continue
        text = explain_statistic(record, stat.name)
        for indent, precision in ((2, 2e-3), (4, 6e-3)):
            values = [value for _, value in amounts(text, indent)]
            assert math.fsum(values) == pytest.approx(stat.value, rel=precision), text
        # Percentages are those of the amounts.
        for share, amount in zip(
            re.findall(r"^    \S.*\(([\d.]+)%\)", text, re.M), amounts(text, 4), strict=True
        ):
            assert float(share) == pytest.approx(100 * amount[1] / stat.value, abs=0.6)  # type: ignore[operator]
        seen += 1
    assert seen > 20


def test_counts_are_those_of_the_ledger(record: LiveRecord) -> None:
    text = explain_statistic(record, "energy.inference")
    rows = record.result.ledger.rows
    counts = re.findall(r"^    (.*?) [\d.]+ \S+ \([\d.]+%\): ([\d,]+) × ([\d.]+ \S+)$", text, re.M)
    assert counts
    for what, count, each in counts:
        own = [
            r for r in rows
            if r.account != "programming"
            and what == (r.kind if r.account == "leakage" else f"{r.kind} {r.action}")
        ]  # fmt: skip
        assert sum(r.count for r in own) == int(count.replace(",", "")), what
        energy = math.fsum(r.energy for r in own)
        assert parse_any(each)[0] * int(count.replace(",", "")) == pytest.approx(energy, rel=5e-3)


def test_every_formula_gives_its_statistic(record: LiveRecord) -> None:
    v: dict[str, Any] = dict(record.values)
    units = {"tops_per_watt": 1e-12, "tops_per_mm2": 1e-12 * 1e-6}
    for name, formula in FORMULAS.items():
        parts = re.split(r" ([*/]) ", formula)
        value = float(v.get(parts[0], 1.0))
        for sign, operand in zip(parts[1::2], parts[2::2], strict=True):
            value = value * v[operand] if sign == "*" else value / v[operand]
        value *= units.get(name.split(".")[0], 1.0)
        assert value == pytest.approx(v[name], rel=1e-9), name
        text = explain_statistic(record, name)
        for operand in parts[::2]:
            assert operand == "1" or f"\n    {operand} = " in text


def test_times_are_the_stages_of_the_first_step(record: LiveRecord) -> None:
    text = explain_statistic(record, "time.first_output")
    latency = record.result.timing.latency
    stages = dict(amounts(text, 4))
    for stage in dict.fromkeys(row.stage for row in latency):
        own = [row for row in latency if row.stage == stage]
        service = math.fsum(row.service for row in own)
        waiting = math.fsum(row.waiting for row in own)
        if service:
            assert stages[stage] == pytest.approx(service, rel=5e-3)
        (line,) = [x for x in text.splitlines() if x.startswith(f"    {stage} ")]
        late = re.search(r"waiting ([\d.]+ \S+)$", line)
        assert (late is not None) == (waiting > 0)
        if late:
            assert parse_any(late[1])[0] == pytest.approx(waiting, rel=5e-3)


def test_accuracies_count_predictions(record: LiveRecord) -> None:
    a = record.result.accuracy
    right = {"float": a.float_correct, "digital": a.digital_correct}
    for name, count in right.items():
        assert f"  {name}: {count} of 5 right" in explain_statistic(record, f"accuracy.{name}")
    for n, correct in enumerate(a.analog_correct):
        line = f"  chip{n}: {correct} of {a.analog_samples} right"
        assert line in explain_statistic(record, f"accuracy.analog.chip{n}")
        assert line in explain_statistic(record, "accuracy.analog.mean")
