"""Every option and argument of every command reaches, alone, the parameter that it is called after.

A walk over the commands: a new option fails until it arrives somewhere.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imssa_sim.api.sweep import Output
from imssa_sim.cli import main
from imssa_sim.cli.app import COMMANDS, command

WORK = {
    "validate": "validate.validate", "explain": "explain.explain", "list": "list.list_available",
    "cite": "cite.cite", "run": "run.run", "why": "why.why", "sweep": "sweep.sweep",
    "search": "search.search", "validate-chips": "validate_chips.validate",
    "export-spice": "export_spice.export_spice", "train": "train.train",
    "fit-card": "fit_card.fit_card", "import-checkpoint": "import_checkpoint.import_checkpoint",
    "compare": "compare.compare_runs", "compare-chips": "compare_chips.compare_chips",
    "report": "report.report",
}  # fmt: skip
"""The function that does the work of a command."""
ELSEWHERE: dict[tuple[str, str], tuple[str, Callable[[Any], Any]]] = {
    ("run", "seed"): ("overrides", lambda value: [f"seed={value}"]),
    ("run", "extrapolate"): ("overrides", lambda value: ["evaluate.extrapolate=true"]),
    ("sweep", "output"): ("folder", lambda value: value),
    ("sweep", "figures"): ("output", lambda value: Output(figures=value)),
    ("sweep", "keep_runs"): ("output", lambda value: Output(runs=value)),
    ("sweep", "formats"): ("output", lambda value: Output(formats=tuple(value))),
    ("compare", "runs"): ("paths", lambda value: value),
    ("import-checkpoint", "output"): ("target", lambda value: value),
}
"""Options that arrive under another name, or as something else."""
APART = {("list", "page")}
"""Options for which another function does the work."""


def options() -> Iterator[tuple[str, str]]:
    for name, sub in command().commands.items():
        for parameter in sub.params:
            if parameter.name != "help" and (name, parameter.name) not in APART:
                yield name, str(parameter.name)


def words(name: str, parameter: Any, number: int = 3) -> tuple[list[str], Any]:
    """Return a legal use of a parameter, and the value that it stands for."""
    wanted = f"{name.replace('-', '_')}_command"
    (function,) = (getattr(m, wanted) for m in COMMANDS if hasattr(m, wanted))
    hint = str(typing.get_type_hints(function)[parameter.name])
    value: Any
    if "bool" in hint:
        value = not parameter.default
        return [(parameter.opts if value else parameter.secondary_opts)[-1]], value
    if "int" in hint:
        value = 17 + number
    elif "float" in hint:
        value = 17.5 + number
    else:
        value = "parquet" if parameter.name == "formats" else f"{parameter.name}{number}"
    text = str(value)
    value = Path(value) if "Path" in hint else value
    value = [value] if "list" in hint else value
    return ([parameter.opts[-1], text] if parameter.opts[0].startswith("-") else [text]), value


def arrived(name: str, argv: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a command line hands to the function that does the work."""
    module, function = WORK[name].split(".")
    place = importlib.import_module(f"imssa_sim.cli.{module}")
    signature, found = inspect.signature(getattr(place, function)), []
    with monkeypatch.context() as context:
        context.setattr(place, function, lambda *a, **k: found.append(signature.bind(*a, **k)))
        assert main([name, *argv]) == 0
    (bound,) = found
    bound.apply_defaults()
    return dict(bound.arguments)


def test_every_command_is_walked() -> None:
    assert set(command().commands) == set(WORK)


@pytest.mark.parametrize(("name", "option"), list(options()))
def test_an_option_arrives(name: str, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters: dict[str, Any] = {str(p.name): p for p in command().commands[name].params}
    given = parameters[option]
    before: list[str] = []
    for number, p in enumerate(parameters.values()):
        # Arguments before this one, and whatever must be there.
        positional = not p.opts[0].startswith("-")
        ahead = positional and list(parameters).index(str(p.name)) < list(parameters).index(option)
        if p is not given and (p.required or (ahead and not given.opts[0].startswith("-"))):
            before += words(name, p, number)[0]
    used, value = words(name, given, 7)
    with_it = arrived(name, before + used, monkeypatch)
    to, as_what = ELSEWHERE.get((name, option), (option, lambda value: value))
    assert with_it[to] == as_what(value)
    if given.required:
        return
    without = arrived(name, before, monkeypatch)
    assert {key for key in with_it if with_it[key] != without[key]} == {to}
