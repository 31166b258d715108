"""Departures from the ideal array, and faults."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from imssa_sim.config.fields import Positive, Probability, Section, problem

CHOICES = ("write_verify", "read_duration", "drift_compensation", "level_grid")
"""Switches that are no departure from the ideal array: they choose a model or a remedy."""


class EffectsConfig(Section):
    """A switch for each departure from the ideal array."""

    programming_error: bool = True
    write_verify: bool = False
    """Programming is simulated pulse by pulse instead of by its published error."""
    relaxation: bool = True
    read_noise: bool = True
    read_duration: bool = False
    """1/f noise is that of the chip's own reads instead of the card's measurements."""
    drift: bool = True
    drift_compensation: bool = False
    """Not an effect but its remedy: one gain a tile follows what its weights have lost."""
    faults: bool = True
    level_grid: bool = False
    """Targets are rounded to the cell's levels."""
    ir_drop: bool = True
    """Wires have the resistances of chip.tile.wires."""
    thermal_noise: bool = False
    """Johnson noise of the cells at the sense nodes."""
    shot_noise: bool = False
    """Shot noise of the cells' currents at the sense nodes, in full (2·q·I·B)."""
    converter_errors: bool = True
    """Noise, spreads, mismatch and non-linearity that the adc and dac sections state."""
    nonlinearity: bool = True
    """Current-voltage characteristic of the cell, where its card has one."""


class FaultsConfig(Section):
    """Faulty cells and lines, beyond what the cell's card says; for effects.faults."""

    stuck_on: Probability | None = None
    """Probability of a cell to be stuck on; None: the card's."""
    stuck_off: Probability | None = None
    """Probability of a cell to be stuck off; None: the card's."""
    clustering: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Correlation of the luck of neighbouring cells."""
    cluster_size: Positive = 8
    """Side of the blocks of neighbours."""
    dead_rows: Probability = 0.0
    """Probability of a word line to carry no current."""
    dead_columns: Probability = 0.0
    """Probability of a bit line to give none."""
    dead_converters: Probability = 0.0
    """Probability of a converter to give code 0 for all columns that it serves."""

    @model_validator(mode="after")
    def _one_or_the_other(self) -> FaultsConfig:
        if (self.stuck_on or 0.0) + (self.stuck_off or 0.0) > 1:
            raise problem(
                f"stuck_on: {self.stuck_on:g} and stuck_off: {self.stuck_off:g} add to more than 1",
                remedy="a cell is stuck on or off, not both",
            )
        return self
