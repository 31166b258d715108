"""Arguments of a crossbar: arrays that it can take, or `InputError` with what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]


def matrix(name: str, values: ArrayLike) -> FloatArray:
    """Return a finite real matrix."""
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected a matrix of real numbers") from None
    if given.ndim != 2:
        raise InputError(f"{name}: expected a matrix, not an array of shape {given.shape}")
    if not np.isfinite(given).all():
        raise InputError(f"{name}: a number is not finite")
    if name == "weights" and not given.size:
        raise InputError(f"{name}: a matrix of shape {given.shape} has no weight")
    return given


def adc_ranges(values: float | ArrayLike, outputs: int) -> FloatArray:
    """Return ranges of converters, one or one for each output."""
    given = np.asarray(values, dtype=np.float64)
    if given.shape not in ((), (outputs,)) or not (given > 0).all():
        raise InputError(
            f"adc_range: expected a positive number, or {outputs} of them, not {values!r}"
        )
    return given


def chosen_lines(axis: NDArray[np.int64], key: Any) -> NDArray[np.int64]:
    """Return the lines of an axis that a key chooses, each once."""
    try:
        chosen = np.atleast_1d(axis[key])
    except (IndexError, TypeError):
        raise InputError(f"{key!r} chooses nothing of {len(axis)} lines") from None
    if chosen.ndim != 1 or not len(chosen) or len(np.unique(chosen)) != len(chosen):
        raise InputError(f"{key!r} chooses no line, or one twice")
    return np.asarray(chosen)
