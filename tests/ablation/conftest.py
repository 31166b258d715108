"""A workload that two published effects spoil, written out in full."""

from __future__ import annotations

from typing import Any

import pytest

from imssa_sim.config.load import LoadedConfig, load_tree
from imssa_sim.files import locate

SPOILT: dict[str, Any] = {
    "workload": "spoilt",
    "model": {
        "layers": 2, "width": 32, "state": 16, "inputs": 1, "classes": 10,
        "checkpoint": str(locate.find_workload("sdigits").parents[1]
                          / "checkpoints/sdigits_chip.safetensors"),
    },
    "data": {"name": "sdigits"},
    "bits": 8,
    "hardware": {
        "chip": {
            "clock": "1 GHz", "technology": "32 nm", "supply": "0.9 V", "tiles": "auto",
            "tile": {
                "rows": 64, "columns": 64, "cell": "cells/pcm_joshi_2020",
                "weights": "differential", "read_voltage": "0.2 V",
            },
        },
        "adc": {"card": "adc/survey_andrulis_2024", "bits": 6, "per_tile": 16, "rate": "100 MHz",
                "range": "aligned"},
        "dac": {"card": "dac/pwm_40nm", "bits": 8, "encoding": "pulse_width", "lsb_time": "1 ns"},
        "digital": {"card": "digital/cmos_40nm"},
        "memory": {"card": "memory/sram_32nm_puma"},
        "bus": {"card": "bus/wire_32nm"},
        "mapping": {"kernel": "fused_lookahead", "linear": "analog", "encoder": "digital",
                    "decoder": "digital"},
    },
    "evaluate": {"samples": 60, "chips": 1, "time_since_programming": "1 d"},
}  # fmt: skip


@pytest.fixture(scope="session")
def spoilt() -> LoadedConfig:
    """6-bit ADCs, 64 × 64 tiles, phase-change cells, a day after programming."""
    return load_tree(SPOILT)
