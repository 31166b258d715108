"""A run that is small enough to be repeated: two layers on the 64-step digits, random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.config import LoadedConfig, load_config

WORKLOAD = """\
workload: tiny
model: {layers: 2, width: 12, state: 6, classes: 10}
data: {name: sdigits}
bits: 8
calibration: {samples: 24}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
  dac: {card: dac/pwm_40nm}
  digital: {card: digital/cmos_40nm}
  memory: {card: memory/sram_32nm_puma}
  bus: {card: bus/wire_32nm}
  effects: {ir_drop: false}
evaluate: {samples: 13, chips: 3, threads: 1}
baselines: [gpu/jetson_nano_10w]
"""

Load = Callable[..., LoadedConfig]


@pytest.fixture(scope="session")
def workload_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workload above as a file."""
    path = tmp_path_factory.mktemp("workload") / "tiny.yaml"
    path.write_text(WORKLOAD, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def load(workload_file: Path) -> Load:
    """Load the workload above with overrides."""

    def loaded(*overrides: str) -> LoadedConfig:
        return load_config(workload_file, overrides)

    return loaded
