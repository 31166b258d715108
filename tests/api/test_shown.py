"""What notebooks show of results, and what folders keep of them."""

from __future__ import annotations

import html as markup
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import imssa_sim
from imssa_sim.ablation.findings import findings
from imssa_sim.ablation.study import Outcome, Study
from imssa_sim.ablation.variations import Variation
from imssa_sim.api.sweep import _keep
from imssa_sim.api.why import Why
from imssa_sim.config import load_config
from imssa_sim.report.why import rows_of, screen
from imssa_sim.simulation.intervals import Difference, Share


@pytest.fixture(scope="module")
def study() -> Study:
    def outcome(words: str, n: int) -> Outcome:
        return Outcome(
            Variation("array", words, {f"a.b{n}": n}), Share(0.5 + n / 100, 0.4, 0.7),
            Difference(0.02 * n, 0.01), 3e-9, 1e-6, 1e-5,
        )  # fmt: skip

    base = Outcome(None, Share(0.5, 0.44, 0.58), None, 2e-9, 4e-6, 8e-6)
    failed = Outcome(Variation("array", "cannot be", {"c": 1}), error="no room")
    return Study(
        load_config("sdigits"), base, Share(0.97, 0.96, 0.98), Share(0.95, 0.94, 0.96),
        (outcome("one", 1), failed, outcome("two", 2)), (), (), 60, 3, 8, 0, 40.0, False,
    )  # fmt: skip


def test_a_study_in_a_notebook(study: Study) -> None:
    why = Why(study)
    assert repr(why) == "<Why sdigits: 50.0%, 8 runs>"
    without = replace(study, base=replace(study.base, accuracy=None))
    assert repr(Why(without)) == "<Why sdigits: -, 8 runs>"
    html = why._repr_html_()
    rows = [
        [" ".join(cell.split()) for cell in re.findall(r"<t[hd][^>]*>([^<]*)<", row)]
        for row in html.split("<tr")[1:]
    ]
    assert rows == [
        ["part", "change", "accuracy", "accuracy_low", "accuracy_high", "gain", "energy",
         "latency", "area"],
        ["as it is", "", "50.0%", "44.0%", "58.0%", "", "2e-09", "4e-06", "8e-06"],
        ["array", "one", "51.0%", "40.0%", "70.0%", "2.0%", "3e-09", "1e-06", "1e-05"],
        ["array", "two", "52.0%", "40.0%", "70.0%", "4.0%", "3e-09", "1e-06", "1e-05"],
    ]  # fmt: skip
    for text in findings(study):
        assert f"<li>{markup.escape(text)}</li>" in html
    assert why.summary() == screen(study)
    assert why.table.drop(columns="set").to_dict("records")[1] == {
        key: value for key, value in rows_of(study)[1].items() if key != "set"
    }


def test_a_point_of_a_sweep_that_is_kept(done: imssa_sim.Run, tmp_path: Path) -> None:
    place = tmp_path / "0"
    place.mkdir()
    (place / "old").write_text("old", "utf-8")
    record: Any = done.record
    _keep(record.result, record.stats, place)
    names = {file.name for file in place.iterdir()}
    assert "old" not in names
    assert not any(name.endswith((".png", ".svg")) for name in names)
    assert imssa_sim.open_run(place) == done
    manifest = json.loads((place / "manifest.json").read_text("utf-8"))
    assert manifest["command"] == ["imssa_sim", "sweep"]
    assert (place / "summary.txt").read_text("utf-8").splitlines()[-1].endswith(str(place))
