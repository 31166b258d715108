"""How commands end: what they print of what is stored, quietly nothing, and by which exit code."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imssa_sim.cli import main

ENDINGS = {
    "compare-chips": (["compare-chips", "w"], "compare_chips.compare_workload", "chips      {}"),
    "why": (["why", "w"], "why.study_workload", "why        {}"),
    "search": (["search", "w.yaml"], "search.run_search", "search: {}"),
}


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("name", ENDINGS)
def test_what_was_found_is_printed_with_its_place(
    name: str, quiet: bool, interrupted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    words, place, last = ENDINGS[name]
    module, function = place.split(".")
    done = SimpleNamespace(
        path=tmp_path / "kept", summary=lambda: "the tables", interrupted=interrupted
    )
    found: list[dict[str, Any]] = []

    def note(*args: Any, **kwargs: Any) -> Any:
        found.append(kwargs)
        return done

    monkeypatch.setattr(importlib.import_module(f"imssa_sim.cli.{module}"), function, note)
    monkeypatch.setattr("imssa_sim.searches.plan.read_search", lambda *args: args)
    code = main([*words, *(["-q"] if quiet else [])])
    assert code == (130 if interrupted else 0)
    out = capsys.readouterr().out.splitlines()
    said = ["the tables", last.format(done.path)]
    if name == "search" and interrupted:
        said.append(f"interrupted; to go on: the same command with -o {done.path}")
    assert out == ([] if quiet else said)
    if name != "search":
        assert found[0]["save"] is True  # a folder of its own where none is named


@pytest.mark.parametrize("name", ["compare-chips", "why", "run"])
def test_a_folder_that_is_named_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = {
        "compare-chips": "compare_chips.compare_workload", "why": "why.study_workload",
        "run": "run.run_workload",
    }[name]  # fmt: skip
    module, function = place.split(".")
    found: list[Any] = []

    def note(*args: Any, **kwargs: Any) -> Any:
        found.append(kwargs["save"])
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module(f"imssa_sim.cli.{module}"), function, note)
    assert main([name, "w", "-o", "there"]) == 130
    assert main([name, "w"]) == 130
    assert found == [Path("there"), True]


@pytest.mark.parametrize(
    ("columns", "width"), [("30", 40), ("40", 40), ("66", 66), ("80", 80), ("200", 80)]
)
def test_a_run_is_printed_as_wide_as_the_terminal(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = SimpleNamespace(
        path=Path("kept"), summary=lambda wide: f"{wide} wide",
        record=SimpleNamespace(values={"b": 1.5, "a": None}),
    )  # fmt: skip
    monkeypatch.setattr("imssa_sim.cli.run.run_workload", lambda *a, **k: done)
    assert main(["run", "w"]) == 0
    assert capsys.readouterr().out == f"{width} wide\n"
    assert main(["run", "w", "-q"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["run", "w", "--json"]) == 0
    assert capsys.readouterr().out == '{\n  "b": 1.5,\n  "a": null\n}\n'


def test_a_fitted_card_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found: list[Any] = []

    def note(*args: Any) -> Any:
        found.append(args)
        return SimpleNamespace(summary=lambda: "a summary")

    monkeypatch.setattr("imssa_sim.cli.fit_card.fit", note)
    assert main(["fit-card", "d.csv", "-o", "x/own.yaml"]) == 0
    assert found == [(Path("d.csv"), Path("x/own.yaml"))]
    assert capsys.readouterr().out == "a summary\ncard       x/own.yaml, figure x/own.png\n"


def test_a_card_is_told_by_its_keys(tmp_path: Path) -> None:
    from imssa_sim.cli.own_cards import is_card

    for text, card in (
        ("kind: adc\nparameters:\n  a: 1\n", True), ("kind: adc\n", False),
        ("parameters: {}\n", False), ("workload: kind\n x: parameters\n", False),
    ):  # fmt: skip
        path = tmp_path / "x.yaml"
        path.write_text(text, "utf-8")
        assert is_card(path) is card
    path.write_bytes(b"\xff\xfe kind")
    assert not is_card(path)
    assert not is_card(tmp_path)
