"""The hardware section, of all parts of a chip."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from imssa_sim.config.fields import BaseReference, CheckBase, CostOnly, Section, problem
from imssa_sim.config.schema.chip import (
    BusConfig,
    ChipConfig,
    DigitalConfig,
    MappingConfig,
    MemoryConfig,
    OffChipConfig,
    PartitionConfig,
    ProgrammingConfig,
)
from imssa_sim.config.schema.converters import AdcConfig, DacConfig
from imssa_sim.config.schema.effects import EffectsConfig, FaultsConfig
from imssa_sim.config.schema.power import PowerConfig
from imssa_sim.units import format_si


class HardwareConfig(Section):
    """The chip."""

    base: Annotated[Annotated[str, CheckBase, BaseReference()] | None, CostOnly] = None
    """Hardware of the package or a file, whose keys those given here are laid over."""
    ideal: bool = False
    """True: no programming error, noise, drift, faults; lossless converters (values only)."""
    chip: ChipConfig
    adc: AdcConfig
    dac: DacConfig = DacConfig()
    digital: DigitalConfig = DigitalConfig()
    memory: MemoryConfig = MemoryConfig()
    bus: BusConfig = BusConfig()
    off_chip: OffChipConfig = OffChipConfig()
    mapping: MappingConfig = MappingConfig()
    effects: EffectsConfig = EffectsConfig()
    faults: FaultsConfig = FaultsConfig()
    programming: ProgrammingConfig = ProgrammingConfig()
    partition: PartitionConfig = PartitionConfig()
    interleave: Annotated[int, Field(ge=1, le=64), CostOnly] = 1
    """Independent sequences that take turns, each with state registers of its own."""
    power_gating: Annotated[bool, CostOnly] = False
    power: Annotated[PowerConfig, CostOnly] = PowerConfig()

    @property
    def driver_bits(self) -> int:
        """Bits of what a driver gives, sign included; its own hold no sign with four lines."""
        return self.dac.bits + self.chip.tile.signs_apart

    @model_validator(mode="after")
    def _shifts(self) -> HardwareConfig:
        tile = self.chip.tile
        if tile.slices > 1 and self.adc.scope == "tile" and tile.weight_scale == "column":
            raise problem(
                "adc.scope: tile with chip.tile.slices needs one conductance per unit of weight in "
                "a tile; with chip.tile.weight_scale: column no shift relates the slices' steps",
                remedy="give adc.scope: column, or chip.tile.weight_scale: tile",
            )
        return self

    @model_validator(mode="after")
    def _phases_of_signs(self) -> HardwareConfig:
        if self.chip.tile.signs_apart and self.dac.phases > 1:
            raise problem(
                f"dac.phases: {self.dac.phases} with chip.tile.weights: four_line, whose signs "
                "have lines of their own",
                remedy="leave dac.phases out, or give another chip.tile.weights",
            )
        return self

    @model_validator(mode="after")
    def _converts_pulses(self) -> HardwareConfig:
        if not self.adc.each_pulse:
            return self
        if self.dac.encoding != "bit_serial":
            raise problem(
                f"adc.each_pulse goes with bit-serial inputs, not with {self.dac.encoding}",
                remedy="give dac.encoding: bit_serial, or leave adc.each_pulse out",
            )
        tile = self.chip.tile
        serial = -(-tile.columns // min(self.adc.per_tile, tile.columns))
        if serial / self.adc.rate > tile.read_time * (1 + 1e-9):
            raise problem(
                f"adc.each_pulse: {serial} conversions at {format_si(self.adc.rate, 'Hz')} take "
                f"longer than the next pulse's chip.tile.read_time of "
                f"{format_si(tile.read_time, 's')}",
                remedy="give more adc.per_tile, a higher adc.rate or a longer read_time",
            )
        if self.power_gating or self.power.policy != "never":
            raise problem(
                "adc.each_pulse: converters that work while arrays are read are not told apart "
                "from idle ones",
                remedy="leave power_gating and power.policy out",
            )
        return self

    @model_validator(mode="after")
    def _awake_in_passes(self) -> HardwareConfig:
        if self.partition.passes == 1:
            return self
        for name, value, off in (
            ("interleave", self.interleave, 1), ("power_gating", self.power_gating, False),
            ("power.policy", self.power.policy, "never"),
        ):  # fmt: skip
            if value != off:
                raise problem(
                    f"partition.passes with {name}: what happens while tiles are written anew is "
                    "not modelled there",
                    remedy=f"leave {name} out",
                )
        return self

    @model_validator(mode="after")
    def _one_gate(self) -> HardwareConfig:
        if self.power_gating and self.power.policy != "never":
            raise problem(
                "power.policy gates at a price, power_gating for nothing and at once",
                remedy="give one of them",
            )
        return self
