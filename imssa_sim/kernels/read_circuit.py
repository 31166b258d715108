"""What a read of crossbar tiles goes through: the seam between circuits and compiled loops.

Circuits build a :class:`ReadCircuit` once for a set of tiles, the loops pack it once. For the codes
``c`` on the word lines of a tile, each column j of cells gives::

    v     = dac_levels[c]
    acc_j = sum_i weights_ij * v_i + sqrt(var_j) * z_j,  z_j standard normal
    var_j = constant_variance_j + flat_variance_j * sum_i v_i**2 + sum_i variance_ij * v_i**2
            + sum_i shot.variance_ij * shot.power[c_i]
    adc_j = adc_table_j[clip(floor(acc_j * adc_scale_j + adc_offset_j), adc_low, adc_high)]

and the codes of K slices are added up, each times its ``slice_gain``. Which code drives which row
and where a column's code goes is the wiring: `RecurrentWiring` or `DenseWiring`.

Shapes: T tiles, R rows, C columns, S state rows, I input rows, O output columns per tile (the
largest of all tiles; the rest is padding). With K slices a weight takes K columns that stand side
by side: column j·K + k is slice k of the logical column j. A number in place of an array (T, C)
holds for all columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_STATE_BITS = 22
"""Bits of an accumulator: a state, an increment and a rest add up exactly in single precision."""


@dataclass(frozen=True)
class ShotNoise:
    """Noise of the pulses themselves.

    Attributes
    ----------
    variance : array (T, R, C)
        Of a cell per unit of ``power`` [(weight units x code units)²].
    power : array (2·limit + 1,)
        Of the pulses that stand for each code -limit … limit.
    """

    variance: FloatArray
    power: FloatArray


@dataclass(frozen=True)
class ReadCircuit:
    """Cells, drivers, sense nodes and converters of a set of tiles, as they are read.

    Attributes
    ----------
    weights : array (T, R, C)
        What the cells stand for, errors included [integer weight units, of digits with slices].
        Padding is zero.
    rows_used : int array (T,)
        Word lines in use.
    columns_used : int array (T,)
        Logical columns in use.
    limit : int
        Largest code on a word line.
    adc_scale, adc_offset : array (T, C)
    adc_low, adc_high : int
        Range of the codes before ``adc_table``.
    adc_table : array (T, C, adc_high - adc_low + 1), optional
        Code that the converter gives, integral non-linearity included; by default the same.
    dac_levels : array (2·limit + 1,), optional
        Analog value of each code -limit … limit [code units]; by default the code.
    dac_steps : int array (2·limit + 1,), optional
        Steps that the driver takes for each code, what the statistics of the reads count; by
        default the code. That of code 0 is 0.
    variance : array (T, R, C), optional
        Read noise of a cell per squared code, beyond its column's ``flat_variance``
        [weight units²]. Cells that have none of it cost no time.
    flat_variance : array (T, C)
        Read noise per squared code that all cells of a column have [weight units²].
    constant_variance : array (T, C)
        Noise at the converter whatever is read [(weight units x code units)²].
    shot : ShotNoise, optional
    slices : int
        Columns K that hold one weight.
    slice_gain : array (T, C)
        Powers of two, or their negative, that the codes of the slices are multiplied by before they
        are added up.
    """

    weights: FloatArray
    rows_used: IntArray
    columns_used: IntArray
    limit: int
    adc_scale: FloatArray | float
    adc_offset: FloatArray | float
    adc_low: int
    adc_high: int
    adc_table: FloatArray | None = None
    dac_levels: FloatArray | None = None
    dac_steps: IntArray | None = None
    variance: FloatArray | None = None
    flat_variance: FloatArray | float = 0.0
    constant_variance: FloatArray | float = 0.0
    shot: ShotNoise | None = None
    slices: int = 1
    slice_gain: FloatArray | float = 1.0

    def __post_init__(self) -> None:
        if self.weights.ndim != 3:
            raise ValueError(f"weights must be (T, R, C), not {self.weights.shape}")
        tiles, rows, columns = self.weights.shape
        for name, used, most in (
            ("rows_used", self.rows_used, rows),
            ("columns_used", self.columns_used, columns // self.slices),
        ):
            if used.shape != (tiles,) or used.min() < 0 or used.max() > most:
                raise ValueError(f"{name} must be ({tiles},) of at most {most}, not {used}")
        span = self.adc_high - self.adc_low + 1
        levels = (2 * self.limit + 1,)
        shot = self.shot
        for name, array, shape in (
            ("adc_table", self.adc_table, (tiles, columns, span)),
            ("dac_levels", self.dac_levels, levels),
            ("dac_steps", self.dac_steps, levels),
            ("variance", self.variance, self.weights.shape),
            ("shot.variance", None if shot is None else shot.variance, self.weights.shape),
            ("shot.power", None if shot is None else shot.power, levels),
        ):
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} must be {shape}, not {array.shape}")

    @property
    def tiles(self) -> int:
        """Number of tiles T."""
        return len(self.weights)

    def column_by_column(self) -> ReadCircuit:
        """Return the circuit with the slices read apart, each a logical column of its own."""
        return replace(self, columns_used=self.columns_used * self.slices, slices=1, slice_gain=1.0)


@dataclass(frozen=True)
class FusedOutput:
    """Requantiser of outputs that have one column each.

    Attributes
    ----------
    channel : int array (T, O)
        Channel of each output column, -1 in the padding.
    gain : array (T, O)
        From its code to that of the channel, at most 24 significant bits.
    limit : int
        Largest output code.
    channels : int
    """

    channel: IntArray
    gain: FloatArray | float
    limit: int
    channels: int


@dataclass(frozen=True)
class Exchange:
    """What states become before increments are added: ``sign_j * x_(source_j)``.

    Attributes
    ----------
    source : int array (T, S)
        Place of a state of the same tile.
    sign : int array (T, S)
        1 or -1.
    """

    source: IntArray
    sign: IntArray


@dataclass(frozen=True)
class Accumulator:
    """Digital registers that add the codes of the state columns up: the array gives increments.

    A row is driven by the top bits of its state, ``clip(floor(x / 2**shift + 1/2))``, where x is
    the state, with ``feedback`` the state and what the step before cut off,
    ``clip(x - code * 2**shift)`` to half a drive step.

    Attributes
    ----------
    shift : int
        Bits of a state below those that drive its row.
    drive_limit : int
        Largest code that a state drives its row with.
    feedback : bool
        First-order error feedback of the bits that are cut off.
    exchange : Exchange, optional
        By default each increment is added to its own state.
    """

    shift: int
    drive_limit: int
    feedback: bool = False
    exchange: Exchange | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.shift < MOST_STATE_BITS:
            raise ValueError(f"shift must be 0 to {MOST_STATE_BITS - 1}, not {self.shift}")
        if self.drive_limit < 1:
            raise ValueError(f"drive_limit must be at least 1, not {self.drive_limit}")


@dataclass(frozen=True)
class RecurrentWiring:
    """Tiles whose state columns drive their state rows in the next read.

    Rows are states, then inputs; columns are states in the order of their rows, then outputs.

    Attributes
    ----------
    n_states : int array (T,)
        The other rows and columns in use are inputs and outputs.
    input_channel : int array (T, I)
        Channel that drives each input row, -1 where unused.
    state_gain : array (T, S)
        From the code of a state column to the state's (to its increment, with accumulators), at
        most 24 significant bits.
    state_limit : int
        Largest state code.
    output : FusedOutput, optional
        By default the codes of the output columns are given out as they are.
    accumulator : Accumulator, optional
        By default the code of a state column is the new state, and drives its row as it is.
    signs_apart : bool
        A state or input drives two rows, neighbours: the first one where its code is positive, the
        other with the magnitude where it is negative.
    """

    n_states: IntArray
    input_channel: IntArray
    state_gain: FloatArray | float
    state_limit: int
    output: FusedOutput | None = None
    accumulator: Accumulator | None = None
    signs_apart: bool = False

    def __post_init__(self) -> None:
        if self.accumulator is not None and not 0 < self.state_limit < 2**MOST_STATE_BITS:
            raise ValueError(
                f"states in accumulators must stay below 2**{MOST_STATE_BITS}, "
                f"not {self.state_limit}"
            )


@dataclass(frozen=True)
class DenseWiring:
    """Tiles whose rows are driven by consecutive inputs.

    Attributes
    ----------
    row_start : int array (T,)
        First input of each tile.
    """

    row_start: IntArray
