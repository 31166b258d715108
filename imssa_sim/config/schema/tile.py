"""One crossbar: wires, cells, weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from imssa_sim.config.fields import (
    CardReference,
    CheckCard,
    Conductance,
    CostOnly,
    Resistance,
    Section,
    Time,
    Voltage,
    problem,
)

CellCard = Annotated[str, CheckCard, CardReference("cell")]
ArrayCard = Annotated[str, CheckCard, CardReference("array")]
WiresCard = Annotated[str, CheckCard, CardReference("wires")]


class WiresConfig(Section):
    """Wires of a crossbar: their card for the costs, their resistances for effects.ir_drop."""

    card: Annotated[WiresCard, CostOnly] = "wires/cmos"
    word_resistance: Resistance = 3.13
    """[ohm], of the segment of a word line between two cells; 32 nm, cell of 48 F²."""
    bit_resistance: Resistance = 1.04
    """[ohm], of the segment of a bit line between two cells; 32 nm, cell of 48 F²."""
    source_resistance: Resistance = 0.0
    """[ohm], of a word line's driver."""
    sense_resistance: Resistance = 0.0
    """[ohm], of a bit line's virtual ground."""
    drive: Literal["left", "right", "both"] = "left"
    """End of the word lines where the drivers are; left: the first bit line's side."""
    sense: Literal["bottom", "top", "both"] = "bottom"
    """End of the bit lines that is sensed; top: the first word line's side."""


class TileConfig(Section):
    """One crossbar with its drivers."""

    rows: Annotated[int, Field(ge=3)] = 72
    """Word lines. One complex mode and the input need three."""
    columns: Annotated[int, Field(ge=3)] = 144
    """Physical bit lines."""
    cell: CellCard
    array: Annotated[ArrayCard, CostOnly] = "arrays/crossbar_1t1r"
    """Geometry and lines of the crossbar."""
    weights: Literal["differential", "one_sided", "offset", "four_line"] = "differential"
    """How cells of positive conductance hold signed weights."""
    unformed: Literal["none", "pairs", "cells"] = "none"
    """Cells that stay pristine: none, pairs without a weight, the idle cells of pairs too."""
    weight_scale: Literal["column", "tile"] = "column"
    """What shares one conductance per unit of weight."""
    slices: Annotated[int, Field(ge=1, le=16)] = 1
    """Columns that hold one weight, a slice of its bits each; joined by shift and add."""
    devices: Annotated[int, Field(ge=1, le=64)] = 1
    """Cells in parallel for each cell of a weight, on bit lines that join at the sense node."""
    read_voltage: Voltage = 0.2
    """[V]"""
    read_time: Time = 1e-8
    """[s], of one pulse of an amplitude or bit-serial read."""
    wires: WiresConfig = WiresConfig()
    programming_sigma: Conductance | None = None
    """[S], Gaussian programming error at all conductances; None: that of the cell's card."""
    spare_columns: Annotated[int, Field(ge=0)] = 0
    """Columns (of one slice) kept free to stand in for the worst ones."""

    @property
    def signs_apart(self) -> bool:
        """Whether either sign of a code has a word line, and of a sum a bit line, of its own."""
        return self.weights == "four_line"

    @property
    def lines_per_row(self) -> int:
        """Word lines that one code drives."""
        return 2 if self.signs_apart else 1

    @property
    def columns_per_weight(self) -> int:
        """Columns with a conversion of their own that hold one weight: slices, or two signs."""
        return 2 if self.signs_apart else self.slices

    @model_validator(mode="after")
    def _signs(self) -> TileConfig:
        if not self.signs_apart:
            return self
        for name, value, only in (
            ("slices", self.slices, 1), ("unformed", self.unformed, "none"),
        ):  # fmt: skip
            if value != only:
                raise problem(
                    f"{name}: {value} with weights: four_line, whose columns hold one sign each",
                    remedy=f"give weights: one_sided, or {name}: {only}",
                )
        return self

    @model_validator(mode="after")
    def _formed(self) -> TileConfig:
        if self.unformed != "none" and self.weights == "offset":
            raise problem(
                f"unformed: {self.unformed} with weights: offset, whose column of references holds "
                "half the range against every cell",
                remedy="give weights: one_sided or differential, or unformed: none",
            )
        if self.unformed == "cells" and self.weights == "differential":
            raise problem(
                "unformed: cells with weights: differential, whose pairs have no idle cell",
                remedy="give weights: one_sided, or unformed: pairs",
            )
        return self

    @model_validator(mode="after")
    def _pairs(self) -> TileConfig:
        if self.weights != "offset" and self.columns % 2:
            raise problem(
                f"columns: {self.columns} is odd, but weights: {self.weights} needs pairs of lines",
                remedy="give an even number of columns, or weights: offset",
            )
        return self
