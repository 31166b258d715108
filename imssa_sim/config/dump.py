"""The resolved configuration as YAML that loads back to the same `RunConfig`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from imssa_sim.config.fields import Quantity, Section
from imssa_sim.config.load import LoadedConfig
from imssa_sim.config.walk import marks
from imssa_sim.units import format_exact


def dump_resolved(loaded: LoadedConfig) -> str:
    """Return the whole configuration, defaults and overrides included, as YAML.

    Loading the text gives an equal `RunConfig`, to the last bit of every quantity; paths are
    absolute.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.width = 4096
    stream = io.StringIO()
    yaml.dump(plain(loaded.config), stream)
    head = [f"Resolved from {loaded.path}", *(f"--set {text}" for text in loaded.overrides)]
    comments = "".join(f"# {' '.join(line.split())}\n" for line in head)
    return comments + stream.getvalue()


def plain(config: Section) -> dict[str, Any]:
    """Return a section as nested dict of YAML values, quantities as text with a unit."""
    return {name: plain_value(config, name) for name in type(config).model_fields}


def plain_value(config: Section, name: str) -> Any:
    """Return one value of a section as it would stand in a workload file."""
    value = getattr(config, name)
    if isinstance(value, Section):
        return plain(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Path):
        return str(value)
    for mark in marks(type(config).model_fields[name]):
        if isinstance(mark, Quantity) and value is not None:
            return format_exact(value, mark.dimension)
    return value
