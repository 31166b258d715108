"""Training configurations: YAML with positions, ``--set`` overrides, validation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from imssa_sim.config.overrides import parse_override
from imssa_sim.config.problems import describe
from imssa_sim.config.tree import Tree
from imssa_sim.errors import ConfigError, InputError, Problem, nearest
from imssa_sim.files.source import read_file
from imssa_sim.training.schema import TrainConfig


def load_train_config(path: Path, overrides: Iterable[str] = ()) -> TrainConfig:
    """Load a training configuration.

    Parameters
    ----------
    path : Path
        A YAML file.
    overrides : iterable of str
        Texts such as ``train.lr=0.005``, applied in order.

    Raises
    ------
    ConfigError
        With every problem found, each with its position.
    InputError
        There is no such file.
    """
    if not path.is_file():
        neighbours = (
            sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        )
        close = nearest(path.name, neighbours)
        hint = f"; did you mean '{path.with_name(close)}'?" if close else ""
        raise InputError(f"{path}: there is no such training configuration{hint}")
    shown = str(path)
    tree = Tree(read_file(path, shown), shown)
    problems: list[Problem] = []
    for text in overrides:
        try:
            tree.apply(parse_override(text, TrainConfig))
        except ConfigError as error:
            problems += error.problems
    folder = path.absolute().parent
    config: TrainConfig | None = None
    try:
        config = TrainConfig.model_validate(tree.expanded(), context={"folder": str(folder)})
    except ValidationError as error:
        problems += [tree.locate(loc, problem) for loc, problem in describe(error, TrainConfig)]
    problems += tree.missing_files(folder)
    if problems or config is None:
        raise ConfigError(dict.fromkeys(problems))
    return config
