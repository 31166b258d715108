"""``validate-chips``: the figures as table, JSON, page and drawing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from imssa_sim.cli import main
from imssa_sim.validation.figure import Figure

FIGURES = (
    Figure("a", "one", 2.0, 4.0, "mW", "k1", "Table 1", "run", note="said"),
    Figure("b", "two", 5.0, 5.5, "ns", "k2", "Fig. 2", "sum", calibrated=True),
    Figure("b", "three", 1.0, None, "ns", "k3", "", "model", reproducible=False),
)


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    asked: list[list[str]] = []

    def figures(chips: list[str]) -> tuple[Figure, ...]:
        asked.append(list(chips))
        return FIGURES

    monkeypatch.setattr("imssa_sim.cli.validate_chips.validate_chips", figures)
    return asked


def test_json_holds_every_field(capsys: pytest.CaptureFixture[str], made: list[list[str]]) -> None:
    assert main(["validate-chips", "a", "b", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    cases = [("out of sample", -0.5), ("calibrated", 5 / 5.5 - 1), ("component model", None)]
    for row, figure, (case, error) in zip(found, FIGURES, cases, strict=True):
        assert row == asdict(figure) | {"case": case, "error": error}
    assert made == [["a", "b"]]


@pytest.mark.parametrize("kind", [".png", ".svg", ".pdf"])
def test_drawings(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"x{kind}"
    assert main(["validate-chips", "-f", str(path)]) == 0
    begin = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[kind]
    assert path.read_bytes().startswith(begin)
    assert capsys.readouterr().out == ""
    assert main(["validate-chips", "-f", str(tmp_path / "no" / f"x{kind}")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_page_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = "imssa_sim.cli.validate_chips"
    monkeypatch.setattr(f"{place}.markdown", lambda figures: f"{len(figures)} µ")
    monkeypatch.setattr(f"{place}.text_table", lambda figures: f"{len(figures)} lines")
    assert main(["validate-chips", "--page", str(tmp_path / "v.md")]) == 0
    assert (tmp_path / "v.md").read_text("utf-8") == "3 µ"
    assert main(["validate-chips", "--page", str(tmp_path / "no" / "v.md")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert main(["validate-chips"]) == 0
    assert capsys.readouterr().out == "3 lines\n"
