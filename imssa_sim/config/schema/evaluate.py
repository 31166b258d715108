"""What is run: samples, chip instances, times."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from imssa_sim.config.fields import (
    Amount,
    CostOnly,
    Count,
    Delay,
    HalfWidth,
    Positive,
    Section,
    Time,
    problem,
)
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


class LimitsConfig(Section):
    """How far ``evaluate.until`` may go."""

    samples: Amount = "all"
    chips: Positive = 30
    """As many as leave Student's interval within 5 % of the normal one."""


class EvaluateConfig(Section):
    """What is run: test samples, chip instances, time since programming."""

    samples: Amount = 200
    chips: Positive = 3
    chip_samples: Amount = "all"
    """How many of ``samples`` each chip instance evaluates, evenly spread."""
    until: HalfWidth | None = None
    """Half of the analog accuracy's 95 % interval, ``±1 %``: samples and chips are added until it
    is that small; None: as many run as are given."""
    at_most: LimitsConfig = LimitsConfig()
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

    @property
    def drawn(self) -> int | Literal["all"]:
        """How many samples a run may come to evaluate."""
        return self.samples if self.until is None else self.at_most.samples

    @model_validator(mode="after")
    def _adaptive(self) -> EvaluateConfig:
        if self.until is None:
            return self
        if self.chips < 2 or self.samples == 1:
            raise problem(
                f"until: an interval needs two chips and two sequences to begin with, not "
                f"{self.chips} and {self.samples}",
                remedy="raise evaluate.chips and evaluate.samples",
            )
        if self.chip_samples != "all":
            raise problem(
                "until: all chips evaluate the same samples, and chip_samples gives each its own",
                remedy="leave chip_samples out",
            )
        if self.stream.duration:
            raise problem("until: a stream has no single accuracy", remedy="leave one of them out")
        most = self.at_most
        first = float("inf") if self.samples == "all" else self.samples
        if self.chips > most.chips or (most.samples != "all" and first > most.samples):
            raise problem(
                f"until: it begins with {self.chips} chips and {self.samples} samples, beyond "
                f"at_most: {most.chips} and {most.samples}",
                remedy="begin with less, or raise evaluate.at_most",
            )
        return self

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
