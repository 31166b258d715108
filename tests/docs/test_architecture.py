"""docs/architecture.md shows the layers that the import contract has."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made() -> Any:
    path = ROOT / "docs" / "make_architecture.py"
    spec = importlib.util.spec_from_file_location("make_architecture", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(made: Any) -> None:
    assert made.page() == made.PAGE.read_text(encoding="utf-8"), (
        "run python docs/make_architecture.py"
    )


def test_every_package_stands_in_one_layer(made: Any) -> None:
    named = [name for row in made.layers() for name in row]
    package = ROOT / "imssa_sim"
    there = {
        path.stem for path in package.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }  # fmt: skip
    assert len(named) == len(set(named))
    assert set(named) == there - {"__init__", "__main__"}


def test_every_package_says_what_it_holds(made: Any) -> None:
    assert all(made.subject(name) for row in made.layers() for name in row)
