"""``import-checkpoint``: other people's networks as safetensors that say what they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.model.structure import Structure


def import_checkpoint(
    source: Path,
    target: Path,
    family: str | None,
    options: list[str],
    renamed: list[str],
    check: Path | None,
) -> None:
    """Read a checkpoint of any known family, write it, and print every assumption.

    Raises
    ------
    InputError
        The source cannot be read, fits no structure or several, or fails the check; the target
        exists or cannot be written; an option is none.
    """
    from imssa_sim.foreign.choose import parse_options
    from imssa_sim.foreign.network import import_checkpoint as run_import

    found = run_import(source, target, family, parse_options(options), _pairs(renamed), check)
    for line in found.assumptions:
        print(f"  {line}")
    if found.deviation is not None:
        print(f"  largest deviation {found.deviation:.2g} of the largest output of {check}")
    network, structure = found.network, found.structure
    print(
        f"{target}: {structure.family}, {structure.layers} layers, H = {structure.width}, "
        f"N = {structure.state}, {structure.inputs} inputs, {structure.classes} outputs, "
        f"{network.parameters:,} parameters"
    )
    print(f"in a workload:\n  model: {_section(structure, target)}")


def _section(structure: Structure, target: Path) -> str:
    """Return the ``model`` section of a workload that runs the network, on a line of YAML."""
    from imssa_sim.config.schema import ModelConfig

    known = ModelConfig.model_fields
    words = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in structure.as_dict().items()
        if name in known and (known[name].is_required() or value != known[name].default)
    }
    listed = [f"{name}: {value}" for name, value in words.items()]
    return "{" + ", ".join([*listed, f"checkpoint: {target}"]) + "}"


def _pairs(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not (old and equals and new):
            raise InputError(f"--map {text}: write OLD=NEW, as backbone.in=encoder")
        found[old] = new
    return found
