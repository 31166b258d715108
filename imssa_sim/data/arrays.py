"""``arrays``: sequences and labels that the user stored as NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.array_files import open_arrays
from imssa_sim.data.dataset import Dataset
from imssa_sim.data.own import OwnPart, assemble
from imssa_sim.data.streamed import MEMORY
from imssa_sim.errors import InputError, nearest

PARTS = ("train", "validation", "test")
_REQUIRED = ("x_train", "y_train", "x_test", "y_test")
_KNOWN = (
    *(f"{kind}_{part}" for part in PARTS for kind in ("x", "y", "lengths")),
    "sample_rate",
    "classes",
)


def load_arrays(
    path: Path | None,
    normalise: bool,
    memory: int = MEMORY,
    outputs: int | None = None,
    masked: bool = True,
) -> Dataset:
    """Read sequences and labels from an .npz or a folder of .npy (docs/data.md).

    Parameters
    ----------
    path : Path or None
        Names are ``x_train`` (n, L, d) or (n, L), ``y_train`` (n,), the same of ``test``, and if
        wanted of ``validation``; ``lengths_train`` (n,), … where sequences are padded;
        ``classes`` (K,), names of the classes; ``sample_rate`` [Hz].
    normalise : bool
        See `imssa_sim.data.own.assemble`.
    memory : int
        Parts of up to so many bytes are read whole, larger ones are streamed.
    outputs, masked
        See `imssa_sim.data.own.assemble`.

    Raises
    ------
    InputError
        No path is given, the files cannot be read, names are missing, or shapes, types or values
        cannot be used; the message says which and where.
    """
    if path is None:
        raise InputError("data.name arrays needs data.path: an .npz, or a folder of .npy files")
    if not path.exists():
        siblings = sorted(p.name for p in path.parent.iterdir()) if path.parent.is_dir() else []
        close = nearest(path.name, siblings)
        hint = f"; the folder holds '{close}'" if close else ""
        raise InputError(f"data.path {path} does not exist{hint}")
    arrays = open_arrays(path)
    unused = _check_names(path, arrays)
    found = {p: _part(path, arrays, p) for p in PARTS if f"x_{p}" in arrays}
    shape = found["train"].values.shape[1:]
    for part, own in found.items():
        if own.values.shape[1:] != shape:
            raise InputError(
                f"{path}: x_{part} has {_sizes(own.values)}, but x_train "
                f"{_sizes(found['train'].values)}"
            )
        if (own.lengths is None) != (found["train"].lengths is None):
            raise InputError(
                f"{path}: lengths are given for some parts only; add "
                + ", ".join(f"lengths_{p}" for p in found if found[p].lengths is None)
            )
    source = f"arrays of {path.name}"
    if unused:
        source += f" ({', '.join(unused)} not used)"
    names = _classes(path, arrays)
    dataset = assemble(path.name, found, names, normalise, source, memory, outputs, masked)
    return replace(dataset, sample_rate=_sample_rate(path, arrays))


def _check_names(path: Path, arrays: Mapping[str, Any]) -> list[str]:
    """Refuse missing names and slips of known ones; return names without a meaning here."""
    strange = [name for name in arrays if name not in _KNOWN]
    for name in strange:
        close = _alike(name)
        if close and close not in arrays:
            raise InputError(f"{path}: unknown array '{name}'; did you mean '{close}'?")
    wanted = list(_REQUIRED)
    for part in PARTS:
        present = [kind for kind in ("x", "y", "lengths") if f"{kind}_{part}" in arrays]
        if present:
            wanted += [f"x_{part}", f"y_{part}"]
    missing = [name for name in dict.fromkeys(wanted) if name not in arrays]
    if missing:
        raise InputError(
            f"{path}: has no {', '.join(missing)}; it holds "
            f"{', '.join(sorted(arrays)) or 'nothing'}"
        )
    return strange


def _alike(name: str) -> str:
    """Return the known name that one without a meaning was perhaps meant to be."""
    folded = name.casefold().replace("-", "_")
    folded = {"labels": "y_train", "x": "x_train", "y": "y_train"}.get(folded, folded)
    kind, _, part = folded.partition("_")
    part = {"val": "validation", "valid": "validation", "dev": "validation"}.get(part, part)
    exact = f"{kind}_{part}"
    return exact if exact in _KNOWN else nearest(folded, _KNOWN)


def _part(path: Path, arrays: Mapping[str, NDArray[Any]], part: str) -> OwnPart:
    name, values, labels = f"{path}: x_{part}", arrays[f"x_{part}"], arrays[f"y_{part}"]
    if values.dtype.kind not in "biuf":
        raise InputError(f"{name} is of type {values.dtype}; sequences are real numbers")
    if values.ndim not in (2, 3):
        raise InputError(
            f"{name} has the shape {values.shape}, but needs (sequences, steps, features), or "
            "(sequences, steps) for one feature"
        )
    if values.ndim == 2:
        values = values[:, :, None]
    if not values.size:
        raise InputError(f"{name} is empty: its shape is {values.shape}")
    if labels.ndim == 0 or len(labels) != len(values):
        count = len(labels) if labels.ndim else 1
        raise InputError(f"{name} has {len(values)} sequences, but y_{part} {count} labels")
    return OwnPart(
        name, values, labels, _lengths(path, arrays.get(f"lengths_{part}"), part, values)
    )


def _lengths(
    path: Path, lengths: NDArray[Any] | None, part: str, values: NDArray[Any]
) -> NDArray[np.int64] | None:
    if lengths is None:
        return None
    name, (count, steps) = f"{path}: lengths_{part}", values.shape[:2]
    if lengths.dtype.kind not in "iu" or lengths.shape != (count,):
        raise InputError(
            f"{name} must be {count} whole numbers; found {lengths.dtype} {lengths.shape}"
        )
    outside = np.flatnonzero((lengths < 1) | (lengths > steps))
    if outside.size:
        raise InputError(
            f"{name}[{outside[0]}] is {lengths[outside[0]]}, outside 1…{steps}, the steps of "
            f"x_{part}"
        )
    return lengths.astype(np.int64)


def _sizes(values: NDArray[Any]) -> str:
    return f"{values.shape[1]} steps of {values.shape[2]} features"


def _sample_rate(path: Path, arrays: Mapping[str, NDArray[Any]]) -> float | None:
    found = arrays.get("sample_rate")
    if found is None:
        return None
    if found.size != 1 or found.dtype.kind not in "iuf":
        raise InputError(f"{path}: sample_rate must be one number, in Hz")
    rate = float(found.reshape(()))
    if not (math.isfinite(rate) and rate > 0):
        raise InputError(f"{path}: sample_rate is {rate:g}; it must be positive, in Hz")
    return rate


def _classes(path: Path, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, ...] | None:
    found = arrays.get("classes")
    if found is None:
        return None
    if found.dtype.kind not in "SU" or found.ndim != 1:
        raise InputError(f"{path}: classes must be names, an array of words; found {found.dtype}")
    names = tuple(
        str(n) for n in (np.char.decode(found, "utf-8") if found.dtype.kind == "S" else found)
    )
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError(f"{path}: classes must be two different names or more")
    return names
