"""Workload file and overrides to a validated `RunConfig`, with the origin of every value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from imssa_sim.cards import load_card
from imssa_sim.config.base import Base
from imssa_sim.config.cards import card_references
from imssa_sim.config.fields import Section
from imssa_sim.config.overrides import parse_override
from imssa_sim.config.problems import describe
from imssa_sim.config.schema import RunConfig
from imssa_sim.config.tree import Origin, Tree
from imssa_sim.errors import ConfigError, Problem
from imssa_sim.files import locate
from imssa_sim.files.source import Document, KeyPath, dotted, read_file


@dataclass(frozen=True)
class LoadedConfig:
    """A validated configuration and its history.

    Attributes
    ----------
    config : RunConfig
        The whole configuration, defaults filled in, SI.
    origins : mapping of str to Origin
        By dotted path, one for each leaf of ``config``.
    path : Path
        The workload file.
    overrides : tuple of str
        The ``--set`` texts that were applied, in order.
    base : Base or None
        The chip that the hardware section rests on.
    """

    config: RunConfig
    origins: Mapping[str, Origin]
    path: Path
    overrides: tuple[str, ...] = ()
    base: Base | None = None


def load_config(path_or_name: str | Path, overrides: Iterable[str] = ()) -> LoadedConfig:
    """Load a workload file, apply overrides, and validate the whole.

    Parameters
    ----------
    path_or_name : str or Path
        A YAML file, or the bare name of a workload that comes with the package.
    overrides : iterable of str
        Texts such as ``hardware.adc.bits=6``, applied in order, later ones win. Values are YAML;
        relative paths in them start from the current folder.

    Raises
    ------
    ConfigError
        With every problem found, each with its position.
    InputError
        If there is no such workload.
    """
    shown = str(path_or_name)
    path = locate.find_workload(shown)
    if path != Path(shown).expanduser():
        here = Path.cwd()
        shown = str(path.relative_to(here) if path.is_relative_to(here) else path)
    return _load(
        Tree(read_file(path, shown), shown), tuple(overrides), path, path.absolute().parent
    )


def load_tree(
    given: Mapping[str, Any], overrides: Iterable[str] = (), path: Path | None = None
) -> LoadedConfig:
    """Validate the content of a workload that stands in no file, with overrides.

    Parameters
    ----------
    given : mapping
        What a workload file would hold; relative paths start from the current folder.
    overrides : iterable of str
        As for `load_config`.
    path : Path, optional
        File that it came from first.

    Raises
    ------
    ConfigError
        With every problem found, by dotted path.
    """
    tree = Tree(Document(_content(given)), "workload")
    return _load(tree, tuple(overrides), path or Path("workload"), Path.cwd())


def _content(value: Any) -> Any:
    """Return a copy in plain dicts, lists and texts."""
    if isinstance(value, Mapping):
        return {str(key): _content(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_content(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _load(tree: Tree, texts: tuple[str, ...], path: Path, folder: Path) -> LoadedConfig:
    """Apply overrides and validate the whole; relative paths start from ``folder``."""
    tree.rest_on_base(folder)
    problems: list[Problem] = []
    for text in texts:
        try:
            tree.apply(parse_override(text, RunConfig))
        except ConfigError as error:
            problems += error.problems
    config: RunConfig | None = None
    try:
        config = RunConfig.model_validate(tree.expanded(), context={"folder": str(folder)})
    except ValidationError as error:
        problems += [tree.locate(loc, p) for loc, p in describe(error, RunConfig)]
    problems += tree.missing_files(folder)
    if config is not None:
        problems += _card_problems(config, tree)
    if problems or config is None:
        raise ConfigError(dict.fromkeys(problems))
    origins = {dotted(leaf): tree.origin(leaf) for leaf in leaves(config)}
    return LoadedConfig(config, MappingProxyType(origins), path, texts, tree.base)


def _card_problems(config: RunConfig, tree: Tree) -> Iterator[Problem]:
    """Yield what is wrong within the cards, and cards that stand in another kind's place."""
    for path, name, kind in card_references(config):
        try:
            card = load_card(name)
        except ConfigError as error:
            yield from error.problems
            continue
        if card.kind != kind:
            what = f"'{name}' is a card of kind '{card.kind}', not '{kind}'"
            place: KeyPath = tuple(int(p) if p.isdigit() else p for p in path.split("."))
            yield tree.locate(
                place, Problem(what, remedy=f"`list --kind {kind}` shows those of the package")
            )


def leaves(config: Section, prefix: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every value of a configuration that is not itself a section."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, Section):
            yield from leaves(value, (*prefix, name))
        else:
            yield (*prefix, name)
