"""Handwritten digits bundled with scikit-learn, as sequences of 64 or 1,024 pixels.

The 1,797 images (8×8, 17 grey levels) are the test part of the UCI "Optical Recognition of
Handwritten Digits" data (Alpaydin and Kaynak, 1998; CC BY 4.0).
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset, Split, stratified_parts

PARTS = (1149, 288, 360)
"""Training, validation and test images: 64 %, 16 %, 20 %."""

MEAN, STD = 0.305, 0.375
"""Of the pixels of the 8×8 training images at full scale 1, rounded."""

_FULL_SCALE = 16.0
_SOURCE = (
    "scikit-learn's load_digits: 1,797 images of 8x8 pixels, the test part of the UCI "
    "Optical Recognition of Handwritten Digits data set"
)


def load_digits(name: str, side: int, normalise: bool) -> Dataset:
    """Return the digits, resampled to ``side`` × ``side`` pixels and read row by row.

    Parameters
    ----------
    name : str
        Name of the data set.
    side : int
        8 keeps the images as they are; any other size resamples them bilinearly.
    normalise : bool
        Subtract `MEAN` and divide by `STD`; otherwise values lie in 0…1. Training leaves its
        first plateau twice as soon as with values in -1…1.
    """
    images, labels = _bundled()
    images /= _FULL_SCALE
    native = images.shape[1]
    if side != native:
        images = resample_bilinear(images, side)
    if normalise:
        images = (images - MEAN) / STD
    sequences = images.reshape(len(images), side * side, 1).astype(np.float32)
    train, validation, test = (
        Split(sequences[index], labels[index]) for index in stratified_parts(labels, PARTS)
    )
    resampled = "" if side == native else f", resampled bilinearly to {side}x{side}"
    stated = f"(pixel / 16 - {MEAN}) / {STD}" if normalise else "pixel / 16, from 0 to 1"
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        test=test,
        classes=tuple(str(digit) for digit in range(10)),
        source=_SOURCE + resampled,
        normalisation=stated,
        image_shape=(side, side),
        background=-MEAN / STD if normalise else 0.0,
    )


def _bundled() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the images (n, 8, 8) and labels (n,) that scikit-learn ships.

    Its file is read in place: importing scikit-learn with all its estimators takes a second.
    """
    found = find_spec("sklearn")
    folders = found.submodule_search_locations if found is not None else None
    file = Path(folders[0], "datasets", "data", "digits.csv.gz") if folders else None
    if file is None or not file.is_file():  # a release that keeps it elsewhere
        from sklearn import datasets

        bunch = datasets.load_digits()
        return np.array(bunch.images, np.float64), np.array(bunch.target, np.int64)
    with gzip.open(file, "rt", encoding="ascii") as lines:
        rows = np.loadtxt(lines, delimiter=",")
    return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)


def resample_bilinear(images: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Resample square images (n, s, s) to (n, side, side) bilinearly.

    Pixel centres lie at (i + 1/2)/s of the edge and the border pixels extend outwards, the
    convention of most image libraries (``align_corners=False``).
    """
    native = images.shape[1]
    centre = np.clip((np.arange(side) + 0.5) * native / side - 0.5, 0, native - 1)
    left = np.minimum(np.floor(centre).astype(np.int64), native - 2)
    fraction = centre - left
    weights = np.zeros((side, native))
    rows = np.arange(side)
    weights[rows, left] = 1 - fraction
    weights[rows, left + 1] += fraction
    result: NDArray[np.float64] = weights @ images @ weights.T
    return result
