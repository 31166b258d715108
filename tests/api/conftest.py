"""A small workload as a mapping, and one run of it."""

from __future__ import annotations

from typing import Any

import pytest

import imssa_sim

TINY: dict[str, Any] = {
    "workload": "tiny",
    "model": {"layers": 1, "width": 8, "state": 4, "classes": 10},
    "data": {"name": "sdigits"},
    "calibration": {"samples": 16},
    "hardware": {
        "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
        "adc": {"card": "adc/survey_andrulis_2024"},
        "dac": {"card": "dac/pwm_40nm"},
    },
    "evaluate": {"samples": 6, "chips": 2, "threads": 1},
    "baselines": ["gpu/jetson_nano_10w"],
}


@pytest.fixture(scope="session")
def tiny() -> dict[str, Any]:
    return TINY


@pytest.fixture(scope="session")
def done(tiny: dict[str, Any]) -> imssa_sim.Run:
    return imssa_sim.run(tiny)
