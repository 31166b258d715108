"""Calibration of the converters on the programmed array: gain and offset of every column.

Stored codes are applied to the word lines and read through the whole chain: cells with their
errors, wires, drivers, converters, noise. The codes are those that arrive there in the digital
network on calibration sequences, so that the fit is good where the network works. A straight line
through the codes read, over those that the integer weights promise, is each column's gain and
offset; the converter is set against them.

The gains of a tile's columns have a common mean and a spread. Each is drawn towards the mean as far
as its own standard error is large against that spread, which is estimated from the same reads
(DerSimonian and Laird, Control. Clin. Trials 7, 177, 1986): columns that the codes hardly excite
get the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.adc.converters import Trim
from imssa_sim.circuits.draws import Coordinates, sample_number
from imssa_sim.kernels.read_circuit import DenseWiring

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.kernels.read_circuit import ReadCircuit

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

TRIM_RANGE = 4.0
"""Assumed: a converter's gain can be set up to so many times higher or lower. Columns beyond it
(dead ones, or with a stuck cell on a driven row) keep the nominal setting."""
QUANTISATION = 1.0 / 12.0
"""Least variance of a code about the line [codes²]: that of an even quantiser."""
TURNS = 1 << 16


@dataclass(frozen=True)
class ColumnFit:
    """Result of one calibration.

    Attributes
    ----------
    trim : Trim
    before, after : float
        Sum over columns in use and reads of the squared deviation from the promised codes, as read
        and with the fitted line taken off [codes²].
    readings : int
        Codes in these sums.
    """

    trim: Trim
    before: float
    after: float
    readings: int


def read_probes(
    probes: NDArray[np.int16], circuit: ReadCircuit, where: Coordinates, *, age: float
) -> IntArray:
    """Read stored codes on programmed tiles, and return the converters' codes (n, T, C).

    Parameters
    ----------
    probes : int16 array (T, n, R)
    circuit : ReadCircuit
        Of the tiles, column by column.
    where : Coordinates
    age : float
        Time since programming [s]; reads in another second meet other noise.
    """
    from imssa_sim.kernels.dense import pack_dense, read_dense

    tiles, reads, height = probes.shape
    packed = pack_dense(circuit, DenseWiring(np.arange(tiles) * height))
    codes = np.ascontiguousarray(probes.transpose(1, 0, 2).reshape(reads, -1))
    number = sample_number(where, "calibration", int(age) % TURNS)
    result = read_dense(
        packed,
        codes,
        sample_ids=number,
        steps=np.arange(reads),
        seed=where.seed,
        chip=where.chip,
        site=where.site,
    )
    return result.outputs.astype(np.int64)


def fit_columns(
    promised: FloatArray, codes: IntArray, low: int, high: int, used: NDArray[np.bool_]
) -> ColumnFit:
    """Fit a line to what each column read.

    Parameters
    ----------
    promised : array (n, T, C)
        ``acc·scale + offset`` of the integer weights and the nominal converter.
    codes : int array (n, T, C)
        What the converters gave; readings at either end of the range do not count.
    low, high : int
        Range of the codes.
    used : bool array (T, C)
    """
    inside = ((codes > low) & (codes < high)).astype(np.float64)
    read = codes + 0.5  # the middle of what the floor takes together
    count = np.maximum(inside.sum(axis=0), 1.0)
    x_mean, y_mean = ((inside * v).sum(axis=0) / count for v in (promised, read))
    x, y = promised - x_mean, read - y_mean
    square = (inside * x * x).sum(axis=0)
    found = used & (square > 0) & (count > 2)
    slope = np.divide((inside * x * y).sum(axis=0), square, out=np.ones(used.shape), where=found)
    found &= (slope > 1 / TRIM_RANGE) & (slope < TRIM_RANGE)
    rest = (inside * np.square(y - slope * x)).sum(axis=0)
    variance = np.maximum(rest / np.maximum(count - 2.0, 1.0), QUANTISATION)
    error = np.divide(variance, square, out=np.full(used.shape, np.inf), where=found)
    gain = np.where(found, _pooled(slope, error, found), 1.0)
    offset = np.where(found, y_mean - gain * x_mean, 0.0)
    counted = inside * used
    before = counted * np.square(read - promised)
    after = counted * np.square((read - offset) / gain - promised)
    return ColumnFit(
        Trim(gain, offset), float(before.sum()), float(after.sum()), int(counted.sum())
    )


def _pooled(slope: FloatArray, error: FloatArray, found: NDArray[np.bool_]) -> FloatArray:
    """Draw slopes (T, C) with squared standard errors towards the mean of their tile."""
    weight = np.where(found, 1.0 / np.where(found, error, 1.0), 0.0)
    total = np.maximum(weight.sum(axis=1), 1e-300)
    mean = (weight * slope).sum(axis=1) / total
    scatter = (weight * np.square(slope - mean[:, None])).sum(axis=1)
    excess = scatter - np.maximum(found.sum(axis=1) - 1, 0)
    freedom = total - np.square(weight).sum(axis=1) / total
    spread = np.maximum(excess, 0.0) / np.maximum(freedom, 1e-300)
    own = spread[:, None] / (spread[:, None] + np.where(found, error, 1.0))
    return np.asarray(mean[:, None] + (slope - mean[:, None]) * own)
