"""MNIST as sequences of 784 pixels, row by row or in one fixed random order.

LeCun, Cortes and Burges, "The MNIST database of handwritten digits": 60,000 training and 10,000
test images of 28×28 bytes, as IDX files. Sequential and permuted MNIST: Le, Jaitly and Hinton,
"A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", arXiv 1504.00941.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset, Split, stratified_parts
from imssa_sim.data.folders import find_folder
from imssa_sim.data.idx import read_idx
from imssa_sim.errors import InputError

SIDE = 28
VALIDATION_SHARE = 0.1
"""Of the training images; the test images are the official ones."""
MEAN, STD = 0.1307, 0.3081
"""Of the training images' pixels at full scale 1, the field's usual normalisation."""
PERMUTATION_SEED = 92916
"""Of the order of the pixels of permuted MNIST; part of the definition of the data set."""

_SUBFOLDERS = ("MNIST/raw", "MNIST", "mnist")


def load_mnist(name: str, permuted: bool, path: Path | None, normalise: bool) -> Dataset:
    """Read MNIST from a local folder.

    Parameters
    ----------
    name : str
        Name of the data set.
    permuted : bool
        Give the pixels in the fixed random order of `pixel_order`, the same for all images.
    path : Path or None
        Folder; None looks in ``$IMSSA_DATA`` and ``./data``.
    normalise : bool
        Subtract `MEAN` and divide by `STD`; otherwise values lie in 0…1.

    Raises
    ------
    MissingDataError
        There are no such files.
    InputError
        Files are missing, are no such IDX files, do not fit together, or labels lie outside 0…9.
    """
    folder = find_folder("MNIST", path, _SUBFOLDERS, "*images*idx3-ubyte*")
    images, labels = _read_part(folder, "train")
    test_images, test_labels = _read_part(folder, "t10k")
    held_out = round(VALIDATION_SHARE * len(labels))
    if not 0 < held_out < len(labels) or not len(test_labels):
        raise InputError(f"{folder}: too few images for training, validation and test parts")
    order = pixel_order() if permuted else np.arange(SIDE * SIDE)

    def sequences(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        values: NDArray[np.float32] = pixels.reshape(-1, SIDE * SIDE)[:, order, None].astype(
            np.float32
        )
        values /= np.float32(255)
        if normalise:
            values -= np.float32(MEAN)
            values /= np.float32(STD)
        return values

    train, validation = (
        Split(sequences(images[index]), labels[index])
        for index in stratified_parts(labels, (len(labels) - held_out, held_out))
    )
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        test=Split(sequences(test_images), test_labels),
        classes=tuple(str(digit) for digit in range(10)),
        source=f"MNIST from a local folder, {len(labels)} training and {len(test_labels)} test "
        f"images, pixels {'in a fixed random order' if permuted else 'row by row'}",
        normalisation=f"(pixel / 255 - {MEAN}) / {STD}" if normalise else "pixel / 255",
        image_shape=None if permuted else (SIDE, SIDE),
        background=-MEAN / STD if normalise else 0.0,
    )


def pixel_order() -> NDArray[np.int64]:
    """Return the order (784,) of the pixels of permuted MNIST."""
    # RandomState's streams are frozen (NEP 19).
    return np.random.RandomState(PERMUTATION_SEED).permutation(SIDE * SIDE).astype(np.int64)


def _read_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images_path = _file(folder, f"{part}-images", "idx3-ubyte")
    labels_path = _file(folder, f"{part}-labels", "idx1-ubyte")
    images = read_idx(images_path, 3)
    labels = read_idx(labels_path, 1).astype(np.int64)
    if images.shape[1:] != (SIDE, SIDE):
        raise InputError(f"{images_path}: images of {images.shape[1:]} pixels instead of 28 x 28")
    if len(images) != len(labels):
        raise InputError(
            f"{labels_path}: {len(labels)} labels for the {len(images)} images of "
            f"{images_path.name}"
        )
    outside = labels[labels > 9]
    if outside.size:
        raise InputError(
            f"{labels_path}: corrupt: {outside.size} labels outside 0…9, the first is {outside[0]}"
        )
    return images, labels


def _file(folder: Path, stem: str, kind: str) -> Path:
    """Return a file by its official name or the one some archives unpack to (``-`` or ``.``)."""
    names = [f"{stem}{mark}{kind}{end}" for end in ("", ".gz") for mark in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: MNIST is incomplete, missing {stem}-{kind} (or {names[2]})")
