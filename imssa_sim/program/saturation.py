"""Counts of values that quantisers clipped."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Saturation:
    """Counts of values that a quantiser clipped, by site (``layer0.kernel.state``, ``encoder``, …).

    Attributes
    ----------
    clipped, total : dict
        Clipped values and all values of a site.
    """

    clipped: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def add(self, site: str, clipped: int, total: int) -> None:
        """Add the counts of one site."""
        self.clipped[site] = self.clipped.get(site, 0) + int(clipped)
        self.total[site] = self.total.get(site, 0) + int(total)

    def merge(self, other: Saturation) -> None:
        """Add the counts of another execution."""
        for site, clipped in other.clipped.items():
            self.add(site, clipped, other.total[site])

    def share(self, site: str) -> float:
        """Return the clipped share of a site."""
        return self.clipped[site] / self.total[site] if self.total[site] else 0.0


@dataclass(frozen=True)
class Site:
    """A place where values are clipped, by its name, and what counts them."""

    name: str
    saturation: Saturation = field(default_factory=Saturation)

    def clipped(self, number: int, total: int) -> None:
        """Note that ``number`` of ``total`` values were clipped here."""
        self.saturation.add(self.name, number, total)

    def at(self, part: str) -> Site:
        """Return a place within this one."""
        return Site(f"{self.name}.{part}", self.saturation)
