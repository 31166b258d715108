"""One run of a small workload."""

from __future__ import annotations

from typing import Any

import pytest

import imssa_sim


@pytest.fixture(scope="session")
def done(tiny: dict[str, Any]) -> imssa_sim.Run:
    return imssa_sim.run(tiny)
