"""What a data set is: sequences and labels in three parts that never overlap."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.streamed import StreamedSequences
from imssa_sim.errors import InputError, nearest

SequenceArray = NDArray[np.float32]
LabelArray = NDArray[np.int64]

SPLIT_SEED = 20250
"""Seed of every split; part of the definition of the data sets, so it is no setting."""


@dataclass(frozen=True)
class Split:
    """One part of a data set.

    Attributes
    ----------
    inputs : float32 array (n, L, d) or StreamedSequences
        Sequences of L steps with d features; data too large for memory are streamed.
    labels : array
        Class of each sequence, 0…K-1, int64 (n,); or its target values, float64 (n, K), or (n, L,
        K) with one for each step.
    lengths : int64 array (n,) or None
        Steps of each sequence, behind which there is padding; None: L each.
    """

    inputs: SequenceArray | StreamedSequences
    labels: NDArray[Any]
    lengths: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of sequences."""
        return int(self.labels.shape[0])


def check_classes(dataset: str, wanted: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Refuse the name of a class that a data set does not have, with the nearest one.

    Raises
    ------
    InputError
    """
    for name in wanted:
        if name not in known:
            close = nearest(name, known)
            hint = f"; did you mean '{close}'?" if close else ""
            raise InputError(
                f"data.classes: {dataset} has no class '{name}'{hint} "
                f"(its classes are {', '.join(known)})"
            )


@dataclass(frozen=True)
class Dataset:
    """Sequences with labels, split once and for all.

    Attributes
    ----------
    name : str
        Name in the registry.
    train, validation, test : Split
        Training proper, model selection, and evaluation. Calibration uses the training part.
    classes : tuple of str
        Names of the classes; none where labels are values.
    source : str
        Where the data come from, in one sentence.
    normalisation : str
        What was done to the values, in words.
    image_shape : tuple of int or None
        (rows, columns) where a sequence is an image read row by row.
    background : float
        Value of an empty pixel after normalisation.
    contents : str
        Where sequences are streamed: what stands for their values in the fingerprint.
    synthetic : bool
        Whether the data were made up by a program where one would expect records of the world.
    sample_rate : float or None
        Steps per second [Hz] at which the sequences were recorded, where it is known.
    notes : tuple of str
        What was assumed of the data, which a run says before it begins.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    source: str
    normalisation: str
    image_shape: tuple[int, int] | None = None
    background: float = 0.0
    contents: str = ""
    synthetic: bool = False
    sample_rate: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """The name, with a mark that results on synthetic data always carry."""
        return f"{self.name} (SYNTHETIC)" if self.synthetic else self.name

    @property
    def length(self) -> int:
        """Steps per sequence."""
        return int(self.train.inputs.shape[1])

    @property
    def features(self) -> int:
        """Features per step."""
        return int(self.train.inputs.shape[2])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the names of the classes and all three parts: inputs, labels, lengths.

        Of streamed inputs only the shape enters, and `contents`.
        """
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for part in (self.train, self.validation, self.test):
            digest.update(repr(part.inputs.shape).encode())
            if isinstance(part.inputs, StreamedSequences):
                digest.update(self.contents.encode())
            else:
                digest.update(np.ascontiguousarray(part.inputs, dtype="<f4").tobytes())
            kind = "<i8" if self.classes else "<f8"
            digest.update(np.ascontiguousarray(part.labels, dtype=kind).tobytes())
            if part.lengths is not None:
                digest.update(np.ascontiguousarray(part.lengths, dtype="<i8").tobytes())
        return digest.hexdigest()

    def only(self, classes: tuple[str, ...]) -> Dataset:
        """Return the sequences of some classes, each in the part that it was in.

        Parameters
        ----------
        classes : tuple of str
            Names of classes; their places here are the new labels.

        Raises
        ------
        InputError
            There is no such class.
        """
        check_classes(self.name, classes, self.classes)
        old = np.array([self.classes.index(name) for name in classes])
        label = np.full(len(self.classes), -1)
        label[old] = np.arange(len(old))

        def kept(part: Split) -> Split:
            chosen = np.flatnonzero(np.isin(part.labels, old))
            inputs, labels = part.inputs, label[part.labels[chosen]]
            lengths = None if part.lengths is None else part.lengths[chosen]
            if isinstance(inputs, StreamedSequences):
                return Split(inputs.select(chosen), labels, lengths)
            return Split(inputs[chosen], labels, lengths)

        listed = ", ".join(classes)
        return replace(
            self,
            name=f"{self.name}[{listed}]",
            train=kept(self.train),
            validation=kept(self.validation),
            test=kept(self.test),
            classes=classes,
            source=f"{self.source}; of its classes only {listed}",
        )


def stratified_parts(
    labels: LabelArray, sizes: tuple[int, ...], seed: int = SPLIT_SEED
) -> tuple[NDArray[np.int64], ...]:
    """Split 0…n-1 into parts that hold each class in proportion.

    Parameters
    ----------
    labels : int64 array (n,)
    sizes : tuple of int
        Sizes of the parts; they must add up to n.
    seed : int
        Seed of the draw.

    Returns
    -------
    tuple of int64 arrays
        Sorted indices of each part.

    Raises
    ------
    ValueError
        The sizes do not add up to the number of labels.
    """
    total = labels.shape[0]
    if sum(sizes) != total:
        raise ValueError(f"parts of {sizes} do not add up to {total} labels")
    # RandomState's streams are frozen (NEP 19); those of Generator may change between versions.
    random = np.random.RandomState(seed)
    remaining = np.arange(total)
    parts: list[NDArray[np.int64]] = []
    for size in sizes[:-1]:
        chosen = np.sort(np.concatenate(list(_draw(labels[remaining], size, random))))
        parts.append(remaining[chosen])
        remaining = np.delete(remaining, chosen)
    parts.append(remaining)
    return tuple(parts)


def _draw(
    labels: LabelArray, size: int, random: np.random.RandomState
) -> Iterator[NDArray[np.int64]]:
    """Yield, class by class, positions drawn without replacement: ``size`` of them in all.

    Seats go to classes by largest remainder, so the total is met exactly.
    """
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * (size / labels.shape[0])
    seats = np.floor(exact).astype(np.int64)
    order = np.argsort(seats - exact, kind="stable")
    seats[order[: size - int(seats.sum())]] += 1
    for value, count in zip(classes, seats, strict=True):
        yield random.permutation(np.flatnonzero(labels == value))[:count]
