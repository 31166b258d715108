"""One crossbar by itself, used like a matrix."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.api.crossbar_arguments import adc_ranges, chosen_lines, matrix
from imssa_sim.api.crossbar_array import SUBTRACTIONS, part, sensed, write
from imssa_sim.api.crossbar_cost import Meter, TilePrices
from imssa_sim.api.crossbar_read import LEVELS, Range, read
from imssa_sim.api.workload import load, one_of
from imssa_sim.circuits.slices import signs_apart
from imssa_sim.circuits.weights import physical_lines
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

SCHEMES = ("differential", "one_sided", "offset", "four_line")
CONTINUOUS = 1 << 30
"""Steps of the largest weight where weights are not quantised."""
SMALLEST = 4
"""Least lines of a crossbar on either side; a smaller matrix leaves some empty."""


class Crossbar:
    """A matrix of weights on one crossbar, with drivers and converters.

    ``crossbar @ x`` is what a read gives. Slices (``crossbar[2:5, :]``), the transpose (``.T``: bit
    lines driven, word lines read) and ``x @ crossbar`` are views of the same cells: all count into
    the same ``energy``, ``time`` and ``reads``. The noise of each read depends on the seed and the
    number of reads before it.

    Parameters
    ----------
    weights : array (outputs, inputs)
        Real; the largest magnitude fills the cells' range.
    cell, adc, dac : str or Path
        Cards.
    adc_bits, dac_bits : int
        Sign included. Inputs have ``dac_bits``.
    weight_bits : int or None
        Sign included; None: targets are continuous (in steps of the largest over 2³⁰).
    adc_range : float or array (outputs,), optional
        Largest product that the converters take, in the units of the product (behind a single line
        a column: of what is converted, its offset included). By default what no input exceeds.
    adc_levels : {"mid_tread", "mid_rise"}
        ``2**bits - 1`` levels from -range to range, zero among them; or ``2**bits`` of them.
    input_range : float
        Input at full scale; what is beyond it is refused.
    scheme : {"differential", "one_sided", "offset", "four_line"}
        Of signed weights (`imssa_sim.circuits.weights`). With four lines an input has two word
        lines and an output two bit lines, one for each sign; converters then need no sign
        (``adc_levels`` from 0 to the range), and ``subtraction`` is digital.
    subtraction : {"analog", "digital", "unit_column"}
        ``analog``: the currents of a pair, or of the offset's line, are subtracted before the
        conversion. ``digital``: both lines of a pair are converted; the offset's nominal value is
        taken off behind the conversion. ``unit_column``: the code of the offset's line is.
    conductance_range : (float, float), optional
        Lowest and highest target [S]; by default those of the cell's card.
    error : array (word lines, bit lines), optional
        Given errors of the conductances [S], shaped as `conductance`: lines of a pair are
        neighbours, positive first; an offset line comes last. Added to what is written; no
        conductance gets below zero.
    ideal : bool
        The exact product of quantised inputs and weights.
    set : mapping, optional
        Values of a workload's ``hardware`` section, ``{"effects.drift": False}``. Effects are
        those that a workload has by default but wires, which ``{"effects.ir_drop": True}`` adds.
    time : float
        Since programming [s].
    seed, chip : int
        Coordinates of all draws.

    Raises
    ------
    ImssaError
        An argument is of the wrong kind, size or range, or a card does not hold for it.

    Examples
    --------
    >>> import numpy as np, imssa_sim
    >>> crossbar = imssa_sim.Crossbar(np.eye(4), ideal=True)
    >>> crossbar @ np.array([0.0, 0.5, -1.0, 1.0])
    array([ 0.        ,  0.50393701, -1.        ,  1.        ])
    """

    __array_ufunc__ = None  # so that array @ crossbar comes here

    def __init__(
        self,
        weights: ArrayLike,
        cell: str | Path = "cells/taox_imssa",
        adc: str | Path = "adc/survey_andrulis_2024",
        dac: str | Path = "dac/pwm_40nm",
        *,
        adc_bits: int = 8,
        dac_bits: int = 8,
        weight_bits: int | None = 8,
        adc_range: float | ArrayLike | None = None,
        adc_levels: str = "mid_tread",
        input_range: float = 1.0,
        scheme: str = "differential",
        subtraction: str = "analog",
        conductance_range: tuple[float, float] | None = None,
        error: ArrayLike | None = None,
        ideal: bool = False,
        set: Mapping[str, Any] | None = None,
        time: float = 0.0,
        seed: int = 0,
        chip: int = 0,
    ) -> None:
        given = matrix("weights", weights)
        one_of("scheme", scheme, SCHEMES)
        one_of("subtraction", subtraction, SUBTRACTIONS)
        one_of("levels of converters", adc_levels, LEVELS)
        for name, bits in (("dac_bits", dac_bits), ("weight_bits", weight_bits or 2)):
            if not isinstance(bits, int) or not 2 <= bits <= 15:
                raise InputError(f"{name}: expected an integer from 2 to 15, not {bits!r}")
        apart = scheme == "four_line"
        if apart and subtraction != "digital":
            raise InputError(
                "scheme='four_line' converts the lines of both signs: give subtraction='digital', "
                f"not {subtraction!r}"
            )
        if subtraction == "unit_column" and scheme != "offset":
            raise InputError(f"a unit column goes with scheme='offset', not {scheme!r}")
        if not input_range > 0:
            raise InputError(f"input_range: expected a positive number, not {input_range!r}")
        if conductance_range is not None and not 0 <= conductance_range[0] < conductance_range[1]:
            raise InputError(
                f"conductance_range: expected (lowest, highest) [S], not {conductance_range!r}"
            )
        each = 2 if apart else 1
        lines = physical_lines(each * given.shape[0], scheme)  # type: ignore[arg-type]
        hardware: dict[str, Any] = {
            "chip.tile.rows": max(SMALLEST, each * given.shape[1]),
            "chip.tile.columns": max(SMALLEST, lines),
            "chip.tile.cell": str(cell),
            "chip.tile.weights": scheme,
            "chip.tile.weight_scale": "tile",
            "adc.card": str(adc),
            "adc.bits": adc_bits,
            "dac.card": str(dac),
            "dac.bits": dac_bits,
            "effects.ir_drop": False,
            "ideal": bool(ideal),
        }
        settings = {f"hardware.{k}": v for k, v in (hardware | dict(set or {})).items()}
        loaded = load(_AROUND, settings, seed)
        self._hardware = loaded.config.hardware
        if self._hardware.chip.tile.slices > 1:
            raise InputError("set: chip.tile.slices: a crossbar by itself holds whole weights")
        if self._hardware.effects.ir_drop and subtraction != "analog":
            raise InputError(f"effects.ir_drop is not modelled with subtraction={subtraction!r}")
        largest = float(np.abs(given).max(initial=0.0)) or 1.0
        self._step = largest / (CONTINUOUS if weight_bits is None else (1 << (weight_bits - 1)) - 1)
        self._limit = (1 << (dac_bits - 1)) - 1
        self._input_step = input_range / self._limit
        whole = np.rint(given / self._step).astype(np.int64)
        cells = signs_apart(whole.T[None])[0] if apart else whole.T
        self._written = write(
            cells, self._hardware, self._limit, conductance_range, error, seed, chip
        )
        self._subtraction, self._levels = subtraction, adc_levels
        self._range = None if adc_range is None else adc_ranges(adc_range, given.shape[0])
        self._seed, self._chip, self._time = seed, chip, float(time)
        self._meter = Meter()
        self._prices = TilePrices(self._hardware, dac_bits)
        self._outputs, self._inputs = (np.arange(size) for size in given.shape)
        self._turned = False
        self._lines = sensed(self._written, self._time, subtraction)

    # The matrix.

    @property
    def shape(self) -> tuple[int, int]:
        """Outputs and inputs."""
        sizes = len(self._outputs), len(self._inputs)
        return sizes[::-1] if self._turned else sizes

    @property
    def ndim(self) -> int:
        """Two."""
        return 2

    @property
    def T(self) -> Crossbar:
        """The transpose: the bit lines are driven, the word lines are read.

        Raises
        ------
        InputError
            Wires resist: their equations hold for reads by the word lines alone.
        """
        if self._hardware.effects.ir_drop:
            raise InputError(
                "the transpose behind resistive wires is not modelled: effects.ir_drop"
            )
        if self._subtraction == "unit_column":
            raise InputError(
                "the transpose with a unit column cannot be read: its bit line would be driven; "
                "take subtraction='digital' or 'analog'"
            )
        other = copy(self)
        other._turned = not self._turned
        return other

    def __getitem__(self, key: Any) -> Crossbar:
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > 2:
            raise InputError(f"a crossbar has two axes, not {len(keys)}")
        keys = (*keys, *[slice(None)] * (2 - len(keys)))
        if self._turned:
            keys = keys[::-1]
        other = copy(self)
        other._outputs, other._inputs = (
            chosen_lines(axis, k)
            for axis, k in zip((self._outputs, self._inputs), keys, strict=True)
        )
        return other

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> FloatArray:
        cells = np.ix_(self._inputs, self._outputs)
        whole = self._lines.joined(self._lines.tiles.weights[0]) - self._lines.constant
        if self._lines.signs_apart:
            whole = (whole[0::2] - whole[1::2]) / 2
        values = whole[cells] * self._step
        return np.asarray(values if self._turned else values.T, dtype=dtype)

    # Products.

    def matvec(self, x: ArrayLike) -> FloatArray:
        """Return the product with a vector (inputs,)."""
        given = np.asarray(x, dtype=np.float64)
        if given.ndim != 1:
            raise InputError(f"matvec takes a vector, not an array of shape {given.shape}")
        return self.matmat(given[:, None])[:, 0]

    def rmatvec(self, x: ArrayLike) -> FloatArray:
        """Return the product of the transpose with a vector (outputs,)."""
        return self.T.matvec(x)

    def matmat(self, x: ArrayLike) -> FloatArray:
        """Return the product with a matrix (inputs, n): one read a column.

        Raises
        ------
        InputError
            Another shape, an input that is not finite or beyond ``input_range``.
        """
        given = matrix("x", x)
        if given.shape[0] != self.shape[1]:
            raise InputError(f"{self.shape} times {given.shape}: the inner sizes differ")
        codes = np.rint(given.T / self._input_step)
        most = float(np.abs(codes).max(initial=0.0))
        if most > self._limit:
            raise InputError(
                f"an input of {np.abs(given).max():g} is beyond input_range = "
                f"{self._input_step * self._limit:g}; scale the inputs, or give a larger one"
            )
        if not given.shape[1]:
            return np.zeros((self.shape[0], 0))
        lines = self._lines
        if (
            self._turned and lines.join == "pairs" and not lines.signs_apart
        ):  # driven against each other, read as one
            lines = sensed(self._written, self._time, "analog")
        lines = part(lines, self._inputs, self._outputs, self._turned)
        fixed = self._range
        if fixed is not None and fixed.ndim:
            if self._turned:
                raise InputError("adc_range: one range for all columns is needed to read rows")
            fixed = fixed[self._outputs]
        ranged = Range(
            None if fixed is None else fixed / (self._step * self._input_step), self._levels
        )
        if lines.signs_apart:
            codes = np.stack([np.maximum(codes, 0), np.maximum(-codes, 0)], axis=2)
            codes = codes.reshape(len(codes), -1)
        sums = read(
            lines, codes.astype(np.int16), self._hardware, self._limit, ranged, self._meter,
            self._prices, seed=self._seed, chip=self._chip, site=int(self._turned),
        )  # fmt: skip
        return np.ascontiguousarray(sums.T) * (self._step * self._input_step)

    def __matmul__(self, other: ArrayLike) -> FloatArray:
        given = np.asarray(other, dtype=np.float64)
        return self.matvec(given) if given.ndim == 1 else self.matmat(given)

    def __rmatmul__(self, other: ArrayLike) -> FloatArray:
        given = np.asarray(other, dtype=np.float64)
        if given.ndim == 1:
            return self.T.matvec(given)
        return np.ascontiguousarray(self.T.matmat(given.T).T)

    # The device.

    @property
    def conductance(self) -> FloatArray:
        """Conductances of all cells (word lines, bit lines) at this time [S].

        Lines of a pair are neighbours, positive first; an offset line comes last.
        """
        return np.asarray(self._written.conductance(self._time)[0])

    @property
    def targets(self) -> FloatArray:
        """Conductances that were meant (word lines, bit lines) [S], as `conductance`."""
        return np.array(self._written.targets[0])

    def later(self, time: float) -> Crossbar:
        """Return the same cells at another time since programming [s]; it counts by itself."""
        other = copy(self)
        other._time, other._meter = float(time), Meter()
        other._lines = sensed(self._written, other._time, self._subtraction)
        return other

    # What it takes.

    @property
    def reads(self) -> int:
        """Reads so far, of this crossbar and all its views."""
        return self._meter.reads

    @property
    def energy(self) -> float:
        """Energy of all reads so far [J], leakage meanwhile included."""
        return sum(self.energy_by_kind.values())

    @property
    def energy_by_kind(self) -> dict[str, float]:
        """The same by kind of component [J]."""
        return self._meter.energy | {"leakage": self.leakage * self.time}

    @property
    def time(self) -> float:
        """Time of all reads so far, one after the other [s]: drive, read, conversions."""
        return self._meter.time

    @property
    def area(self) -> float:
        """Area of array, drivers, converters, samplers and control [m²]."""
        return sum(float(cost.area.value) for cost in self._prices.components)

    @property
    def leakage(self) -> float:
        """Power without reads [W]."""
        return sum(float(cost.leakage.value) for cost in self._prices.components)

    def __repr__(self) -> str:
        tile, adc = self._hardware.chip.tile, self._hardware.adc
        ideal = ", ideal" if self._hardware.ideal else ""
        return f"<Crossbar {self.shape}, {tile.cell}, {tile.weights}, ADC {adc.bits} bits{ideal}>"


_AROUND = {
    "workload": "crossbar",
    "model": {"layers": 1, "width": 1, "state": 2, "classes": 10},
    "data": {"name": "sdigits"},
    "hardware": {"chip": {"tile": {"cell": ""}}, "adc": {"card": ""}},
}
"""A workload around the crossbar's hardware, so that all its checks apply."""
