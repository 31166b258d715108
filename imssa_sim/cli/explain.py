"""``explain``: every resolved value, and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from imssa_sim.cards import Card, Entry
from imssa_sim.config import LoadedConfig, Origin, RunConfig, load_config
from imssa_sim.config.cards import cards_used
from imssa_sim.config.dump import plain_value
from imssa_sim.errors import InputError, nearest
from imssa_sim.units import format_si, parse_unit, si_unit_of


def explain(workload: str, path: str | None, overrides: list[str]) -> None:
    """Print the values at and below a dotted path, all of them by default.

    A path may also name a parameter of a card, ``hardware.adc.card.energy_constant``; of a run's
    directory it names a statistic.

    Raises
    ------
    InputError
        If the path names nothing.
    """
    if Path(workload).expanduser().is_dir():
        _explain_run(workload, path, overrides)
        return
    loaded = load_config(workload, overrides)
    cards = cards_used(loaded.config)
    shown = 0
    if path is None:
        print(f"# {loaded.path.name}: {_short(loaded.path.absolute())}")
    for leaf, origin in loaded.origins.items():
        named = {p: c for p, c in cards.items() if p == leaf or p.startswith(f"{leaf}.")}
        if path is None or _within(leaf, path):
            value = f"{leaf} = {_text(_value(loaded.config, leaf))}{_stated(loaded, leaf, origin)}"
            print(f"{value}  # {_place(origin)}")
            shown += 1
            for card in named.values():
                print(f"    {_heading(card)}")
                for entry in card.parameters.values():
                    print(f"    {_entry(entry, card.path.name)}")
            continue
        for where, card in named.items():
            for name, entry in card.parameters.items():
                if _within(f"{where}.{name}", path):
                    print(_entry(entry, _short(card.path)))
                    shown += 1
    if path is not None and not shown:
        raise InputError(f"{workload} has no value at '{path}'{_advice(path, loaded, cards)}")


def _explain_run(run: str, name: str | None, overrides: list[str]) -> None:
    """Print where a statistic of a finished run comes from."""
    from imssa_sim.api.result import open_run

    if overrides:
        raise InputError("--set applies to a workload; a run's folder holds what was run")
    opened = open_run(run)
    if name is None:
        raise InputError(
            f"name a statistic of {run}, for example energy.inference; stats.txt has all"
        )
    print(opened.explain(name))


def _advice(path: str, loaded: LoadedConfig, cards: dict[str, Card]) -> str:
    sections = {leaf.rsplit(".", n)[0] for leaf in loaded.origins for n in range(1, 4)}
    inside = [f"{where}.{name}" for where, card in cards.items() for name in card.parameters]
    close = nearest(path, [*loaded.origins, *sorted(sections), *inside])
    return f"; did you mean '{close}'?" if close else "; without a path, explain shows them all"


def _within(leaf: str, path: str) -> bool:
    return leaf == path or leaf.startswith(f"{path}.")


def _value(config: RunConfig, leaf: str) -> Any:
    section: Any = config
    *parents, last = leaf.split(".")
    for name in parents:
        section = getattr(section, name)
    return plain_value(section, last)


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)


def _short(path: Path) -> str:
    try:
        relative = path.relative_to(os.getcwd())
    except ValueError:
        return str(path)
    return str(relative)


def _place(origin: Origin) -> str:
    """Return where a value comes from; files by their names, which the first line explains."""
    return (
        str(origin).replace(origin.file, Path(origin.file).name, 1) if origin.file else str(origin)
    )


def _stated(loaded: LoadedConfig, leaf: str, origin: Origin) -> str:
    """Return the status and source of a value that the chip gives on which the hardware rests."""
    if loaded.base is None or origin.kind != "base":
        return ""
    found = loaded.base.source_of(leaf.removeprefix("hardware."))
    if found is None:
        return ""
    source = ", ".join(part for part in (" ".join(found.sources), found.locator) if part)
    return f" ({found.status}{f': {source}' if source else ''})"


def _heading(card: Card) -> str:
    return f"{card.name}: {card.title}  # {_short(card.path)}"


def _entry(entry: Entry, file: str) -> str:
    number = f"{_text(entry.value)} {entry.unit}"
    number = number.removesuffix(" 1").rstrip()
    spread = ""
    if entry.range:
        unit = si_unit_of(parse_unit(entry.unit))
        low, high = (format_si(bound, unit) for bound in entry.range)
        spread = f", {low} to {high}"
    elif isinstance(entry.sigma, float):
        spread = f", sigma {format_si(entry.sigma, si_unit_of(parse_unit(entry.unit)))}"
    source = ", ".join(part for part in (entry.source, entry.locator) if part)
    status = f" ({entry.status}{f': {source}' if source else ''})" if entry.unit else ""
    return f"{entry.name} = {number}{spread}{status}  # {file}:{entry.line}"
