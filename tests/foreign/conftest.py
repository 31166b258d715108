"""Reference networks of other people's code."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def refs() -> Path:
    """Return the folder of the reference networks."""
    return Path(__file__).parent / "data"
