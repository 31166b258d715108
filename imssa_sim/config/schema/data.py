"""The data set, and how sound and spikes become sequences."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from imssa_sim.config.fields import (
    ClassNames,
    FilePath,
    FolderPath,
    Frequency,
    Positive,
    Section,
    Time,
)


class MelConfig(Section):
    """Log-mel frames of sound; the defaults are those of the keywords that come along."""

    bands: Annotated[int, Field(ge=2, le=128)] = 20
    window: Time = 0.025
    """[s]"""
    hop: Time = 0.01
    """[s], from frame to frame."""
    low: Frequency = 60.0
    """[Hz], where the first band begins."""
    high: Frequency = 7600.0
    """[Hz], where the last band ends."""


class SpikesConfig(Section):
    """How spikes are counted into frames."""

    step: Time = 0.01
    """[s], of a frame."""
    duration: Time = 1.0
    """[s], from the recording's begin; later spikes are left out, missing ones are zeros."""
    group: Positive = 5
    """Neighbouring units that are counted together."""


class DataConfig(Section):
    """The data set that the network is calibrated and evaluated on."""

    name: Annotated[str, Field(min_length=1)]
    path: FolderPath = "auto"
    classes: ClassNames = None
    """The only classes to keep, in the order of their new labels; None: all."""
    fallback: Annotated[str, Field(min_length=1)] | None = None
    fallback_checkpoint: FilePath | None = None
    normalise: bool | Literal["auto"] = "auto"
    """auto: as is usual for the data set; your own ``arrays`` are taken as they are."""
    padding: Literal["masked", "zeros"] = "masked"
    """Behind short sequences: masked leaves it out of all results and statistics, zeros are read as
    steps like any others."""
    features: Literal["auto", "raw", "log_mel"] = "auto"
    """Of sound; auto: raw for speech_commands, log_mel for keywords."""
    mel: MelConfig = MelConfig()
    spikes: SpikesConfig = SpikesConfig()
