"""Which networks can be quantised and mapped; others run in floating point alone."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.errors import InputError
from imssa_sim.model.checkpoint import stored_structure


def check_runnable(path: Path | None) -> None:
    """Refuse a network that cannot be quantised, before data are read.

    Parameters
    ----------
    path : Path or None
        Checkpoint of the network.

    Raises
    ------
    InputError
        The file does not say what it holds, or it cannot be quantised.
    """
    if path is None or not path.is_file():
        return
    structure = stored_structure(path)
    if structure is None:
        raise InputError(
            f"{path}: it does not say which network it holds; `imssa_sim import-checkpoint {path} "
            "-o OUT.safetensors` finds out and writes a file that does"
        )
    if structure.real_modes:
        raise InputError(
            f"{path}: this network has real modes. So far that runs in floating point alone "
            "(imssa_sim.load_network)"
        )
