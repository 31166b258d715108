"""A whole run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from imssa_sim.config.fields import AsTuple, CardReference, CheckCard, CostOnly, Section, problem
from imssa_sim.config.schema.data import DataConfig
from imssa_sim.config.schema.evaluate import EvaluateConfig
from imssa_sim.config.schema.hardware import HardwareConfig
from imssa_sim.config.schema.network import ModelConfig
from imssa_sim.config.schema.quantisation import (
    BIT_KINDS,
    DEFAULT_BITS,
    BitsConfig,
    CalibrationConfig,
)

GpuCard = Annotated[str, CheckCard, CardReference("gpu")]


class RunConfig(Section):
    """A whole run, as one workload file describes it."""

    workload: Annotated[str, Field(min_length=1), CostOnly]
    description: Annotated[str, CostOnly] = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    model: ModelConfig
    data: DataConfig
    bits: BitsConfig = BitsConfig(**dict.fromkeys(("default", *BIT_KINDS), DEFAULT_BITS))
    calibration: CalibrationConfig = CalibrationConfig()
    hardware: HardwareConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    baselines: Annotated[tuple[GpuCard, ...], AsTuple, CostOnly] = ()
    """Cards of the devices to compare with."""

    @model_validator(mode="after")
    def _bits_for_all_layers(self) -> RunConfig:
        self.bits.check_layers(self.model.layers)
        return self

    @model_validator(mode="after")
    def _digital_layers_that_are_there(self) -> RunConfig:
        beyond = [i for i in self.hardware.mapping.digital_layers if i >= self.model.layers]
        if beyond:
            raise problem(
                f"hardware.mapping.digital_layers names layer {beyond[0]}, but model.layers is "
                f"{self.model.layers}",
                remedy=f"layers are counted from 0 to {self.model.layers - 1}",
            )
        return self

    @model_validator(mode="after")
    def _interleaved_back_to_back(self) -> RunConfig:
        if self.hardware.interleave > 1 and self.evaluate.input.on:
            raise problem(
                "hardware.interleave takes sequences back to back, evaluate.input one as it "
                "arrives",
                remedy="leave one of them out",
            )
        return self

    @model_validator(mode="after")
    def _passes_alone(self) -> RunConfig:
        if self.hardware.partition.passes == 1:
            return self
        for name, on, why in (
            ("model.bidirectional", self.model.bidirectional, "its layers wait for each other"),
            ("evaluate.input", self.evaluate.input.on, "sequences are taken back to back"),
            ("evaluate.stream", bool(self.evaluate.stream.duration),
             "weights are never older than a batch"),
            ("evaluate.until", self.evaluate.until is not None,
             "each batch meets weights of its own"),
        ):  # fmt: skip
            if on:
                raise problem(
                    f"hardware.partition.passes with {name}: {why}", remedy=f"leave {name} out"
                )
        return self

    @model_validator(mode="after")
    def _sleeps_between_arrivals(self) -> RunConfig:
        policy, fed = self.hardware.power.policy, self.evaluate.input
        if policy != "never" and not fed.on:
            raise problem(
                f"hardware.power.policy: {policy} needs arrivals to sleep between",
                remedy="give evaluate.input.rate, for example 16 kHz",
            )
        if policy == "until_next" and (fed.times or fed.jitter or fed.arrival != "periodic"):
            raise problem(
                "hardware.power.policy: until_next sets a timer for the next arrival, which must "
                "be periodic without jitter",
                remedy="give policy: break_even",
            )
        return self
