"""Counts of values that quantisers clipped."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Saturation:
    """Counts of values that quantisers clipped, by place (``layer0.kernel.state``, ``encoder``).

    Attributes
    ----------
    clipped, total : dict
        Clipped values and all values of a place.
    """

    clipped: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def add(self, place: str, clipped: int, total: int) -> None:
        """Add the counts of one place."""
        self.clipped[place] = self.clipped.get(place, 0) + int(clipped)
        self.total[place] = self.total.get(place, 0) + int(total)

    def merge(self, other: Saturation) -> None:
        """Add the counts of another execution."""
        for place, clipped in other.clipped.items():
            self.add(place, clipped, other.total[place])

    def share(self, place: str) -> float:
        """Return the clipped share of a place."""
        return self.clipped[place] / self.total[place] if self.total[place] else 0.0


@dataclass(frozen=True)
class ClipCounter:
    """A place where values are clipped, by its name, and what counts them."""

    name: str
    saturation: Saturation = field(default_factory=Saturation)

    def count(self, number: int, total: int) -> None:
        """Note that ``number`` of ``total`` values were clipped here."""
        self.saturation.add(self.name, number, total)

    def at(self, part: str) -> ClipCounter:
        """Return a place within this one."""
        return ClipCounter(f"{self.name}.{part}", self.saturation)
