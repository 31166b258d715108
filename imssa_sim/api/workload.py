"""Whatever names a workload becomes a loaded configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from imssa_sim.config import LoadedConfig, RunConfig, load_config
from imssa_sim.config.dump import plain
from imssa_sim.config.load import load_tree
from imssa_sim.errors import InputError
from imssa_sim.registry import unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

Workload: TypeAlias = str | Path | Mapping[str, Any] | RunConfig | LoadedConfig
Settings: TypeAlias = Mapping[str, Any] | Iterable[str]


def load(workload: Workload, set: Settings | None = None, seed: int | None = None) -> LoadedConfig:
    """Return the validated configuration of a workload.

    Parameters
    ----------
    workload : str, Path, mapping, RunConfig or LoadedConfig
        A YAML file, the bare name of a shipped workload, its content, or a configuration.
    set : mapping or iterable of str, optional
        Values that override the workload's: ``{"hardware.adc.bits": 6}`` or
        ``["hardware.adc.bits=6"]``.
    seed : int, optional
        Master seed.

    Raises
    ------
    ConfigError
        With every problem of the workload, its overrides and its cards.
    InputError
        If there is no such workload, or an argument is none of the above.
    """
    texts = overrides(set, seed)
    if isinstance(workload, str | Path):
        return load_config(workload, texts)
    if isinstance(workload, LoadedConfig):
        if not texts:
            return workload
        return load_tree(plain(workload.config), texts, workload.path)
    if isinstance(workload, RunConfig):
        return load_tree(plain(workload), texts)
    if isinstance(workload, Mapping):
        return load_tree(workload, texts)
    raise InputError(
        f"a workload is a path, a name, a mapping or a configuration, not {_kind(workload)}"
    )


def overrides(set: Settings | None, seed: int | None = None) -> tuple[str, ...]:
    """Return overrides as texts ``path=value``.

    Raises
    ------
    InputError
        If ``set`` or the seed is of another kind, or a value cannot stand in a workload.
    """
    if set is None:
        texts: list[str] = []
    elif isinstance(set, Mapping):
        texts = [f"{path}={_value(path, value)}" for path, value in set.items()]
    elif isinstance(set, str) or not isinstance(set, Iterable):
        raise InputError(
            f"set: expected a mapping such as {{'hardware.adc.bits': 6}}, not {_kind(set)}"
        )
    else:
        texts = [str(text) for text in set]
    if seed is not None:
        if not hasattr(seed, "__index__") or isinstance(seed, bool) or int(seed) < 0:
            raise InputError(f"seed: expected an integer from 0 on, not {seed!r}")
        texts.append(f"seed={int(seed)}")
    return tuple(texts)


def _value(path: object, value: Any) -> str:
    try:
        return json.dumps(value, default=_plain)
    except TypeError:
        raise InputError(f"set: {path}: {_kind(value)} cannot stand in a workload") from None


def _plain(value: Any) -> Any:
    """Return a path or a number of NumPy as YAML knows it."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def one_of(what: str, name: object, known: Sequence[str]) -> None:
    """Refuse a name that is not known.

    Raises
    ------
    InputError
        With the nearest name.
    """
    if name not in known:
        raise unknown(what, name, known)


def _kind(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} ({text if len(text) < 60 else text[:57] + '...'})"
