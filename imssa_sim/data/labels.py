"""Labels of any kind as classes 0…K-1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError, nearest

LabelArray = NDArray[np.int64]


def classes_of(
    raw: Mapping[str, NDArray[Any]], names: tuple[str, ...] | None, where: str
) -> tuple[tuple[str, ...], dict[str, LabelArray], tuple[str, ...]]:
    """Number the classes.

    Whole numbers (also ones stored as floating-point numbers) are places among the outputs of the
    network, 0…K-1; words are its classes in the order of ``names``, or of the alphabet.

    Parameters
    ----------
    raw : mapping
        Labels (n,) of the parts ``train``, ``test`` and, if there is one, ``validation``.
    names : tuple of str or None
        The classes, where they are known.
    where : str
        For messages.

    Returns
    -------
    classes : tuple of str
    labels : dict of int64 arrays
    notes : tuple of str
        What the user should know of it.

    Raises
    ------
    InputError
        Labels are no classes, begin at 1, do not occur in the training part, or are all equal.
    """
    words = {part: _words(values, f"{where}: y_{part}") for part, values in raw.items()}
    notes: list[str] = []
    if all(found is not None for found in words.values()):
        texts = {part: found for part, found in words.items() if found is not None}
        classes = names or tuple(sorted(set(texts["train"].tolist())))
        place = {name: i for i, name in enumerate(classes)}
        for part, found in texts.items():
            _refuse_unknown_word(found, classes, f"{where}: y_{part}")
        labels = {
            part: np.array([place[word] for word in found.tolist()], dtype=np.int64)
            for part, found in texts.items()
        }
        if names is None:
            notes.append(f"outputs of the network stand for, in this order, {', '.join(classes)}")
    elif any(found is not None for found in words.values()):
        raise InputError(f"{where}: some parts have words as labels, others numbers")
    else:
        labels = {p: _whole(values, f"{where}: y_{p}") for p, values in raw.items()}
        if any(values.dtype.kind == "f" for values in raw.values()):
            notes.append("labels are whole numbers stored as floating-point numbers")
        classes = names or tuple(str(i) for i in range(int(labels["train"].max()) + 1))
        for part, numbers in labels.items():
            _check_range(numbers, classes, names, f"{where}: y_{part}", labels["train"])
    counts = np.bincount(labels["train"], minlength=len(classes))
    if np.count_nonzero(counts) < 2:
        raise InputError(f"{where}: y_train holds one class only ({classes[int(counts.argmax())]})")
    absent = [classes[i] for i in np.flatnonzero(counts == 0)]
    if absent:
        notes.append(f"no training sequence is of class {', '.join(absent)}")
    return classes, labels, tuple(notes)


def _words(values: NDArray[Any], where: str) -> NDArray[np.str_] | None:
    """Return labels that are words; None for numbers."""
    if values.ndim != 1:
        advice = (
            "; of one-hot rows take argmax(axis=1)" if values.ndim == 2 and len(values[0]) > 1
            else "; flatten it"
        )  # fmt: skip
        raise InputError(f"{where} has the shape {values.shape}, but needs one label each{advice}")
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8")
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind not in "biuf":
        raise InputError(f"{where} is of type {values.dtype}; labels are whole numbers or words")
    return None


def _refuse_unknown_word(found: NDArray[np.str_], classes: tuple[str, ...], where: str) -> None:
    for place, word in enumerate(found.tolist()):
        if word not in classes:
            close = nearest(word, classes)
            hint = f"; did you mean '{close}'?" if close else ""
            raise InputError(
                f"{where}[{place}] is '{word}', which is none of the classes{hint} "
                f"({', '.join(classes)}: those of 'classes' if it is given, else of y_train)"
            )


def _whole(values: NDArray[Any], where: str) -> LabelArray:
    if values.dtype.kind == "f":
        broken = np.flatnonzero(~np.isfinite(values) | (values != np.round(values)))
        if broken.size:
            raise InputError(
                f"{where}[{broken[0]}] is {values[broken[0]]:g}; labels are classes, as whole "
                "numbers or words, not values: for values give model.task: regression and "
                "model.outputs in the place of model.classes"
            )
    return values.astype(np.int64)


def _check_range(
    labels: LabelArray,
    classes: tuple[str, ...],
    names: tuple[str, ...] | None,
    where: str,
    train: LabelArray,
) -> None:
    outside = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if outside.size and labels[outside[0]] < 0:
        raise InputError(
            f"{where}[{outside[0]}] is {labels[outside[0]]}; labels are the places of "
            "classes among the network's outputs, counted from 0: add what is missing, or "
            "give words"
        )
    if outside.size:
        known = "'classes' names" if names else "y_train has"
        raise InputError(
            f"{where}[{outside[0]}] is {labels[outside[0]]}, but {known} the classes "
            f"0…{len(classes) - 1}" + ("" if names else "; name them all in an array 'classes'")
        )
    if names is None and train.min() == 1:
        raise InputError(
            f"{where}: labels begin at 1, but a network's outputs are counted from 0: subtract 1, "
            "or name all classes in an array 'classes'"
        )
