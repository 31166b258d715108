"""``validate``: tell whether a workload is ready to run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from imssa_sim.cards import load_card
from imssa_sim.cli.own_cards import is_card
from imssa_sim.config import LoadedConfig, load_config
from imssa_sim.config.cards import cards_used
from imssa_sim.errors import ConfigError, InputError, Problem, nearest
from imssa_sim.validity import extrapolating


def validate(workload: str, overrides: list[str]) -> None:
    """Print one line about a valid workload, or about a valid card.

    Raises
    ------
    ImssaError
        With every problem of the workload, its overrides and its cards; or with the first that a
        run would come upon, as far as that can be known without the data.
    """
    from imssa_sim.simulation.checks import check_by_trial, check_settings, doubts

    path = Path(workload).expanduser()
    if path.is_file() and is_card(path):
        _card(path, overrides)
        return
    loaded = load_config(workload, overrides)
    problems = _unknown_data(loaded)
    if problems:
        raise ConfigError(problems)
    with extrapolating(loaded.config.evaluate.extrapolate) as beyond:
        check_settings(loaded.config)
        check_by_trial(loaded.config)
    kinds = Counter(origin.kind for origin in loaded.origins.values())
    cards = {card.name for card in cards_used(loaded.config).values()}
    base = f"{kinds['base']} from {loaded.base.name}, " if loaded.base else ""
    print(
        f"{loaded.path}: valid ({len(loaded.origins)} values: {kinds['file']} from the file, "
        f"{base}{kinds['override']} overridden, {kinds['default']} defaults; {len(cards)} cards)"
    )
    for message in beyond:
        print(f"warning: extrapolated: {message}")
    for doubt in doubts(loaded.config):
        print(f"warning: {doubt}")


def _card(path: Path, overrides: list[str]) -> None:
    """Print one line about a valid card."""
    from imssa_sim.devices.cell import cell_of

    if overrides:
        raise InputError(f"--set applies to a workload; {path} is a card")
    card = load_card(str(path.absolute()))
    if card.kind == "cell":
        cell_of(card)
    statuses = Counter(entry.status for entry in card.parameters.values() if entry.unit)
    shares = ", ".join(f"{number} {status}" for status, number in statuses.most_common())
    print(f"{path}: valid {card.kind} card ({sum(statuses.values())} numbers: {shares})")


def _unknown_data(loaded: LoadedConfig) -> list[Problem]:
    from imssa_sim.data import dataset_names

    known = dataset_names()
    problems = []
    for key in ("name", "fallback"):
        name = getattr(loaded.config.data, key)
        if name is not None and name not in known:
            origin = loaded.origins[f"data.{key}"]
            problems.append(
                Problem(
                    f"unknown data set '{name}'",
                    origin.file,
                    origin.line,
                    origin.column,
                    f"data.{key}",
                    nearest(name, known),
                    f"data sets: {', '.join(known)}",
                )
            )
    return problems
