"""The chapter on arrivals: every time step is in a bar, every statistic in the table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import imssa_sim
from imssa_sim.report.page.arrivals import gathered

TINY: dict[str, Any] = {
    "workload": "tiny",
    "model": {"layers": 1, "width": 8, "state": 4, "classes": 10},
    "data": {"name": "sdigits"},
    "hardware": {
        "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
        "adc": {"card": "adc/survey_andrulis_2024"},
    },
    "evaluate": {"threads": 1},
}


def chapter(run: imssa_sim.Run) -> str:
    page = run.report().read_text("utf-8")
    found = re.search(r'<section id="arrivals".*?</section>', page, re.S)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(("rate", "late"), [("1 MHz", False), ("400 MHz", True)])
def test_arrivals_are_told_whole(rate: str, late: bool, tmp_path: Path) -> None:
    settings = {"evaluate.input.rate": rate, "evaluate.input.deadline": "1 us"}
    run = imssa_sim.run(TINY, settings, accuracy=False, save=tmp_path / "run", figures=False)
    text = chapter(run)
    names = [name for name in run.stats.index if name.startswith("input.")]
    assert len(names) > 15
    assert all(f">{name}</th>" in text for name in names)
    bars, _, rest = text.partition("Time steps in the input buffer")
    counts = [int(n.replace(",", "")) for n in re.findall(r'class="bar-sum">([\d,]+)<', bars)]
    assert sum(counts) == run["input.tokens"]
    assert (run["input.deadline_misses"] > 0) == late
    assert ("orange" in bars) == late
    assert ("waiting before the chip" in rest) == late
    assert ("Always empty" in rest) != late


def test_bins_are_gathered_and_trimmed() -> None:
    bins = [(float(n), int(n in (7, 12))) for n in range(20)] + [(20.0, 0)]
    assert gathered(bins) == [(5.0, 10.0, 1), (10.0, 15.0, 1)]
    assert gathered([(0.0, 2), (1.0, 0)]) == [(0.0, 1.0, 2)]
    assert gathered([(0.0, 0), (1.0, 0)]) == []
