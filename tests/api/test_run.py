"""One run: the numbers of the command line, stored and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib._pylab_helpers import Gcf

import imssa_sim
from imssa_sim.api.workload import load
from imssa_sim.cli import main
from imssa_sim.config import dump_resolved


def numbers(values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not name.startswith("host.")}


def test_the_command_line_gives_the_same_numbers(
    done: imssa_sim.Run, tiny: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(dump_resolved(load(tiny)), "utf-8")
    assert main(["run", str(path), "--json", "--no-figures", "-o", str(tmp_path / "out")]) == 0
    assert numbers(json.loads(capsys.readouterr().out)) == numbers(done.record.values)
    stored = imssa_sim.open_run(tmp_path / "out")
    assert stored.predictions.equals(done.predictions)
    assert stored.ledger.equals(done.ledger)


def test_save_reserves_its_directory_first(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = imssa_sim.run(tiny, save=tmp_path / "out", figures=False, seed=3)
    assert run.path == tmp_path / "out"
    assert run == imssa_sim.open_run(tmp_path / "out")
    assert run.manifest["command"] == ["imssa_sim.run"]
    assert str(run.path) in (tmp_path / "out" / "summary.txt").read_text("utf-8")
    with pytest.raises(imssa_sim.InputError, match="exists already"):
        imssa_sim.run(tiny, save=tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    again = imssa_sim.run(tiny, save=True, figures=False)
    assert again.path is not None
    assert again.path.parent == Path("runs")
    assert again.path.is_dir()


def test_the_settings_and_the_engine_are_taken(tiny: dict[str, Any], done: imssa_sim.Run) -> None:
    static = {"hardware.chip.arbitration": "static", "evaluate.chips": 1}
    a, b = (imssa_sim.run(tiny, set=static, engine=e) for e in ("event", "recurrence"))
    assert a["time.end_to_end_ticks"] == b["time.end_to_end_ticks"]
    assert a.config["evaluate.chips"] == 1
    assert a != done
    assert imssa_sim.run(tiny, seed=1)["accuracy.analog.mean"] is not None


def test_uncertainty_is_shown_and_stored(tiny: dict[str, Any], tmp_path: Path) -> None:
    run = imssa_sim.run(tiny, uncertainty=True)
    assert "uncertainty:" in run.summary()
    assert run["uncertainty.energy.low"] < run["energy.inference"] < run["uncertainty.energy.high"]
    run.save(tmp_path / "out", figures=False)
    assert (tmp_path / "out" / "uncertainty.json").is_file()
    assert imssa_sim.open_run(tmp_path / "out").summary().startswith("─")


class Heard:
    """A Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.notes: list[str] = []

    def phase(self, name: str, total: int) -> None:
        self.phases.append(name)

    def advance(self, done: int) -> None:
        pass

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_progress_is_told(tiny: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    heard = Heard()
    imssa_sim.run(tiny, progress=heard)
    assert "timing" in heard.phases
    assert any("data: sdigits" in note for note in heard.notes)
    assert capsys.readouterr() == ("", "")
    imssa_sim.run(tiny)
    said = capsys.readouterr()
    assert said.out == ""
    # A first run says before that it compiles.
    assert any(line.startswith("data: sdigits") for line in said.err.splitlines())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"engine": "evnt"}, "unknown engine 'evnt'; did you mean 'event'"),
        ({"progress": 3}, "progress: expected True, False"),
        ({"set": {"hardware.adc.bitz": 6}}, "did you mean 'hardware.adc.bits'"),
        ({"set": {"model.classes": 7}}, "model.classes"),
    ],
)
def test_bad_arguments_are_refused(tiny: dict[str, Any], given: Any, said: str) -> None:
    with pytest.raises(imssa_sim.InputError, match=said):
        imssa_sim.run(tiny, **given)


def test_figures_are_none_of_pyplot(done: imssa_sim.Run) -> None:
    before = dict(Gcf.figs)
    done.figure("energy")
    assert before == Gcf.figs
