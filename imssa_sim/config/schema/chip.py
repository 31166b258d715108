"""The chip around the tiles: digital units, buffers, interconnect, mapping."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from imssa_sim.config.fields import (
    AsTuple,
    CardReference,
    CheckCard,
    CostOnly,
    Count,
    Frequency,
    Length,
    Positive,
    Section,
    Temperature,
    Time,
    Voltage,
    named,
    problem,
)
from imssa_sim.config.schema.tile import TileConfig

ScalingCard = Annotated[str, CheckCard, CardReference("scaling")]
DigitalCard = Annotated[str, CheckCard, CardReference("digital")]
MemoryCard = Annotated[str, CheckCard, CardReference("memory")]
BusCard = Annotated[str, CheckCard, CardReference("bus")]
OffChipCard = Annotated[str, CheckCard, CardReference("off_chip")]
LinkCard = Annotated[str, CheckCard, CardReference("link")]


class ChipConfig(Section):
    """What all parts of the chip share, and the number of its tiles."""

    clock: Annotated[Frequency, CostOnly] = 1e9
    """[Hz]"""
    technology: Annotated[Length, CostOnly] = 3.2e-8
    """[m], node of the digital parts."""
    supply: Annotated[Voltage, CostOnly] = 0.9
    """[V]"""
    temperature: Temperature = 300.0
    """[K]"""
    scaling: Annotated[ScalingCard, CostOnly] = "scaling/stillmaker_baas_2017"
    """From the node of a digital card to ``technology`` and ``supply``."""
    arbitration: Annotated[Literal["fifo", "round_robin", "static"], CostOnly] = "fifo"
    """Whom a shared bus or vector unit serves next: first come, next in turn, fixed order."""
    tiles: Count = "auto"
    tile: TileConfig


class DigitalConfig(Section):
    """Digital vector units beside the tiles."""

    card: Annotated[DigitalCard, CostOnly] = "digital/cmos_40nm"
    vector_lanes: Annotated[Positive, CostOnly] = 128
    vector_units: Positive = 1


class MemoryConfig(Section):
    """Buffers between the stages."""

    card: Annotated[MemoryCard, CostOnly] = "memory/sram_32nm_puma"
    buffer_tokens: Annotated[Positive, CostOnly] = 4
    """Capacity of each FIFO between stages, in tokens."""


class BusConfig(Section):
    """The interconnect of the tiles."""

    card: Annotated[BusCard, CostOnly] = "bus/isaac_32nm"
    width: Annotated[Positive, CostOnly] = 256
    """Bits per cycle."""
    links: Positive = 1


class OffChipConfig(Section):
    """The link or memory beyond the chip; card None: inputs and outputs are not charged."""

    card: OffChipCard | None = None


class PartitionConfig(Section):
    """Layers over several equal chips, with links in between, or in passes over one.

    In passes, the same tiles are written with one part of the layers after another.
    """

    chips: Positive = 1
    link: LinkCard | None = None
    """Bandwidth, latency, energy, area and idle power of a link's two ends."""
    passes: Positive = 1
    """Parts of the layers that the same tiles are written with, one after another."""
    batch: Positive = 1
    """With passes: sequences that go through a part before the next one is written."""
    rate: Annotated[Frequency | None, CostOnly] = None
    """With passes: sequences per second [Hz] over the chip's life; None: back to back."""
    life: Annotated[Time | None, CostOnly] = None
    """With passes: [s], for which the cells have to bear being written at ``rate``."""

    @model_validator(mode="after")
    def _in_passes(self) -> PartitionConfig:
        if self.passes > 1:
            if self.chips > 1:
                raise problem(
                    f"passes: {self.passes} with chips: {self.chips}: parts of a network on chips "
                    "of their own are not written anew",
                    remedy="give one of them",
                )
            if self.life is not None and self.rate is None:
                raise problem(
                    "life without a rate: how often cells are written is not known",
                    remedy="give rate, for example '1 Hz' for a sequence a second",
                )
            return self
        given = [name for name in ("batch", "rate", "life") if getattr(self, name) not in (1, None)]
        if given:
            raise problem(
                f"{', '.join(given)} without passes: the tiles are written once",
                remedy="give passes: 2 or more",
            )
        return self

    @model_validator(mode="after")
    def _linked(self) -> PartitionConfig:
        if self.chips > 1 and self.link is None:
            raise problem(
                f"chips: {self.chips} chips need links",
                remedy="give link, for example link/short_reach",
            )
        return self


class MappingConfig(Section):
    """Which part of the network runs where."""

    kernel: Annotated[
        str,
        named(
            "imssa_sim.kernel_mapping", "fused_lookahead", "fused_delayed", "fused_delta",
            "two_pass", "digital",
        ),
    ] = "fused_lookahead"  # fmt: skip
    error_feedback: bool = False
    """What drives cut off states in accumulators is added to them before they drive again."""
    linear: Literal["analog", "digital"] = "analog"
    encoder: Literal["analog", "digital"] = "digital"
    decoder: Literal["analog", "digital"] = "digital"
    digital_layers: Annotated[tuple[Annotated[int, Field(ge=0)], ...], AsTuple] = ()
    """Layers, counted from 0, that stand on no tiles whatever the other keys say: their kernels and
    linear maps are computed on the vector unit, in the integers that the tiles would compute."""

    @field_validator("digital_layers")
    @classmethod
    def _once_each(cls, layers: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(layers)))


class ProgrammingConfig(Section):
    """How the weights are written; for the one-off account."""

    parallel: Annotated[Literal["none", "tiles", "rows"], CostOnly] = "tiles"
    """What is written at a time: one cell of the chip, one of each tile, one row of each tile."""
