"""What a study shows, on made-up outcomes: every column and every number of its lines."""

from __future__ import annotations

import math

import pytest

from imssa_sim.ablation.study import Outcome, Study
from imssa_sim.ablation.variations import NONE, Variation
from imssa_sim.config import load_config
from imssa_sim.report.why import rows_of, screen
from imssa_sim.simulation.intervals import Difference, Share

NUMBERS = (
    "accuracy", "accuracy_low", "accuracy_high", "gain", "gain_low", "gain_high", "energy",
    "latency", "area",
)  # fmt: skip


def outcome(part: str, words: str, n: int) -> Outcome:
    """An outcome whose numbers are like those of no other."""
    variation = Variation(part, words, {f"a.b{n}": n}, False)
    return Outcome(
        variation, Share(0.5 + n / 100, 0.45 + n / 100, 0.57 + n / 100),
        Difference(0.02 * n, 0.011 * n), (3 + n) * 1e-9, (1 + 2 * n) * 1e-6, (10 + n) * 1e-6,
    )  # fmt: skip


@pytest.fixture(scope="module")
def study() -> Study:
    base = Outcome(None, Share(0.5, 0.44, 0.58), None, 2e-9, 4e-6, 8e-6)
    outcomes = (
        outcome("effect off", "drift", 1),
        outcome("effect alone", NONE, 2),
        outcome("effect alone", "drift", 3),
        outcome("mapping", "another mapping", 4),
        Outcome(Variation("mapping", "cannot be", {"c": 1}, False), error="no room"),
    )
    best = outcome("together", "two at once", 6)
    return Study(
        load_config("sdigits"), base, Share(0.97, 0.96, 0.98), Share(0.95, 0.94, 0.96), outcomes,
        (outcome("together", "not the best", 5), best), (best,), 60, 3, 8, 4, 40.0, False,
    )  # fmt: skip


def test_every_column(study: Study) -> None:
    rows = rows_of(study)
    all_of_them = (study.base, *study.outcomes, *study.combined)
    for row, o in zip(rows, all_of_them, strict=True):
        v, a, gain = o.variation, o.accuracy, o.gain
        nan = math.nan
        expected = (
            *((a.value, a.low, a.high) if a else (nan,) * 3),
            *((gain.value, gain.value - gain.half, gain.value + gain.half) if gain else (nan,) * 3),
            o.energy, o.latency, o.area,
        )  # fmt: skip
        assert [row[name] for name in NUMBERS] == pytest.approx(list(expected), nan_ok=True)
        assert (row["part"], row["change"]) == ((v.part, v.words) if v else ("as it is", ""))
        assert row["error"] == o.error
        told = " ".join(f"--set {path}={value}" for path, value in v.set.items()) if v else ""
        assert row["set"] == told


def test_every_line(study: Study) -> None:
    text = screen(study)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    head = " ".join(lines)
    assert "50.0% on the chip (44.0–58.0); quantised 95.0%, float 97.0%, guessing 10.0%" in head
    assert "8 runs of 60 sequences on 3 chips in 40 s; 4 left out, with which it takes" in head
    assert "takes about 60 s" in head
    assert f"{NONE} 52.0% 47.0–59.0" in lines
    assert "drift 51.0% 46.0–58.0 53.0% 48.0–60.0" in lines
    assert "as it is 50.0% 44.0–58.0 ×1.00 ×1.00 ×1.00" in lines
    assert "another mapping 54.0% 49.0–61.0 +8.0 ± 4.4 ×3.50 ×2.25 ×1.75" in lines
    assert "not possible (why.csv says why): cannot be" in lines
    assert "56.0% 51.0–63.0 +12.0 ± 6.6 ×4.50 ×3.25 ×2.00" in lines
    assert "not the best" not in text
    assert max(map(len, text.splitlines())) <= 80
