"""Converters and drivers of a tile."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from imssa_sim.config.fields import (
    AsTuple,
    CardReference,
    CheckCard,
    CostOnly,
    Frequency,
    Percentile,
    Positive,
    Section,
    Time,
    named,
    problem,
)

AdcCard = Annotated[str, CheckCard, CardReference("adc")]
DacCard = Annotated[str, CheckCard, CardReference("dac")]


class AdcConfig(Section):
    """Analog-to-digital converters of a tile."""

    card: Annotated[AdcCard, CostOnly]
    bits: Annotated[int, Field(ge=1, le=16)] = 8
    per_tile: Positive = 16
    rate: Annotated[Frequency, CostOnly] = 1e8
    """[Hz], conversions per second of one converter, of all its ways."""
    ways: Annotated[Positive, CostOnly] = 1
    """Time-interleaved ways of one converter, in turn: each conversion takes so many periods of
    ``rate``, and each way has the energy and area of a converter of a ways-th of it. Differences
    between them are not modelled."""
    range: Literal["aligned", "max", "percentile", "mse"] = "aligned"
    percentile: Percentile = 99.9
    scope: Literal["column", "tile"] = "column"
    noise: Annotated[float, Field(ge=0)] = 0.0
    """Input-referred noise [LSB rms]."""
    enob: Annotated[float, Field(gt=0)] | None = None
    """Effective bits, from which more noise follows; None: all of them."""
    gain_spread: Annotated[float, Field(ge=0)] = 0.0
    """Spread of the converters' gains that calibration leaves, relative."""
    offset_spread: Annotated[float, Field(ge=0)] = 0.0
    """Spread of the converters' offsets that calibration leaves [LSB]."""
    mismatch: Annotated[float, Field(ge=0)] = 0.0
    """Relative spread of the unit capacitors of a successive-approximation converter."""
    behaviours: Annotated[
        tuple[Annotated[str, named("imssa_sim.adc_behaviour")], ...], AsTuple
    ] = ()
    """Further departures from the nominal converter, by their names in other packages."""
    each_pulse: bool = False
    """With bit-serial inputs: a conversion after each pulse, while the next one is read, and their
    sum, shifted; False: one, of what a column has integrated. Values are those of one."""
    calibrate: bool = False
    """Gain and offset of each column are set by reads of the programmed array."""
    calibration_reads: Annotated[int, Field(ge=8, le=65536)] = 64
    """Reads of every tile that one calibration takes."""

    @model_validator(mode="after")
    def _effective(self) -> AdcConfig:
        if self.enob is not None and self.enob > self.bits:
            raise problem(
                f"enob: {self.enob:g} effective bits of bits: {self.bits}",
                remedy="no converter has more effective bits than bits",
            )
        return self


class DacConfig(Section):
    """Drivers of the word lines."""

    card: Annotated[DacCard, CostOnly] = "dac/pwm_40nm"
    bits: Annotated[int, Field(ge=1, le=16)] = 8
    encoding: Literal["pulse_width", "amplitude", "bit_serial"] = "pulse_width"
    lsb_time: Time = 1e-9
    """[s], of one unit of a pulse-width code."""
    phases: Literal[1, 2, 4] = 1
    """Reads that make a product, their conversions added: 2, signs of inputs apart; 4, those of
    weights too. Values are those of one."""
    inl: float = 0.0
    """Integral non-linearity, a cubic bow [steps of the driver]."""
    dnl: Annotated[float, Field(ge=0)] = 0.0
    """Differential non-linearity, spread of a step [steps of the driver]."""

    @model_validator(mode="after")
    def _has_levels(self) -> DacConfig:
        if self.bits < 2 and self.encoding != "bit_serial":
            raise problem(
                f"bits: with encoding: {self.encoding}, a driver of 1 bit has no level but zero; "
                "the sign takes it",
                remedy="give bits: 2 or more, or encoding: bit_serial",
            )
        return self
