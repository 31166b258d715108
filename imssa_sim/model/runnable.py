"""Which networks can be quantised and mapped; others run in floating point alone."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.errors import InputError
from imssa_sim.model.checkpoint import stored_structure
from imssa_sim.model.structure import Structure

_DENSE = ("s5", "lru")
"""Families whose one state mixes all channels."""


def check_runnable(path: Path | None, family: str) -> None:
    """Refuse a network that cannot be quantised, before data are read.

    Parameters
    ----------
    path : Path or None
        Checkpoint of the network.
    family : str
        What a workload says.

    Raises
    ------
    InputError
        The file does not say what it holds, or it or the family cannot be quantised.
    """
    called = family
    reasons = []
    if path is not None and path.is_file():
        structure = stored_structure(path)
        if structure is None:
            raise InputError(
                f"{path}: it does not say which network it holds; "
                f"`imssa_sim import-checkpoint {path} -o OUT.safetensors` finds out and writes a "
                "file that does"
            )
        called = structure.family
        reasons = _beyond(structure)
    if called in _DENSE:
        reasons.insert(0, f"family {called}, whose state mixes all channels (dense B and C)")
    if reasons:
        where = "the workload" if path is None else str(path)
        raise InputError(
            f"{where}: this network has {'; '.join(reasons)}. So far that runs in floating point "
            "alone (imssa_sim.load_network)"
        )


def _beyond(structure: Structure) -> list[str]:
    """Return what cannot be quantised, in words."""
    found = []
    if structure.real_modes:
        found.append("real modes")
    return found
