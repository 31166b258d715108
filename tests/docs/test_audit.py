"""docs/audit.md: every number's place is classed, and the page is what cards and chips say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from imssa_sim.cards.lookups import lookups

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made() -> Any:
    spec = importlib.util.spec_from_file_location("make_audit", ROOT / "docs" / "make_audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_audit"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_place_that_is_cited_is_classed_and_no_other(made: Any) -> None:
    cited = {place for number in made.numbers() for place in number.places}
    assert cited == set(lookups()), "device_models/lookups.csv and the cards differ"


def test_every_number_has_a_place_or_is_assumed(made: Any) -> None:
    assert [n for n in made.numbers() if n.status != "assumed" and not n.places] == []


def test_what_says_second_hand_is_not_counted_as_read(made: Any) -> None:
    for (source, locator), place in lookups().items():
        if "second hand" in locator:
            assert place.read == "second hand", (source, locator)


def test_the_page_is_up_to_date(made: Any) -> None:
    assert made.PAGE.read_text("utf-8") == made.page(), "run python docs/make_audit.py"
