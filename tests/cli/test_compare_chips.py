"""``compare-chips`` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.cli import main
from imssa_sim.comparison import chips
from imssa_sim.simulation.run import simulate

SMALL = ("compare-chips", "sdigits", "chips/puma", "chips/isaac_ce", "--samples", "4", "--chips",
         "1")  # fmt: skip


def test_prints_tables_and_stores_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "chips"
    assert main([*SMALL, "-o", str(folder)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert (folder / "chips.txt").read_text("utf-8").splitlines() == out[:-1]
    assert [line.split()[0] for line in out if line.startswith(("own", "puma ", "isaac_ce "))] == [
        "own", "puma", "isaac_ce", "own", "puma", "isaac_ce", "puma", "isaac_ce",
    ]  # fmt: skip
    assert (folder / "chips.png").exists()


def test_an_interrupt_prints_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def third_is_interrupted(*args: object, **kwargs: object) -> object:
        made.append(args)
        if len(made) == 3:
            raise KeyboardInterrupt
        return simulate(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(chips, "simulate", third_is_interrupted)
    folder = tmp_path / "chips"
    assert main([*SMALL, "-o", str(folder)]) == 130
    out = capsys.readouterr().out
    assert "interrupted" in out
    assert "puma" in out
    assert "isaac_ce" not in out
    assert (folder / "chips.csv").exists()


def test_bad_input_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare-chips", "sdigit"]) == 2
    assert "sdigits" in capsys.readouterr().err
    assert main(["compare-chips", "sdigits", "herms"]) == 2
    assert "list chips" in capsys.readouterr().err
    assert main(["compare-chips", "sdigits", "--samples", "0"]) == 2
