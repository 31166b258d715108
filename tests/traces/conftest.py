"""A finished run, small and full, and its traces."""

from __future__ import annotations

import pytest

import imssa_sim

TINY = {
    "workload": "tiny",
    "model": {"layers": 2, "width": 8, "state": 4, "classes": 10},
    "data": {"name": "sdigits"},
    "calibration": {"samples": 8},
    "hardware": {
        "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
        "adc": {"card": "adc/survey_andrulis_2024"},
        "dac": {"card": "dac/pwm_40nm"},
        "effects": {"ir_drop": False},
    },
    "evaluate": {"samples": 2, "chips": 1, "threads": 1},
    "baselines": [],
}
BOTH_WAYS = {"model.bidirectional": True}
LATE = {"hardware.mapping.kernel": "fused_delayed"}


@pytest.fixture(scope="session", autouse=True)
def impatient():
    """Let writers write as they go, as in runs that are much longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imssa_sim.timing.observe.PATIENCE", 2)
        yield


@pytest.fixture(scope="session", params=["plain", "bidirectional", "late"])
def result(request):
    settings = {"plain": {}, "bidirectional": BOTH_WAYS, "late": LATE}[request.param]
    return imssa_sim.run(TINY, set=settings).record.result


@pytest.fixture(scope="session")
def tiny():
    return imssa_sim.run(TINY).record.result
