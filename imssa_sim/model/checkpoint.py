"""Networks as safetensors files, with metadata, under the reference implementation's names.

Complex parameters are stored as (…, 2), real part first. Everything that shapes alone do not tell
(kind and position of the norm, discretisation) stands in the file's metadata, as one JSON text
under ``imssa_sim``: with several entries their order, and so the file's bytes, would be random.
Loading checks every name, shape and value, and reports all that is wrong at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.config.schema import ModelConfig
from imssa_sim.errors import InputError
from imssa_sim.model.network import Network
from imssa_sim.model.scales import ENTRY, PREFIX, TrainedQuantisers, quantisers_from
from imssa_sim.model.structure import Structure
from imssa_sim.model.tensors import network_from_tensors, tensors_of

FORMAT = "imssa_sim.s4d/1"
_ENTRY = "imssa_sim"


@dataclass(frozen=True)
class Checkpoint:
    """A stored network.

    Attributes
    ----------
    network : Network
    metadata : dict
        What the training wrote down: data, split, seed, command, accuracy, versions.
    path : Path
    quantisers : TrainedQuantisers or None
        Of quantisation-aware training.
    """

    network: Network
    metadata: dict[str, Any] = field(default_factory=dict)
    path: Path = Path()
    quantisers: TrainedQuantisers | None = None


def save_checkpoint(
    path: Path,
    network: Network,
    metadata: Mapping[str, Any],
    quantisers: TrainedQuantisers | None = None,
    exact: bool = False,
) -> None:
    """Write a network as float32 safetensors; an existing file is replaced in one step.

    Parameters
    ----------
    path : Path
        Ends in ``.safetensors``; its folder must exist.
    network : Network
    metadata : mapping
        Anything that JSON can hold, by name; ``format`` and ``network`` are written by this
        function.
    quantisers : TrainedQuantisers, optional
        Stored with the network.
    exact : bool
        Write float64 where float32 does not hold the values.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    from safetensors.numpy import save

    structure = Structure.of(network)
    described = dict(metadata) | {"format": FORMAT, "network": structure.as_dict()}
    tensors = tensors_of(network, exact)
    if quantisers is not None:
        tensors |= quantisers.tensors(network)
        described[ENTRY] = quantisers.described()
    texts = {_ENTRY: json.dumps(described, ensure_ascii=False)}
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_bytes(save(tensors, metadata=texts))
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"cannot write the checkpoint {path}: {error.strerror}") from error


def load_checkpoint(path: Path, expected: Structure | None = None) -> Checkpoint:
    """Read a network.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file, or a ``.pt`` or ``.pth`` file of the reference implementation.
    expected : Structure or None
        What the workload's ``model`` section says; None takes the file's own word.

    Raises
    ------
    InputError
        The file is missing, truncated or no checkpoint; a tensor is missing, unexpected, of
        another shape, or not finite; or the file disagrees with ``expected``.
    """
    if path.is_dir():
        raise InputError(f"{path}: a checkpoint is a file, this is a folder")
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint")
    if path.suffix in (".pt", ".pth"):
        from imssa_sim.model.reference_checkpoint import read_reference

        tensors, metadata = read_reference(path)
        found = None
    else:
        tensors, metadata = read_safetensors(path)
        found = _stored_structure(path, metadata)
    scales = {name: tensors.pop(name) for name in list(tensors) if name.startswith(PREFIX)}
    network = network_from_tensors(tensors, str(path), found, expected)
    quantisers = None
    if scales or ENTRY in metadata:
        quantisers = quantisers_from(scales, metadata.get(ENTRY, {}), network, str(path))
    return Checkpoint(network, metadata, path, quantisers)


def stored_structure(path: Path) -> Structure | None:
    """Return what a file says of its network, without its tensors; None where it says nothing.

    Raises
    ------
    InputError
        It is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if path.suffix in (".pt", ".pth"):
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            texts: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return _stored_structure(path, _own_entry(path, texts))


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: not a safetensors file, or truncated ({error}); a checkpoint of the "
        "reference implementation must end in .pt"
    )


def _own_entry(path: Path, texts: Mapping[str, str]) -> dict[str, Any]:
    try:
        metadata = json.loads(texts.get(_ENTRY, "{}"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: its metadata '{_ENTRY}' are no JSON ({error})") from error
    if not isinstance(metadata, dict):
        raise InputError(f"{path}: its metadata '{_ENTRY}' must be a JSON object")
    return metadata


def read_safetensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays of a safetensors file, bfloat16 widened, and our entry of its metadata.

    Raises
    ------
    InputError
        It is none, is truncated, or holds numbers of 8 bits.
    """
    from safetensors import SafetensorError, deserialize, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            texts: dict[str, str] = file.metadata() or {}
            names = list(file.keys())
            stored = {name: file.get_slice(name).get_dtype() for name in names}
            _check_types(path, stored)
            brief = [name for name, dtype in stored.items() if dtype == "BF16"]
            tensors = {name: file.get_tensor(name) for name in names if name not in brief}
        if brief:  # NumPy has no such type
            tensors |= {
                name: _widened(found)
                for name, found in deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
                if name in brief
            }
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return tensors, _own_entry(path, texts)


def _check_types(path: Path, stored: Mapping[str, str]) -> None:
    """Refuse numbers of 8 bits, whose scales the file does not hold."""
    for name, dtype in stored.items():
        if dtype.startswith(("F8_", "F6_", "F4")):
            raise InputError(
                f"{path}: '{name}' is stored as {dtype}, a type of too few bits for parameters "
                "of a recurrence; store the network as float32 or bfloat16"
            )


def _widened(found: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return a bfloat16 tensor as float32, of which it has the upper half."""
    upper = np.frombuffer(found["data"], dtype="<u2").astype(np.uint32)
    return (upper << np.uint32(16)).view(np.float32).reshape(found["shape"])


def _stored_structure(path: Path, metadata: dict[str, Any]) -> Structure | None:
    if metadata.get("format") != FORMAT:
        return None
    try:
        return Structure(**metadata["network"])
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: the metadata entry 'network' does not describe a network ({error}); write "
            "the file again with `train`, or drop the entry 'format'"
        ) from error


def structure_of_config(model: ModelConfig) -> Structure:
    """Return the structure that a workload's ``model`` section (`ModelConfig`) describes."""
    return Structure(
        layers=model.layers,
        width=model.width,
        state=model.state,
        inputs=model.inputs,
        classes=model.results,
        bidirectional=model.bidirectional,
        norm=model.norm,
        norm_position=model.norm_position,
        discretisation=model.discretisation,
        family=model.family,
        **model.composition_keys,
    )


__all__ = [
    "FORMAT",
    "Checkpoint",
    "Network",
    "Structure",
    "load_checkpoint",
    "save_checkpoint",
    "structure_of_config",
]
