"""One published figure of a chip beside ours."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imssa_sim.cards import Card
from imssa_sim.units import parse_unit


@dataclass(frozen=True)
class Figure:
    """A figure that a paper states, recomputed.

    Attributes
    ----------
    chip, name : str
    ours : float
        In ``unit``.
    published : float or None
        In ``unit``; None where nothing is published.
    unit : str
    source, locator : str
        Where the published figure stands.
    basis : str
        What ours is computed from: a ``run`` of a workload, ``events`` of the timing engine,
        ``model`` of the component library, ``sum`` of the published parts, or arithmetic on
        published numbers.
    calibrated : bool
        Whether a number that ours rests on was taken from the same kind of published figure.
    note : str
        The arithmetic, or why it does not follow.
    reproducible : bool
        False where the published figure does not follow from the paper's own numbers.
    stand_ins : bool
        Whether parts decide it that the chip's hardware section lacks and that parts of this
        project, or assumed ones, stand in for.
    """

    chip: str
    name: str
    ours: float
    published: float | None
    unit: str
    source: str
    locator: str
    basis: str
    calibrated: bool = False
    note: str = ""
    reproducible: bool = True
    stand_ins: bool = False

    @property
    def case(self) -> str:
        """What agreement says: nothing of a model in "arithmetic", little where "calibrated".

        Events of published durations are arithmetic too; only a run predicts.
        """
        if self.calibrated:
            return "calibrated"
        return {"run": "out of sample", "model": "component model"}.get(self.basis, "arithmetic")

    @property
    def error(self) -> float | None:
        """Relative error of ours; None without a published figure."""
        if self.published is None:
            return None
        return self.ours / self.published - 1


class FigureMaker:
    """Makes the figures of one chip: SI values in, figures in the units of the paper out."""

    def __init__(self, card: Card) -> None:
        self.card = card

    def value(self, name: str) -> float:
        """Return a number of the card in SI."""
        return self.card[name].si

    def total(self, prefix: str, quantity: str) -> float:
        """Return the sum over ``<prefix>_…_<quantity>``, in SI."""
        return math.fsum(
            entry.si
            for name, entry in self.card.parameters.items()
            if name.startswith(f"{prefix}_") and name.endswith(f"_{quantity}")
        )

    def figure(
        self, name: str, ours: float, target: str, basis: str, *, index: int | None = None,
        calibrated: bool = False, note: str = "", reproducible: bool = True,
        stand_ins: bool = False,
    ) -> Figure:  # fmt: skip
        """Compare a value in SI with the card's entry ``target``."""
        entry = self.card[target]
        factor = float(parse_unit(entry.unit).factor)
        published = entry.si if index is None else entry.array[index]
        return Figure(
            self.card.name.removeprefix("chips/"), name, ours / factor, published / factor,
            entry.unit, entry.source, entry.locator, basis, calibrated, note, reproducible,
            stand_ins,
        )  # fmt: skip

    def sum_of(
        self, name: str, ours: float, targets: tuple[str, ...], basis: str, *,
        calibrated: bool = False, note: str = "",
    ) -> Figure:  # fmt: skip
        """Compare a value in SI with the sum of some of the card's entries."""
        entry = self.card[targets[0]]
        factor = float(parse_unit(entry.unit).factor)
        published = math.fsum(self.value(target) for target in targets)
        return Figure(
            self.card.name.removeprefix("chips/"), name, ours / factor, published / factor,
            entry.unit, entry.source, entry.locator, basis, calibrated, note,
        )  # fmt: skip

    def unpublished(self, name: str, ours: float, unit: str, basis: str, note: str) -> Figure:
        """Return a figure of ours, in SI, that nothing is published for."""
        factor = float(parse_unit(unit).factor)
        chip = self.card.name.removeprefix("chips/")
        return Figure(chip, name, ours / factor, None, unit, "", "", basis, False, note)
