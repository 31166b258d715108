"""CIFAR-10 in both official file formats, as sequences of 1,024 pixels read row by row.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. The binary version has
records of one label and 3,072 pixel bytes (red, green, blue plane); the Python version holds
pickled dictionaries with ``data`` and ``labels``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset, Split, stratified_parts
from imssa_sim.data.folders import find_folder
from imssa_sim.data.restricted_pickle import load_arrays
from imssa_sim.errors import InputError

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
SIDE = 32
VALIDATION_SHARE = 0.1
"""Of the training images; the test images are the official ones."""

GREY_MEAN, GREY_STD = 122.6 / 255, 61 / 255
RGB_MEAN, RGB_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Normalisation of the authors' sequential CIFAR-10 (their code's data loader)."""

_PIXELS = SIDE * SIDE
_AT_ONCE = 1000  # images that are converted together: the pixels take 12 times their size then
_RECORD = 1 + 3 * _PIXELS
_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
_TEST = "test_batch"
_SUBFOLDERS = ("cifar-10-batches-py", "cifar-10-batches-bin", "cifar10")

ByteArray = NDArray[np.uint8]
Batch = tuple[ByteArray, NDArray[np.int64]]


def load_cifar10(name: str, colour: bool, path: Path | None, normalise: bool) -> Dataset:
    """Read CIFAR-10 from a local folder.

    Parameters
    ----------
    name : str
        Name of the data set.
    colour : bool
        Keep the three planes as features; otherwise one grey value by ITU-R BT.601 weights.
    path : Path or None
        Folder; None looks in ``$IMSSA_DATA`` and ``./data``.
    normalise : bool
        Subtract the mean and divide by the standard deviation of the authors' code.

    Raises
    ------
    MissingDataError
        There are no such files.
    InputError
        Files are missing, truncated, hold something else, or labels outside 0…9.
    """
    folder = find_folder("CIFAR-10", path, _SUBFOLDERS, "*_batch*")
    binary = any((folder / f"{batch}.bin").exists() for batch in (*_TRAIN, _TEST))
    suffix = ".bin" if binary else ""
    missing = [n + suffix for n in (*_TRAIN, _TEST) if not (folder / (n + suffix)).is_file()]
    if missing:
        raise InputError(f"{folder}: CIFAR-10 is incomplete, missing {', '.join(missing)}")
    read = _read_binary if binary else _read_pickled
    batches = {name: read(folder / (name + suffix)) for name in (*_TRAIN, _TEST)}
    _check_equal_sizes(folder, {n: len(batches[n][1]) for n in _TRAIN}, suffix)
    pixels = np.concatenate([batches[n][0] for n in _TRAIN])
    labels = np.concatenate([batches[n][1] for n in _TRAIN])
    held_out = round(VALIDATION_SHARE * len(labels))
    if not 0 < held_out < len(labels) or not len(batches[_TEST][1]):
        raise InputError(f"{folder}: too few images for training, validation and test parts")
    train, validation = (
        Split(_sequences(pixels[index], colour, normalise), labels[index])
        for index in stratified_parts(labels, (len(labels) - held_out, held_out))
    )
    test_pixels, test_labels = batches[_TEST]
    mean, std = (RGB_MEAN, RGB_STD) if colour else (GREY_MEAN, GREY_STD)
    planes = "three planes" if colour else "grey (BT.601)"
    stated = f"(pixel / 255 - {mean}) / {std}" if normalise else "pixel / 255, from 0 to 1"
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        test=Split(_sequences(test_pixels, colour, normalise), test_labels),
        classes=CLASSES,
        source=f"CIFAR-10, {'binary' if binary else 'Python'} version from a local folder, "
        f"{len(labels)} training and {len(test_labels)} test images, {planes}",
        normalisation=stated,
        image_shape=(SIDE, SIDE),
    )


def _read_binary(path: Path) -> Batch:
    content = np.fromfile(path, dtype=np.uint8)
    if not content.size or content.size % _RECORD:
        raise InputError(
            f"{path}: truncated or no CIFAR-10 file: {content.size} bytes are not a whole number "
            f"of records of {_RECORD}"
        )
    records = content.reshape(-1, _RECORD)
    return records[:, 1:], _checked_labels(path, records[:, 0].astype(np.int64))


def _read_pickled(path: Path) -> Batch:
    content = load_arrays(path)
    fields: dict[str, Any] = {}
    if isinstance(content, dict):
        fields = {
            k.decode("latin1") if isinstance(k, bytes) else str(k): v for k, v in content.items()
        }
    pixels, labels = fields.get("data"), fields.get("labels")
    if not isinstance(pixels, np.ndarray) or not isinstance(labels, list):
        raise InputError(f"{path}: no CIFAR-10 batch: it has no array 'data' and list 'labels'")
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3 * _PIXELS) or not labels:
        raise InputError(
            f"{path}: 'data' must be bytes of shape ({len(labels)}, {3 * _PIXELS}) like its "
            f"{len(labels)} labels; found {pixels.dtype} {pixels.shape}"
        )
    if not all(type(label) is int for label in labels):
        raise InputError(f"{path}: 'labels' holds something else than whole numbers")
    return pixels, _checked_labels(path, np.array(labels, dtype=np.int64))


def _checked_labels(path: Path, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    outside = labels[(labels < 0) | (labels >= len(CLASSES))]
    if outside.size:
        raise InputError(
            f"{path}: corrupt: {outside.size} labels outside 0…{len(CLASSES) - 1}, "
            f"the first is {outside[0]}"
        )
    return labels


def _check_equal_sizes(folder: Path, sizes: dict[str, int], suffix: str) -> None:
    largest = max(sizes.values())
    short = [f"{n}{suffix} ({size})" for n, size in sizes.items() if size != largest]
    if short:
        raise InputError(
            f"{folder}: CIFAR-10 is incomplete: {', '.join(short)} of {largest} images as in the "
            "other batches"
        )


def _sequences(pixels: ByteArray, colour: bool, normalise: bool) -> NDArray[np.float32]:
    out = np.empty((len(pixels), _PIXELS, 3 if colour else 1), dtype=np.float32)
    for start in range(0, len(pixels), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        out[part] = _converted(pixels[part].reshape(-1, 3, _PIXELS), colour, normalise)
    return out


def _converted(planes: ByteArray, colour: bool, normalise: bool) -> NDArray[np.float32]:
    """Return sequences (n, pixels, features) of images (n, 3, pixels)."""
    if colour:
        values = planes.swapaxes(1, 2).astype(np.float32) / 255
        mean, std = np.array(RGB_MEAN, np.float32), np.array(RGB_STD, np.float32)
    else:
        # 16-bit fixed-point weights .299, .587, .114, rounded, as in the image libraries.
        weights = np.array([19595, 38470, 7471], dtype=np.uint32)
        grey = (np.tensordot(planes, weights, axes=(1, 0)) + 0x8000) >> 16
        values = grey[..., None].astype(np.float32) / 255
        mean, std = np.array(GREY_MEAN, np.float32), np.array(GREY_STD, np.float32)
    return np.asarray((values - mean) / std if normalise else values, dtype=np.float32)
