"""On-chip memories by size: energy of an access, area, leakage."""

from __future__ import annotations

from typing import Protocol

from imssa_sim.cards import Card
from imssa_sim.components.forms import form_of
from imssa_sim.components.parameters import Number, Parameters, check_valid, log_interpolate
from imssa_sim.registry import Registry

SMALLEST_BYTES = 256
"""Smaller memories cost as much: their periphery does not shrink."""


class MemoryForm(Protocol):
    """A cost model of a memory; pure functions of a card and the size in bytes."""

    def energy(self, p: Parameters, size: float) -> Number:
        """Energy per bit of an access [J]."""

    def area(self, p: Parameters, size: float) -> Number:
        """Area [m^2]."""

    def leakage(self, p: Parameters, size: float) -> Number:
        """Leakage power [W]."""


class _Banked:
    """Power, leakage and area over size; beyond the largest, banks of the largest (PUMA)."""

    def energy(self, p: Parameters, size: float) -> Number:
        largest = p.array("bytes").max()
        bank = min(max(size, SMALLEST_BYTES), largest)
        power = log_interpolate(bank, p.array("bytes"), p.array("power"))
        return power / p["access_rate"] / p["word"]

    def area(self, p: Parameters, size: float) -> Number:
        return self._banks(p, size, "area")

    def leakage(self, p: Parameters, size: float) -> Number:
        return self._banks(p, size, "leakage")

    def _banks(self, p: Parameters, size: float, what: str) -> Number:
        largest = float(p.array("bytes").max())
        full, rest = divmod(size, largest)
        table = p.array("bytes"), p.array(what)
        total: Number = full * log_interpolate(largest, *table)
        if rest or not full:
            total = total + log_interpolate(max(rest, SMALLEST_BYTES), *table)
        return total


class _Reads:
    """Energies of a word over size by power laws; area and leakage per byte (Horowitz)."""

    def energy(self, p: Parameters, size: float) -> Number:
        at = max(size, SMALLEST_BYTES)
        return log_interpolate(at, p.array("bytes"), p.array("energy")) / p["word"]

    def area(self, p: Parameters, size: float) -> Number:
        return p["area_per_byte"] * max(size, SMALLEST_BYTES)

    def leakage(self, p: Parameters, size: float) -> Number:
        return p["leakage_per_byte"] * max(size, SMALLEST_BYTES)


class _Fixed:
    """One published macro, whatever the size asked for (up to its own) (ISAAC's eDRAM)."""

    def energy(self, p: Parameters, size: float) -> Number:
        dynamic = p["power"] * (1 - p.peek("idle_fraction"))
        return dynamic / (p["clock"] * p["activity"]) / p["word"]

    def area(self, p: Parameters, size: float) -> Number:
        return p["area"]

    def leakage(self, p: Parameters, size: float) -> Number:
        return p["power"] * p["idle_fraction"]


MEMORY_FORMS: Registry[MemoryForm | type[MemoryForm]] = Registry(
    "memory cost model",
    "imssa_sim.memory",
    {"table": _Banked(), "reads": _Reads(), "fixed": _Fixed()},
)


def memory_form(card: Card, size: float) -> MemoryForm:
    """Return the cost model of a card, after a check that it holds for a size in bytes.

    Raises
    ------
    ValidityError
        If the memory is larger than the card's range.
    InputError
        For an unknown form.
    """
    check_valid(card, bytes=max(1.0, size))
    return form_of(card, MEMORY_FORMS)
