"""Data of the user's own: three parts of sequences become a data set, checked on the way.

Values are converted to float32 a block at a time; what is not finite is named with its place. Parts
too large for memory stay where they are and are checked when they are read.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset, Split, stratified_parts
from imssa_sim.data.labels import classes_of
from imssa_sim.data.lengths import true_steps
from imssa_sim.data.streamed import MEMORY, StreamedSequences
from imssa_sim.data.targets import targets_of
from imssa_sim.errors import InputError

VALIDATION_SHARE = 0.2
"""Of the training part, where there is no validation part."""

_BLOCK = 1 << 22  # [values] that are converted together
_STATISTICS = 8  # of a streamed part enters statistics what fills this part of the memory
_SAMPLED = 64  # sequences of a streamed part that enter its fingerprint


@dataclass(frozen=True)
class OwnPart:
    """One part as it was found.

    Attributes
    ----------
    name : str
        As messages call its sequences: ``mine.npz: x_train``.
    values : array (n, L, d)
        Of any real type; may be a memory map.
    labels : array (n,), or as `targets_of` says
    lengths : int64 array (n,) or None
        Steps of each sequence; what follows them is padding. None: L each.
    """

    name: str
    values: NDArray[Any]
    labels: NDArray[Any]
    lengths: NDArray[np.int64] | None = None

    @property
    def memory(self) -> int:
        """Size in float32 [bytes]."""
        return 4 * int(self.values.size)


@dataclass(frozen=True)
class _Scaling:
    """Mean and standard deviation of each feature (d,)."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


def assemble(
    name: str,
    found: Mapping[str, OwnPart],
    classes: tuple[str, ...] | None,
    normalise: bool,
    source: str,
    memory: int = MEMORY,
    outputs: int | None = None,
    masked: bool = True,
) -> Dataset:
    """Make a data set of parts that fit each other.

    Parameters
    ----------
    name : str
    found : mapping
        ``train``, ``test`` and, if there is one, ``validation``; else a stratified share of the
        training part, drawn with the seed of all splits, is for validation.
    classes : tuple of str or None
        Names of the classes.
    normalise : bool
        Subtract each feature's mean over the steps of the training part and divide by its standard
        deviation.
    source : str
        Where the data come from.
    memory : int
        Parts of up to so many bytes are read whole, larger ones are streamed.
    outputs : int or None
        Values of a target, where labels are targets; None where they are classes.
    masked : bool
        Whether the padding behind short sequences is none of their steps.

    Raises
    ------
    InputError
        Labels cannot be classes (`classes_of`) or targets (`targets_of`), or a value is not finite
        in float32.
    """
    steps = int(found["train"].values.shape[1])
    raw = {p: part.labels for p, part in found.items()}
    lengths = _lengths(found, steps) if masked else {}
    names, labels, notes = _labels(raw, classes, outputs, steps, name, lengths)
    places = {p: np.arange(len(part.values)) for p, part in found.items()}
    if "validation" not in found:
        count = len(labels["train"])
        held_out = round(VALIDATION_SHARE * count)
        if not 0 < held_out < count:
            raise InputError(
                f"{name}: there is no validation part, and {count} training sequences are too few "
                "to split one off"
            )
        found = {**found, "validation": found["train"]}
        labels["validation"] = labels["train"]
        if lengths:
            lengths["validation"] = lengths["train"]
        strata = labels["train"] if outputs is None else np.zeros(count, dtype=np.int64)
        places["train"], places["validation"] = stratified_parts(
            strata, (count - held_out, held_out)
        )
        notes += (
            f"there is no validation part: {held_out} of {count} training sequences, drawn by a "
            "fixed seed, are for validation",
        )
    scaling = _statistics(found["train"], places["train"], memory) if normalise else None
    if lengths:
        each = np.concatenate(list(lengths.values()))
        notes += (
            f"sequences have {each.min()} to {steps} steps; what follows shorter ones is left out",
        )
    elif any(part.lengths is not None for part in found.values()):
        notes += (
            f"shorter sequences are followed by zeros up to {steps} steps, which the network reads "
            "as any others",
        )
    of = "the training part's mean and standard deviation"
    measured = _measured(found["train"], places["train"], memory).size
    if measured < len(places["train"]):
        of += f" (of {measured} sequences)"
    splits = {
        part: Split(
            _sequences(found[part], at, scaling, memory),
            labels[part][at],
            lengths[part][at] if lengths else None,
        )
        for part, at in places.items()
    }
    return Dataset(
        name=name,
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        classes=names,
        source=f"{source}, {len(splits['train'])} training, {len(splits['validation'])} validation "
        f"and {len(splits['test'])} test sequences of {steps} steps",
        normalisation=f"(x - mean) / deviation of each feature, {of}" if normalise else "as stored",
        contents=_contents(found, normalise) if _streamed(splits) else "",
        notes=notes,
    )


def _labels(
    raw: Mapping[str, NDArray[Any]],
    classes: tuple[str, ...] | None,
    outputs: int | None,
    steps: int,
    name: str,
    lengths: Mapping[str, NDArray[np.int64]],
) -> tuple[tuple[str, ...], dict[str, NDArray[Any]], tuple[str, ...]]:
    """Return names of the classes, labels, and what the user should know of them."""
    if outputs is None:
        names, numbers, notes = classes_of(raw, classes, name)
        return names, dict(numbers), notes
    if classes is not None:
        raise InputError(
            f"{name}: names classes ({', '.join(classes)}), but with model.task: regression labels "
            "are values; leave 'classes' out, or give task: classification"
        )
    return (), dict(targets_of(raw, outputs, steps, name, lengths)), ()


def _lengths(found: Mapping[str, OwnPart], steps: int) -> dict[str, NDArray[np.int64]]:
    """Return the lengths of all parts; none where all sequences are whole."""
    lengths = {p: part.lengths for p, part in found.items() if part.lengths is not None}
    return lengths if any((each < steps).any() for each in lengths.values()) else {}


def converted(part: OwnPart, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return sequences (n, L, d) in float32, padding set to zero.

    Raises
    ------
    InputError
        A value that is no padding is not finite.
    """
    raw = part.values[places]
    with np.errstate(over="ignore"):
        values = raw.astype(np.float32)
    _let_go(part.values)
    if part.lengths is not None:
        values[_padding(part, places)] = 0
    if raw.dtype.kind == "f" and not np.isfinite(values).all():
        row, step, feature = np.argwhere(~np.isfinite(values))[0]
        value = raw[row, step, feature]
        what = "too large for float32" if np.isfinite(value) else "no finite number"
        raise InputError(
            f"{part.name}: {value} at sequence {places[row]}, step {step}, feature {feature} "
            f"(counted from 0) is {what}"
        )
    return values


def _let_go(values: NDArray[Any]) -> None:
    """Give back the pages of a mapped file that were read: they would count as memory in use.

    A fault maps the pages round it too, so that few short sequences would hold much of the file.
    """
    mapped = getattr(values, "_mmap", None)  # of numpy.memmap and its views
    if mapped is not None and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _padding(part: OwnPart, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell the steps (n, L) behind the end of each sequence."""
    assert part.lengths is not None
    return ~true_steps(part.lengths[places], part.values.shape[1])


def _measured(part: OwnPart, places: NDArray[np.int64], memory: int) -> NDArray[np.int64]:
    """Return the sequences that statistics are taken of: of streamed ones an even choice."""
    if part.memory <= memory:
        return places
    size = part.memory // len(part.values)
    count = min(len(places), max(1, memory // (_STATISTICS * size)))
    return places[np.linspace(0, len(places) - 1, count).astype(np.int64)]


def _statistics(part: OwnPart, places: NDArray[np.int64], memory: int) -> _Scaling:
    features = part.values.shape[2]
    total, squares, count = np.zeros(features), np.zeros(features), 0
    for block in _blocks(part, _measured(part, places, memory)):
        values = converted(part, block).astype(np.float64)
        total += values.sum(axis=(0, 1))
        squares += np.square(values).sum(axis=(0, 1))
        count += (
            values.shape[0] * values.shape[1] if part.lengths is None
            else int(part.lengths[block].sum())
        )  # fmt: skip
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    constant = deviation <= 1e-7 * np.abs(mean)
    return _Scaling(mean.astype(np.float32), np.where(constant, 1, deviation).astype(np.float32))


def _blocks(part: OwnPart, places: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    size = max(1, _BLOCK // max(1, part.values[:1].size))
    return [places[start : start + size] for start in range(0, len(places), size)]


def _scaled(
    part: OwnPart, places: NDArray[np.int64], scaling: _Scaling | None
) -> NDArray[np.float32]:
    values = converted(part, places)
    if scaling is not None:
        values -= scaling.mean
        values /= scaling.deviation
        if part.lengths is not None:
            values[_padding(part, places)] = 0
    return values


def _sequences(
    part: OwnPart, places: NDArray[np.int64], scaling: _Scaling | None, memory: int
) -> NDArray[np.float32] | StreamedSequences:
    if part.memory > memory:

        def read(place: int) -> NDArray[np.float32]:
            return np.asarray(_scaled(part, np.array([place]), scaling)[0])

        steps, features = part.values.shape[1:]
        return StreamedSequences(read, places, (steps, features))
    result = np.empty((len(places), *part.values.shape[1:]), dtype=np.float32)
    start = 0
    for block in _blocks(part, places):
        result[start : start + len(block)] = _scaled(part, block, scaling)
        start += len(block)
    return result


def _streamed(splits: Mapping[str, Split]) -> bool:
    return any(isinstance(split.inputs, StreamedSequences) for split in splits.values())


def _contents(found: Mapping[str, OwnPart], normalise: bool) -> str:
    """Return a digest of an even choice of sequences, which stands for those that are streamed."""
    digest = hashlib.sha256(str(normalise).encode())
    for part in found.values():
        digest.update(f"{part.name.rpartition(' ')[2]} {part.values.dtype.str}".encode())
        places = np.linspace(0, len(part.values) - 1, _SAMPLED).astype(np.int64)
        for place in np.unique(places):
            digest.update(np.ascontiguousarray(part.values[place]).tobytes())
    return digest.hexdigest()
