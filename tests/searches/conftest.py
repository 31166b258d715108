"""A workload of a tenth of a second and a search of it, in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TINY = """\
workload: tiny
model: {layers: 1, width: 8, state: 4, classes: 10}
data: {name: sdigits}
calibration: {samples: 16}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
  dac: {card: dac/pwm_40nm}
  effects: {ir_drop: false}
evaluate: {samples: 12, chips: 1, threads: 1}
"""
SEARCH = """\
search: tiny
workload: tiny.yaml
knobs:
  hardware.adc.bits: {from: 4, to: 8}
  hardware.adc.per_tile: [4, 1, 2]
objectives: [accuracy, energy, latency]
trials: 8
race: [[4, 1]]
"""


@pytest.fixture
def search_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a search file, with lines replaced or added."""

    def write(**lines: str) -> Path:
        (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
        text = SEARCH
        for key, value in lines.items():
            old = [line for line in text.splitlines() if line.startswith(f"{key}:")]
            line = f"{key}: {value}"
            text = text.replace(old[0], line) if old else f"{text}{line}\n"
        path = tmp_path / "search.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
