"""``ts``: the file format of the UCR and UEA archives, read by aeon; four data sets in its wheel.

Middlehurst et al., "aeon: a Python toolkit for learning from time series", JMLR 25 (2024). A
problem is a pair of files, ``NAME_TRAIN.ts`` and ``NAME_TEST.ts``.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset
from imssa_sim.data.folders import MissingDataError
from imssa_sim.data.own import OwnPart, assemble
from imssa_sim.errors import InputError

_INSTALL = "pip install 'imssa_sim[data]' (or pip install aeon)"
_ENDINGS = {"train": "_TRAIN.ts", "test": "_TEST.ts"}
Sequences = list[NDArray[np.float64]]


def load_shipped(
    name: str, problem: str, path: Path | None, normalise: bool, masked: bool = True
) -> Dataset:
    """Read a problem from aeon's wheel, or from the folder that the user names.

    Parameters
    ----------
    name : str
        Name of the data set.
    problem : str
        Its name in the archive.
    path, normalise, masked
        As `load_series`.

    Raises
    ------
    MissingDataError
        aeon is not installed, or a release that does not hold the problem.
    InputError
        As `load_series`.
    """
    if path is not None:
        file = path / f"{problem}{_ENDINGS['train']}" if path.is_dir() else path
        return load_series(file, normalise, name, masked)
    found = find_spec("aeon")
    base = found.submodule_search_locations if found is not None else None
    if not base:
        raise MissingDataError(f"{problem} comes with aeon, which is not installed: {_INSTALL}")
    folder = Path(base[0], "datasets", "data", problem)
    if not (folder / f"{problem}{_ENDINGS['train']}").is_file():
        raise MissingDataError(f"{problem} is not in this release of aeon (looked in {folder})")
    return load_series(folder / f"{problem}{_ENDINGS['train']}", normalise, name, masked)


def load_series(
    path: Path | None,
    normalise: bool,
    name: str = "",
    masked: bool = True,
    outputs: int | None = None,
) -> Dataset:
    """Read a problem from its two files.

    Parameters
    ----------
    path : Path or None
        One of the two files, or a folder that holds one pair.
    normalise : bool
        See `imssa_sim.data.own.assemble`.
    name : str
        Name of the data set; empty: that of the problem.
    masked, outputs
        As ``normalise``.

    Raises
    ------
    InputError
        No path is given, files are absent or no such files, the parts differ in features, or the
        labels are not what is wanted: classes, or values.
    """
    if path is None:
        raise InputError("data.name ts needs data.path: NAME_TRAIN.ts, with NAME_TEST.ts beside it")
    stem = _stem(path)
    found: dict[str, tuple[Sequences, NDArray[Any], dict[str, Any]]] = {}
    for part, ending in _ENDINGS.items():
        file = stem.with_name(stem.name + ending)
        if not file.is_file():
            raise InputError(
                f"{file}: there is no such file; a problem has a training and a test file"
            )
        found[part] = _read(file, outputs is not None)
    features = {part: len(series[0]) for part, (series, _, _) in found.items()}
    if len(set(features.values())) > 1:
        raise InputError(
            f"{stem}: the training file has {features['train']} features, the test file "
            f"{features['test']}"
        )
    steps = max(s.shape[1] for series, _, _ in found.values() for s in series)
    parts = {
        part: _padded(f"{stem.name}{_ENDINGS[part]}", series, labels, steps)
        for part, (series, labels, _) in found.items()
    }
    if all(np.all(part.lengths == steps) for part in parts.values()):
        parts = {p: OwnPart(part.name, part.values, part.labels) for p, part in parts.items()}
    classes = None if outputs else tuple(found["train"][2]["class_values"])
    source = f"UCR/UEA time series {stem.name}"
    return assemble(
        name or stem.name, parts, classes, normalise, source, masked=masked, outputs=outputs
    )


def _stem(path: Path) -> Path:
    """Return the common begin of the two files' paths."""
    if path.is_dir():
        stems = sorted(p.name.removesuffix(_ENDINGS["train"]) for p in path.glob("*_TRAIN.ts"))
        if len(stems) != 1:
            held = f"several problems ({', '.join(stems)})" if stems else "no file *_TRAIN.ts"
            raise InputError(f"{path}: the folder holds {held}; name the training file")
        return path / stems[0]
    for ending in _ENDINGS.values():
        if path.name.endswith(ending):
            return path.with_name(path.name.removesuffix(ending))
    raise InputError(f"data.path {path} must be NAME_TRAIN.ts, or the folder that holds it")


def _read(path: Path, values: bool) -> tuple[Sequences, NDArray[Any], dict[str, Any]]:
    """Return sequences (d, L) each, labels as words or as ``values``, and the file's head."""
    try:
        from aeon.datasets import load_from_ts_file
    except ModuleNotFoundError:
        raise InputError(f"{path} is read by aeon, which is not installed: {_INSTALL}") from None
    try:
        series, labels, head = load_from_ts_file(str(path), return_meta_data=True)
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{path}: truncated, or no .ts file ({error})") from error
    if values == bool(head["classlabel"]):
        held, remedy = "values (@targetlabel)", "model.task: regression and model.outputs: 1"
        if values:
            held, remedy = "classes (@classLabel)", "model.task: classification and model.classes"
        raise InputError(f"{path}: its labels are {held}; give {remedy}")
    if not len(series):
        raise InputError(f"{path}: holds no sequences")
    return list(series), labels, head


def _padded(name: str, series: Sequences, labels: NDArray[Any], steps: int) -> OwnPart:
    values = np.zeros((len(series), steps, len(series[0])), dtype=np.float32)
    lengths = np.array([s.shape[1] for s in series], dtype=np.int64)
    for row, (sequence, length) in enumerate(zip(series, lengths, strict=True)):
        values[row, :length] = sequence.T
    return OwnPart(name, values, labels, lengths)
