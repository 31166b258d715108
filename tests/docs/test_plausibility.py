"""docs/plausibility.md is what runs and cards give."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made() -> Any:
    path = ROOT / "docs" / "make_plausibility.py"
    spec = importlib.util.spec_from_file_location("make_plausibility", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_plausibility"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(made: Any) -> None:
    assert made.PAGE.read_text("utf-8") == made.page(), "run python docs/make_plausibility.py"


def test_published_energies_a_mac_are_those_of_the_papers(made: Any) -> None:
    """0.86 and 3.38 uJ over 64 x 256 x 256 MACs; 11.03 and 6.437 TOPS/W of a cell, two a weight."""
    lines = list(made.published())
    assert "| 205 |" in lines[0]
    assert "| 806 |" in lines[1]
    assert "| 178 |" in lines[-4]
    assert "| 308 |" in lines[-1]
