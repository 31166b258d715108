"""Augmentation of sequences that are images read row by row."""

from __future__ import annotations

import numpy as np

from imssa_sim.data import Dataset
from imssa_sim.data.dataset import SequenceArray
from imssa_sim.errors import InputError


def shift_images(
    dataset: Dataset, inputs: SequenceArray, reach: int, rng: np.random.Generator
) -> SequenceArray:
    """Move each image by up to ``reach`` pixels, filling with the background.

    Parameters
    ----------
    dataset : Dataset
        Gives the shape of the images and the value of an empty pixel.
    inputs : float32 array (n, L, d)
    reach : int
        Rows and columns move independently by -reach…reach [pixels], uniformly; 0 changes nothing.
    rng : Generator

    Raises
    ------
    InputError
        The data are no images.
    """
    if reach == 0:
        return inputs
    if dataset.image_shape is None:
        raise InputError(
            f"train.shift is {reach}, but the sequences of {dataset.name} are no images"
        )
    rows, columns = dataset.image_shape
    count, _, features = inputs.shape
    images = inputs.reshape(count, rows, columns, features)
    padding = ((0, 0), (reach, reach), (reach, reach), (0, 0))
    padded = np.pad(images, padding, constant_values=dataset.background)
    moved = np.empty_like(images)
    for i, (down, right) in enumerate(rng.integers(0, 2 * reach + 1, (count, 2))):
        moved[i] = padded[i, down : down + rows, right : right + columns]
    return moved.reshape(inputs.shape)
