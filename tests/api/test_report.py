"""`imssa_sim.write_report`: what it takes, where it writes, what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import imssa_sim
from imssa_sim.cli import main


@pytest.fixture(scope="module")
def stored(done: imssa_sim.Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return done.save(tmp_path_factory.mktemp("runs") / "run", figures=False)


def test_a_stored_run_and_a_live_one_give_the_same_figures(
    done: imssa_sim.Run, stored: Path, tmp_path: Path
) -> None:
    live = done.report(tmp_path / "live.html").read_text("utf-8")
    again = imssa_sim.open_run(stored).report(tmp_path / "stored.html").read_text("utf-8")
    assert live[: live.index("<footer>")] == again[: again.index("<footer>")]


def test_a_report_replaces_a_report_and_nothing_else(stored: Path) -> None:
    first = imssa_sim.write_report(stored)
    assert first == stored / "report.html"
    assert imssa_sim.write_report(str(stored)) == first
    mine = stored.parent / "mine.html"
    mine.write_text("mine", "utf-8")
    with pytest.raises(imssa_sim.InputError, match="no report"):
        imssa_sim.write_report(stored, mine)
    assert mine.read_text("utf-8") == "mine"
    assert [p.name for p in stored.glob(".*")] == []


def test_numbers_and_origins_of_the_run_are_in_it(stored: Path) -> None:
    text = imssa_sim.write_report(stored).read_text("utf-8")
    for words in ("survey_andrulis_2024", "assumed", "accuracy.analog.mean", "jetson nano 10w"):
        assert words in text
    rows = imssa_sim.open_run(stored).record.table("settings")
    assert {row["origin"] for row in rows} == {"file", "default"}
    assert {row["setting"]: row["value"] for row in rows}["evaluate.chips"] == "2"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{run}", "{run}", "--html"], "-o FILE"),
        (["{run}", "{run}"], "--html"),
        (["{run}", "-o", "x.html"], "--html"),
        (["{run}/nothing", "--html", "-o", "x.html"], "does not exist"),
        (["{run}", "--html", "-o", "{run}/no/x.html"], "does not exist"),
    ],
)
def test_bad_input_is_told(
    stored: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["report", *(word.format(run=stored) for word in words)]) == 2
    assert told in capsys.readouterr().err


def test_the_command_prints_where_it_is(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(stored), "--html"]) == 0
    assert capsys.readouterr().out.strip() == str(stored / "report.html")
    assert main(["report", str(stored)]) == 0
    assert "accuracy" in capsys.readouterr().out
