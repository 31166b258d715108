"""``list``: every section, every kind of card, and one's own cards among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.cards import list_cards
from imssa_sim.cards.load import KINDS
from imssa_sim.cli import main
from imssa_sim.config import load_base, load_config
from imssa_sim.data import dataset_description, dataset_names
from imssa_sim.files import locate

CARD = """\
name: own/{name}
kind: {kind}
title: my {name}
parameters:
  energy: {{value: 1.5, unit: pJ, status: assumed}}
"""


def rows(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    assert main(["list", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    places = [line.partition("  ") for line in lines]
    return [(name.strip(), text.strip()) for name, _, text in places]


@pytest.mark.parametrize("kind", KINDS)
def test_cards_of_a_kind_with_ones_own(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    for name in KINDS:
        (folder / f"{name}.yaml").write_text(CARD.format(name=name, kind=name), "utf-8")
    (folder / "no_card.yaml").write_text("workload: x\n", "utf-8")
    shipped = [(card.name, card.title) for card in list_cards(kind)]
    assert rows(["--kind", kind], capsys) == shipped
    mine = [(str(folder / f"{kind}.yaml"), f"my {kind}")]
    assert rows(["cards", "--kind", kind, str(tmp_path)], capsys) == shipped + mine
    assert rows(["cards", "--kind", kind, str(folder / f"{kind}.yaml")], capsys) == shipped + mine
    other = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
    assert rows(["cards", "--kind", kind, str(folder / f"{other}.yaml")], capsys) == shipped


def test_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    sections = {
        "cards": [(card.name, card.title) for card in list_cards()],
        "workloads": [
            (name, " ".join(load_config(name).config.description.split()))
            for name in locate.workload_names()
        ],
        "chips": [(name, load_base(name).title) for name in locate.base_names()],
        "data": [(name, dataset_description(name)) for name in dataset_names()],
    }
    for name, expected in sections.items():
        assert rows([name], capsys) == expected
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line and line[0] != " "] == list(sections)


def test_a_workload_that_does_not_load_is_still_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from imssa_sim.errors import InputError

    def refuse(name: str) -> None:
        raise InputError(f"{name} cannot be\nand more")

    monkeypatch.setattr("imssa_sim.cli.list.load_config", refuse)
    for name, text in rows(["workloads"], capsys):
        assert text == f"(does not load: {name} cannot be)"
