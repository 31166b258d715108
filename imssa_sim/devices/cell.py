"""A memory cell: the range of its conductance and the equations that its card names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imssa_sim.cards import Card, load_card
from imssa_sim.devices import conduction, faults, noise, programming, write  # noqa: F401
from imssa_sim.devices.forms import build, fault
from imssa_sim.devices.relaxation import SaturatingRelaxation, TabulatedRelaxation
from imssa_sim.errors import ConfigError, Problem
from imssa_sim.units import format_si
from imssa_sim.validity import beyond

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig

FloatArray = NDArray[np.float64]
_UNITS = {"time": "s", "read_time": "s", "read_voltage": "V", "temperature": "K"}


class ProgrammingForm(Protocol):
    """Deviation of a written conductance from its target."""

    def sigma(self, target: FloatArray) -> FloatArray:
        """Return the standard deviation [S]."""

    def error(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the deviation [S] that standard normals give."""


class RelaxationForm(Protocol):
    """Random deviation that comes after programming."""

    def shift(self, target: FloatArray, time: float, normals: FloatArray) -> FloatArray:
        """Return the deviation [S] at ``time`` [s] after programming."""


class DriftForm(Protocol):
    """Loss of conductance with time."""

    def exponents(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return each cell's drift exponent."""

    def factor(self, exponents: FloatArray, time: float) -> FloatArray:
        """Return the ratio of the conductance at ``time`` [s] to that at programming."""


class ReadNoiseForm(Protocol):
    """Fluctuation from read to read.

    A form whose σ does not depend on ``programmed``, the conductance right after programming, may
    say so by a class attribute ``of_programmed = False``: it is then not worked out.
    """

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]; ``read_time`` None: the card's own."""


@dataclass(frozen=True)
class Cell:
    """A memory cell, as its card describes it. An aspect that the card leaves out is None.

    Attributes
    ----------
    name : str
        Name of the card.
    g_min, g_max : float
        Range of target conductances [S].
    levels : array or None
        Conductances that can be targeted, ascending [S]; None: any in the range.
    bound_low, bound_high : float
        Physical bounds: no error leads beyond them [S].
    unformed : float or None
        Conductance of a pristine cell [S]; None: not known.
    unformed_stuck : float
        Probability that a pristine cell is stuck on.
    programming, relaxation, drift, read_noise, faults, conduction, write : object or None
        Forms of equations, see `imssa_sim.devices.forms`.
    valid : mapping of str to (float, float)
        Limits of ``time``, ``read_voltage``, ``temperature``, ``read_time``, SI.
    not_modelled : tuple of str
        What the card leaves out.
    card : Card
        The card itself.
    """

    name: str
    g_min: float
    g_max: float
    levels: FloatArray | None
    bound_low: float
    bound_high: float
    unformed: float | None
    unformed_stuck: float
    programming: ProgrammingForm | None
    relaxation: RelaxationForm | None
    drift: DriftForm | None
    read_noise: ReadNoiseForm | None
    faults: faults.StuckCells | None
    conduction: Any
    write: write.PulseProgramming | None
    valid: Mapping[str, tuple[float, float]]
    not_modelled: tuple[str, ...]
    card: Card

    def check(self, **conditions: float) -> None:
        """Refuse conditions outside the card's validity.

        Parameters
        ----------
        **conditions : float
            Any of the names in ``valid``, SI.

        Raises
        ------
        ValidityError
            Names the condition, its value, the limits and the card.
        """
        for name, value in conditions.items():
            low, high = self.valid.get(name, (-np.inf, np.inf))
            if not low <= value <= high:
                unit = _UNITS.get(name, "")
                beyond(
                    f"{name.replace('_', ' ')} {format_si(value, unit)} is outside of what "
                    f"{self.name} holds for, {format_si(low, unit)} to {format_si(high, unit)}",
                    "stay inside, take another cell",
                )

    def on_grid(self, targets: FloatArray) -> FloatArray:
        """Return the nearest level to each target [S]; the targets where there is no grid."""
        if self.levels is None:
            return targets
        middles = (self.levels[1:] + self.levels[:-1]) / 2
        return np.asarray(self.levels[np.searchsorted(middles, targets)])

    def program(self, targets: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the conductances that come of writing ``targets`` [S], before physical bounds.

        Bounds cut off the sum of programming error and relaxation, once: `after` does it. The
        published errors at later times hold for that sum.
        """
        if self.programming is None:
            return targets
        return targets + self.programming.error(targets, normals)

    def after(
        self,
        written: FloatArray,
        targets: FloatArray,
        time: float,
        *,
        relaxation: FloatArray | None = None,
        drift: FloatArray | None = None,
    ) -> FloatArray:
        """Return the conductances at a time after programming [S], within physical bounds.

        Parameters
        ----------
        written, targets : array
            What was written (see `program`) and what was meant [S].
        time : float
            Since programming [s].
        relaxation, drift : array, optional
            Standard normals of each cell; an aspect without them is left out.
        """
        result = written
        if relaxation is not None and self.relaxation is not None:
            result = result + self.relaxation.shift(targets, time, relaxation)
        result = np.clip(result, self.bound_low, self.bound_high)
        if drift is not None and self.drift is not None:
            result = result * self.drift.factor(self.drift.exponents(targets, drift), time)
        return result

    @property
    def noise_of_programmed(self) -> bool:
        """Whether the read noise depends on the conductance right after programming."""
        return self.read_noise is not None and getattr(self.read_noise, "of_programmed", True)

    def read_sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of the conductance in one read [S].

        ``time`` is that since programming, ``read_time`` the duration of the read [s]; None: that
        of the measurements that the card rests on.
        """
        if self.read_noise is None:
            return np.zeros(conductance.shape)
        return self.read_noise.sigma(conductance, programmed, time, read_time)


def load_cell(name: str) -> Cell:
    """Return the cell of a card ``cells/…``, or of a user's own card file.

    Raises
    ------
    InputError
        For an unknown card or form, a missing or senseless parameter.
    """
    return cell_of(load_card(name))


def check_conditions(hardware: HardwareConfig, time: float) -> None:
    """Refuse a faulty cell card, and conditions outside its validity; an ideal chip has none.

    Parameters
    ----------
    hardware : HardwareConfig
    time : float
        Since programming [s].

    Raises
    ------
    ConfigError
        The card is faulty.
    ValidityError
        See `Cell.check`.
    """
    cell = load_cell(hardware.chip.tile.cell)
    if not hardware.ideal:
        voltage, temperature = hardware.chip.tile.read_voltage, hardware.chip.temperature
        cell.check(read_voltage=voltage, temperature=temperature, time=time)


def cell_of(card: Card) -> Cell:
    """Return the cell that a card describes; see `load_cell`."""
    if card.kind != "cell":
        raise ConfigError(
            [Problem(f"card '{card.name}' is of kind '{card.kind}', not 'cell'", str(card.path))]
        )
    g_min = card.quantity("g_min", "conductance")
    g_max = card.quantity("g_max", "conductance")
    if g_min < 0:
        raise _fault(card, "g_min", f"{format_si(g_min, 'S')} is negative")
    if not g_min < g_max:
        raise _fault(
            card,
            "g_max",
            f"{format_si(g_max, 'S')} is not above g_min, {format_si(g_min, 'S')}",
            "the range of target conductances runs from g_min to g_max",
        )
    cell = Cell(
        name=card.name,
        g_min=g_min,
        g_max=g_max,
        levels=_levels(card, g_min, g_max),
        bound_low=_optional(card, "bound_low", 0.0),
        bound_high=_optional(card, "bound_high", np.inf),
        unformed=_unformed(card),
        unformed_stuck=_probability(card, "unformed_stuck"),
        programming=build(card, "programming"),
        relaxation=build(card, "relaxation"),
        drift=build(card, "drift"),
        read_noise=build(card, "read_noise"),
        faults=build(card, "faults"),
        conduction=build(card, "conduction"),
        write=build(card, "write"),
        valid=card.valid,
        not_modelled=card.not_modelled,
        card=card,
    )
    _check_spreads(cell)
    return cell


def _check_spreads(cell: Cell) -> None:
    """Refuse polynomials that are negative somewhere between g_min and g_max.

    Raises
    ------
    ConfigError
    """
    targets = np.linspace(cell.g_min, cell.g_max, 1001)
    spreads = []
    if cell.programming is not None:
        spreads.append(("programming", cell.programming.sigma(targets)))
    if isinstance(cell.relaxation, TabulatedRelaxation | SaturatingRelaxation):
        times = cell.relaxation.times
        spreads += [("relaxation", cell.relaxation.total_sigma(targets, t)) for t in times]
    for aspect, sigma in spreads:
        worst = int(np.argmin(sigma))
        if not sigma[worst] >= 0:  # NaN too
            raise _fault(
                cell.card,
                f"{aspect}_form",
                f"the standard deviation is {format_si(float(sigma[worst]), 'S')} at "
                f"{format_si(float(targets[worst]), 'S')}",
                "it must not be negative anywhere from g_min to g_max",
            )


def _fault(card: Card, name: str, what: str, remedy: str = "") -> ConfigError:
    return ConfigError([fault(card, card[name], what, remedy=remedy)])


def _optional(card: Card, name: str, default: float) -> float:
    return card.quantity(name, "conductance") if name in card else default


def _unformed(card: Card) -> float | None:
    name = "unformed_conductance"
    if name not in card:
        return None
    value = card.quantity(name, "conductance")
    if value < 0:
        raise _fault(card, name, f"{format_si(value, 'S')} is negative")
    return value


def _probability(card: Card, name: str) -> float:
    value = card.quantity(name, "number") if name in card else 0.0
    if not 0 <= value <= 1:
        raise _fault(card, name, f"{value:g} is no probability", "give 0 to 1")
    return value


def _levels(card: Card, g_min: float, g_max: float) -> FloatArray | None:
    """Return the level grid: ``levels`` equal steps, or the list ``level_values``."""
    if "level_values" in card:
        values = card.quantities("level_values", "conductance")
        if any(a >= b for a, b in pairwise(values)):
            raise _fault(card, "level_values", "levels must ascend")
        if values[0] < g_min or values[-1] > g_max:
            raise _fault(card, "level_values", "levels must lie between g_min and g_max")
        return np.array(values)
    if "levels" in card:
        count = card.quantity("levels", "number")
        if count != int(count) or count < 2:
            raise _fault(card, "levels", "must be a whole number of at least 2")
        return np.linspace(g_min, g_max, int(count))
    return None
