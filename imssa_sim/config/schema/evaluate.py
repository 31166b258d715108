"""What is run: samples, chip instances, times."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from imssa_sim.config.fields import Amount, CostOnly, Count, Delay, Positive, Section, Time, problem
from imssa_sim.config.schema.input import InputConfig
from imssa_sim.units import format_si


class StreamConfig(Section):
    """Inferences over hours, from ``time_since_programming`` on."""

    duration: Delay = 0.0
    """[s], zero: none."""
    points: Annotated[int, Field(ge=2, le=1000)] = 11
    """Times at which samples run, both ends included."""
    spacing: Literal["linear", "logarithmic"] = "linear"
    """Of the points, in the time since the first programming."""
    samples: Literal["repeated", "divided"] = "repeated"
    """Every point evaluates all samples, or each sample runs once, in blocks."""
    reprogram_every: Time | None = None
    """[s], all weights are written again; None: never."""
    recalibrate_every: Time | None = None
    """[s], drift compensation and converters are calibrated again; None: before each point."""


class EvaluateConfig(Section):
    """What is run: test samples, chip instances, time since programming."""

    samples: Amount = 200
    chips: Positive = 3
    chip_samples: Amount = "all"
    """How many of ``samples`` each chip instance evaluates, evenly spread."""
    batch: Annotated[Positive, CostOnly] = 32
    threads: Annotated[Count, CostOnly] = "auto"
    time_since_programming: Delay = 3600.0
    """[s]"""
    stream: StreamConfig = StreamConfig()
    input: Annotated[InputConfig, CostOnly] = InputConfig()
    float: bool = True
    digital: bool = True
    extrapolate: bool = False
    """A run uses cards outside of their ranges, and says so, instead of refusing."""

    @model_validator(mode="after")
    def _written_before(self) -> EvaluateConfig:
        every = self.stream.reprogram_every
        if self.stream.duration and every is not None and every < self.time_since_programming:
            raise problem(
                f"stream.reprogram_every: {format_si(every, 's')} is over before the first "
                f"inference, at time_since_programming: "
                f"{format_si(self.time_since_programming, 's')}",
                remedy="write less often, or begin earlier",
            )
        return self
