"""Signed integer weights on cells of positive conductance, and back.

Shapes: T tiles, R rows, C logical columns, P physical bit lines. Each scheme has a conductance
step per unit of weight, ``scale`` [S], that the column current is divided by:

* ``differential``: two lines a column, G± = G_mid ± w·scale/2, both at G_min where w = 0;
* ``one_sided``: two lines a column, the one of w's sign at G_min + |w|·scale, the other at G_min;
* ``offset``: one line a column at G_mid + w·scale, and one line of cells at G_mid for the tile,
  whose current is subtracted from every column's;
* ``four_line``: weights and codes of one sign, `slices.signs_apart` before they come here: a line a
  column at G_min + w·scale, w >= 0, and nothing subtracted before the conversion.

Two lines give w the range (G_max - G_min)/scale, the offset column half of it. A weight of zero is
a cell left at G_min (two lines), which makes an unused cell and a zero one the same thing.

Cells that hold no weight may stay unformed, pristine, at a conductance of their own that nothing
moves: ``pairs`` leaves both cells of a weight of zero, ``cells`` the idle cell of a one-sided pair
too. The other one then stands at |w|·scale, because nothing takes G_min off again; it cannot be
below G_min, so weights below G_min/scale become that.

With N devices a line each cell stands N times, on neighbouring bit lines whose currents join at
one sense node: conductances and the scale add up, independent errors average.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Scheme = Literal["differential", "one_sided", "offset", "four_line"]
Scope = Literal["column", "tile"]
Unformed = Literal["none", "pairs", "cells"]


def unit_conductance(
    weights: IntArray,
    scheme: Scheme,
    scope: Scope,
    g_min: float,
    g_max: float,
    unformed: Unformed = "none",
) -> FloatArray:
    """Return the conductance per unit of weight (T, C) [S] that fills the cells' range.

    Parameters
    ----------
    weights : int array (T, R, C)
    scheme, scope : str
        Scheme of signed weights; what shares a scale.
    g_min, g_max : float
        [S]
    unformed : str

    Returns
    -------
    array (T, C)
        Columns of zeros get the scale of a largest weight of one.
    """
    largest = np.abs(weights).max(axis=1, initial=0)
    if scope == "tile":
        largest = np.broadcast_to(largest.max(axis=1, keepdims=True, initial=0), largest.shape)
    base = 0.0 if unformed == "cells" else g_min
    span = (g_max - base) / (2.0 if scheme == "offset" else 1.0)
    return np.asarray(span / np.maximum(largest, 1))


def physical_lines(columns: int, scheme: Scheme) -> int:
    """Return the number of bit lines of so many logical columns."""
    if scheme == "four_line":
        return columns
    return columns + 1 if scheme == "offset" else 2 * columns


def formed_cells(weights: IntArray, scheme: Scheme, unformed: Unformed) -> BoolArray:
    """Return which cells (T, R, P) are formed; all but those that ``unformed`` leaves pristine."""
    tiles, rows, columns = weights.shape
    formed = np.ones((tiles, rows, physical_lines(columns, scheme)), dtype=np.bool_)
    if unformed == "pairs":
        formed[:, :, 0::2] = formed[:, :, 1::2] = weights != 0
    elif unformed == "cells":
        formed[:, :, 0::2], formed[:, :, 1::2] = weights > 0, weights < 0
    return formed


def targets(
    weights: IntArray,
    scale: FloatArray,
    scheme: Scheme,
    g_min: float,
    g_max: float,
    unformed: Unformed = "none",
) -> FloatArray:
    """Return target conductances (T, R, P) [S]; those of unformed cells mean nothing.

    Lines of a pair are neighbours: 2j positive, 2j + 1 negative. The offset line comes last.

    Parameters
    ----------
    weights : int array (T, R, C)
    scale : array (T, C)
        [S] per unit, from `unit_conductance`.
    scheme : str
    g_min, g_max : float
        [S]
    """
    tiles, rows, columns = weights.shape
    step = weights * scale[:, None, :]
    middle = (g_min + g_max) / 2
    result = np.empty((tiles, rows, physical_lines(columns, scheme)))
    if scheme == "offset":
        result[:, :, :columns] = middle + step
        result[:, :, columns] = middle
    elif scheme == "four_line":
        result[:] = g_min + step
    elif scheme == "one_sided":
        base = 0.0 if unformed == "cells" else g_min
        result[:, :, 0::2] = base + np.maximum(step, 0.0)
        result[:, :, 1::2] = base + np.maximum(-step, 0.0)
    else:
        used = weights != 0
        result[:, :, 0::2] = np.where(used, middle + step / 2, g_min)
        result[:, :, 1::2] = np.where(used, middle - step / 2, g_min)
    # Rounding may leave the range by an ulp, and small weights lie below it with unformed cells.
    return np.clip(result, g_min, g_max)


def joined_devices(lines: NDArray[Any], devices: int) -> NDArray[Any]:
    """Return the sums (…, P) over the devices of each line of values (…, P · devices)."""
    if devices == 1:
        return lines
    return np.asarray(lines.reshape(*lines.shape[:-1], -1, devices).sum(axis=-1))


def lines_in_use(columns_used: IntArray, columns: int, scheme: Scheme) -> BoolArray:
    """Return (T, P): bit lines that belong to the used logical columns."""
    logical = np.arange(columns) < columns_used[:, None]
    if scheme == "offset":
        return np.concatenate([logical, columns_used[:, None] > 0], axis=1)
    if scheme == "four_line":
        return logical
    return np.repeat(logical, 2, axis=1)


def effective(conductance: FloatArray, scale: FloatArray, scheme: Scheme) -> FloatArray:
    """Return the weights (T, R, C) in units of integer weights that conductances stand for.

    Where nothing is subtracted (four lines) they are G_min/scale above what was meant.
    """
    if scheme == "four_line":
        return np.asarray(conductance / scale[:, None, :])
    if scheme == "offset":
        difference = conductance[:, :, :-1] - conductance[:, :, -1:]
    else:
        difference = conductance[:, :, 0::2] - conductance[:, :, 1::2]
    return np.asarray(difference / scale[:, None, :])


def effective_variance(
    variance: FloatArray, scale: FloatArray, scheme: Scheme, common: FloatArray
) -> FloatArray:
    """Return the variance (T, R, C) of `effective` weights whose cells vary independently [S²].

    The offset line's noise is common to all columns of a tile; each gets its variance times
    ``common`` (T, C), the correlation between columns is left out.
    """
    if scheme == "offset":
        total = variance[:, :, :-1] + variance[:, :, -1:] * common[:, None, :]
    elif scheme == "four_line":
        total = variance
    else:
        total = variance[:, :, 0::2] + variance[:, :, 1::2]
    return np.asarray(total / (scale**2)[:, None, :])
