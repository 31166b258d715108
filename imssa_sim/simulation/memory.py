"""What runs of one process share: data and network, quantised networks, executions."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from imssa_sim.config.functional import functional_part

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from imssa_sim.config.schema import RunConfig

Item = TypeVar("Item")


def remembered(memory: MutableMapping[str, Any] | None, key: str, make: Callable[[], Item]) -> Item:
    """Return what ``memory`` holds under a key, made and put there if it is not; without, made."""
    if memory is None:
        return make()
    if key not in memory:
        memory[key] = make()
    found: Item = memory[key]
    return found


def functional_key(config: RunConfig) -> str:
    """Hash of all that the values and counts of a run depend on.

    Two configurations with one key differ only in costs and times, so one functional execution
    serves both.
    """
    return _hash(functional_part(config))


def input_key(config: RunConfig, *more: object) -> str:
    """Hash of all that data, weights and the chosen sequences depend on, and of ``more``."""
    sections = (config.model, config.data, config.calibration)
    return _hash(
        [*map(functional_part, sections), config.evaluate.drawn, config.seed, *map(repr, more)]
    )


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
