"""Named arrays of PyTorch, safetensors and NumPy files, under names without wrappings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.foreign.npz import read_npz
from imssa_sim.model.checkpoint import read_safetensors
from imssa_sim.model.reference_checkpoint import array_of, read_content

_STATES = ("model", "state_dict", "model_state_dict", "net", "network", "module", "params")
"""Entries under which training scripts store the weights, the likeliest first."""
_ROOTS = ("encoder", "decoder", "s4_layers", "norms", "kernel", "layer", "output_linear", "seq")
"""First parts of names that say something of the network."""
_COLLECTIONS = ("params/", "batch_stats/", "params.", "batch_stats.")
"""What flax puts before the names of parameters and of statistics."""
_WRAPPERS = ("_orig_mod", "module")
"""What compiling and data parallelism put into names, wherever a part of a network was wrapped."""
_BESIDE = re.compile(r"(inputs?|outputs?.*|logits.*|labels?|targets?|meta.*|mid\..*|quant\..*)$")
"""Entries of an ``.npz`` that are no parameters."""
_COUNTERS = "num_batches_tracked"


@dataclass(frozen=True)
class NamedArrays:
    """Arrays of a file by name, and what was done to get them.

    Attributes
    ----------
    arrays : dict of str to array
    notes : tuple of str
    source : str
        For messages.
    """

    arrays: dict[str, NDArray[Any]]
    notes: tuple[str, ...]
    source: str


def read_arrays(path: Path, renamed: Mapping[str, str]) -> NamedArrays:
    """Read a file's arrays.

    Parameters
    ----------
    path : Path
        ``.pt``, ``.pth``, ``.ckpt``, ``.bin``, ``.safetensors`` or ``.npz``.
    renamed : mapping of str to str
        New names of arrays, or of the first parts of names, by the old ones.

    Raises
    ------
    InputError
        The file cannot be read, holds no arrays, or has no array of a name to be changed.
    """
    if path.is_dir():
        raise InputError(f"{path}: a checkpoint is a file, this is a folder")
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint")
    source = str(path)
    if path.suffix == ".npz":
        return named(_of_npz(path), source, renamed)
    if path.suffix == ".safetensors":
        return named(read_safetensors(path)[0], source, renamed)
    content = read_content(path)
    state, where = _state_of(content, source)
    found = {name: array_of(path, name, tensor) for name, tensor in state.items()}
    return named(found, source, renamed, where)


def named(
    found: Mapping[str, NDArray[Any]],
    source: str,
    renamed: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> NamedArrays:
    """Return arrays under names without wrappings, renamed as asked.

    Raises
    ------
    InputError
        Nothing is there, a name to be changed is not, a name would be there twice, or an array
        holds no numbers.
    """
    said = list(notes)
    arrays = {name: a for name, a in found.items() if not name.endswith(_COUNTERS)}
    if not arrays:
        raise InputError(f"{source}: there are no arrays in it")
    plain = {name: _plain(name) for name in arrays}
    prefix = _common(plain.values())
    if prefix:
        said.append(f"names begin with '{prefix}', which was left out")
    result: dict[str, NDArray[Any]] = {}
    unused = set(renamed)
    for name, array in arrays.items():
        new = plain[name].removeprefix(prefix)
        for old, other in renamed.items():
            for candidate in (name, new):
                if candidate == old or candidate.startswith(f"{old}."):
                    new = other + candidate.removeprefix(old)
                    unused.discard(old)
                    break
        if new in result:
            raise InputError(f"{source}: two arrays would be called '{new}'")
        result[new] = _numbers(array, name, source)
    if unused:
        raise InputError(
            f"{source}: --map names '{min(unused)}', which is not in it; it has "
            f"{', '.join(sorted(plain.values())[:8])}"
        )
    return NamedArrays(result, tuple(said), source)


def _numbers(array: NDArray[Any], name: str, source: str) -> NDArray[Any]:
    if np.iscomplexobj(array):
        array = np.stack([array.real, array.imag], axis=-1)
    if array.dtype.kind not in "f":
        raise InputError(f"{source}: '{name}' holds {array.dtype}, not floating-point numbers")
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise InputError(f"{source}: '{name}' holds {bad} values that are not finite")
    return array.astype(np.float64)


def _plain(name: str) -> str:
    for collection in _COLLECTIONS:
        name = name.removeprefix(collection)
    parts = name.replace("/", ".").split(".")
    return ".".join(part for part in parts if part not in _WRAPPERS)


def _common(names: Iterable[str]) -> str:
    """Return the parts that all names begin with and that say nothing of the network."""
    parts = [name.split(".") for name in names]
    depth = 0
    while all(len(p) > depth + 1 for p in parts):
        heads = {p[depth] for p in parts}
        first = min(heads)
        if len(heads) > 1 or first in _ROOTS or first.isdigit():
            break
        depth += 1
    return "".join(f"{part}." for part in parts[0][:depth])


def _of_npz(path: Path) -> dict[str, NDArray[Any]]:
    def parameters(names: list[str]) -> list[str]:
        marked = [name for name in names if name.startswith("param:")]
        return marked or [name for name in names if not _BESIDE.match(name)]

    found = read_npz(path, parameters)
    return {name.removeprefix("param:"): array for name, array in found.items()}


def _state_of(content: Any, source: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the tensors of a PyTorch file by name, and a word on where they were."""
    if not isinstance(content, Mapping):
        raise InputError(f"{source}: expected a mapping of names to tensors")
    notes: tuple[str, ...] = ()
    flat = _flattened(content)
    entries = [name for name in _STATES if isinstance(content.get(name), Mapping)]
    inner = {n: _flattened(v) for n, v in content.items() if isinstance(v, Mapping)}
    entries += [n for n, found in inner.items() if any("kernel." in name for name in found)]
    if any(hasattr(value, "detach") for value in content.values()):
        entries = []
    if entries:
        inside = inner[entries[0]]
        if inside:
            return inside, (f"weights are those under '{entries[0]}'",)
    if not flat:
        names = ", ".join(map(str, list(content)[:6])) or "nothing"
        raise InputError(f"{source}: it holds no tensors; it has {names}")
    return flat, notes


def _flattened(content: Mapping[Any, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            found |= _flattened(value, f"{before}{name}.")
        elif hasattr(value, "detach"):
            found[f"{before}{name}"] = value
    return found
