"""Numbers of the pages are those of stored results, and each result's command is the stated one."""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made() -> Iterator[Any]:
    path = ROOT / "docs" / "make_tables.py"
    spec = importlib.util.spec_from_file_location("make_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_tables"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_tables"]


def test_pages_are_up_to_date(made: Any) -> None:
    for path in made.PAGES:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert made.blocks(text), f"{path} has no blocks"
        assert made.page(path) == text, "run python docs/make_tables.py"


def test_every_opened_block_is_closed_and_known(made: Any) -> None:
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = path.read_text(encoding="utf-8")
        names = made.blocks(text)
        assert len(names) == text.count("<!-- made: ") == text.count("<!-- end -->"), path
        runs = [name.split() for name in names if name.split()[0] not in made.OF_ROWS]
        assert {result for _, result in runs} <= set(made.RUNS)
        if names:
            assert str(path.relative_to(ROOT)) in made.PAGES


def test_every_stored_result_is_of_its_command(made: Any) -> None:
    assert {path.stem for path in made.RESULTS.glob("*.json")} == set(made.RUNS)
    for name, arguments in made.RUNS.items():
        assert made.stored(name).arguments == arguments
        assert (ROOT / arguments[1]).is_file()


def test_a_block_says_what_its_result_says(made: Any) -> None:
    """Each number of a block, found again in the statistics of its result."""
    stats = made.stored("sdigits").stats
    mean, spread = re.findall(r"[\d.]+", made.accuracy("sdigits"))
    assert float(mean) == pytest.approx(100 * stats["accuracy.analog.mean"], abs=0.051)
    assert float(spread) == pytest.approx(100 * stats["accuracy.analog.deviation"], abs=0.051)
    share, deviation, area, energy = re.findall(r"[\d.]+", made.row("sdigits_five"))
    five = made.stored("sdigits_five").stats
    assert float(share) == pytest.approx(100 * five["accuracy.analog.mean"], abs=0.051)
    assert float(deviation) == pytest.approx(100 * five["accuracy.analog.deviation"], abs=0.051)
    assert float(area) == pytest.approx(five["area"] * 1e6, abs=0.0051)
    assert float(energy) == pytest.approx(five["energy.inference"] * 1e9, rel=1e-2)


def test_widths_and_what_they_save_are_those_of_the_study(made: Any) -> None:
    """Cells of the tables, found again in the rows by other means."""
    with (ROOT / "benchmarks" / "qs4d" / "results" / "ptq.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wanted = {"workload": "sdigits", "granularity": "mode", "method": "ptq", "bits": "6"}
    of = [float(row["accuracy"]) for row in rows if wanted.items() <= row.items()]
    lines = made.widths("sdigits").splitlines()
    head = next(line for line in lines if line.startswith("| bits"))
    place = head.split(" | ").index("PTQ, mode")
    six = next(line for line in lines if line.startswith("| 6 |"))
    assert six.split(" | ")[place] == f"{100 * sum(of) / len(of):.1f}"
    row = "| `sdigits` | mode | 6 → 4 | 2.25 | 1.50 | 4.00 | 64.0 | 8.00 |"
    assert row in made.study("saved")
    assert "| pairs unformed | 97.5 (96.7) | 91.7 (90.8) |" in made.wires("taox")


def test_a_page_that_differs_is_mended(made: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("It keeps <!-- made: accuracy sdigits -->1 %<!-- end --> of all.\n")
    text = made.page("page.md", tmp_path)
    assert text.startswith("It keeps <!-- made: accuracy sdigits -->")
    assert made.accuracy("sdigits") in text
    assert "1 %<" not in text.replace(made.accuracy("sdigits"), "")
