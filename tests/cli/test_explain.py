"""Every line of ``explain``: values with their origins, and every number of every card."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from imssa_sim.cli import main
from imssa_sim.config import load_config
from imssa_sim.config.cards import cards_used
from imssa_sim.units import parse_any

BASE = ("--set", "hardware.base=chips/hermes_64")


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["explain", *words]) == 0
    return capsys.readouterr().out.splitlines()


def numbers(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(numbers, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("options", [(), BASE], ids=["plain", "base"])
def test_every_number_of_every_card(
    options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(["sdigits", *options], capsys)
    cards = cards_used(load_config("sdigits", list(options[1:])).config)
    rest = [line.strip() for line in lines if line.startswith("    ")]
    for card in cards.values():
        (place,) = [n for n, line in enumerate(rest) if line.startswith(f"{card.name}: ")][:1]
        assert re.fullmatch(f"{re.escape(card.name)}: {re.escape(card.title)}  # .*", rest[place])
        assert rest[place].endswith(card.path.name)
        source = Path(card.path).read_text("utf-8").splitlines()
        for entry, line in zip(card.parameters.values(), rest[place + 1 :], strict=False):
            text, _, where = line.rpartition("  # ")
            file, _, number = where.rpartition(":")
            assert file == card.path.name
            assert re.match(rf"\s*{entry.name}\s*:", source[int(number) - 1])
            unit = "" if entry.unit in ("", "1") else f" {entry.unit}"
            begin = f"{entry.name} = {numbers(entry.value)}{unit}"
            assert text.startswith(begin), text
            tail = text.removeprefix(begin)
            origin = ", ".join(part for part in (entry.source, entry.locator) if part)
            status = f" ({entry.status}: {origin})" if origin else f" ({entry.status})"
            if entry.unit:
                assert tail.endswith(status)
            spread = tail.removesuffix(status) if entry.unit else tail
            if entry.range:
                ends = [quantity(end) for end in spread.removeprefix(", ").split(" to ")]
                assert ends == pytest.approx(list(entry.range), rel=2e-3)
            elif isinstance(entry.sigma, float):
                assert quantity(spread.removeprefix(", sigma ")) == pytest.approx(
                    entry.sigma, rel=2e-3
                )
            else:
                assert spread == ""


def quantity(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return parse_any(text)[0]


def test_every_value_and_where_it_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    settings = [*BASE, "--set", "seed=9"]
    loaded = load_config("sdigits", ["hardware.base=chips/hermes_64", "seed=9"])
    values = [line for line in said(["sdigits", *settings], capsys)[1:] if line[0] != " "]
    assert len(values) == len(loaded.origins)
    assert loaded.base is not None
    for (leaf, origin), line in zip(loaded.origins.items(), values, strict=True):
        assert line.startswith(f"{leaf} = ")
        text, _, place = line.rpartition("  # ")
        if origin.file:
            assert place.startswith(Path(origin.file).name)
        else:
            assert place == str(origin)
        found = loaded.base.source_of(leaf.removeprefix("hardware."))
        if origin.kind == "base" and found is not None:
            source = ", ".join(p for p in (" ".join(found.sources), found.locator) if p)
            assert text.endswith(f"({found.status}: {source})" if source else f"({found.status})")
        else:
            assert not re.search(r"\((stated|assumed|derived|measured|fitted)\b", text)


def test_a_section_and_a_number_alone(capsys: pytest.CaptureFixture[str]) -> None:
    loaded = load_config("sdigits")
    whole = said(["sdigits"], capsys)
    for path in ("hardware.adc", "bits", "hardware.chip.tile.cell"):
        lines = said(["sdigits", path], capsys)
        leaves = [x for x in loaded.origins if x == path or x.startswith(f"{path}.")]
        assert [line.split(" = ")[0] for line in lines if line[0] != " "] == leaves
        assert set(lines) <= set(whole)
        cards = [c for p, c in cards_used(loaded.config).items() if f"{p}.".startswith(f"{path}.")]
        assert sum(line[0] == " " for line in lines) == sum(
            1 + len(card.parameters) for card in cards
        )
    card = cards_used(loaded.config)["hardware.adc.card"]
    for name, entry in list(card.parameters.items())[::5]:
        (line,) = said(["sdigits", f"hardware.adc.card.{name}"], capsys)
        assert line.startswith(f"{name} = ")
        assert line.endswith(f"{card.path.name}:{entry.line}")
