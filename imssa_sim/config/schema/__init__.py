"""The configuration of a run, as frozen models with SI floats.

One module per subject, one class per section of the workload file, attribute names equal to the
file's keys (docs/decisions/0002-configuration.md describes them one by one). Quantities are given
as strings with a unit and held as floats in the SI unit of their dimension, named in brackets.
A field marked `CostOnly` changes no value and no count: `imssa_sim.config.functional`.
"""

from __future__ import annotations

from imssa_sim.config.schema.chip import (
    BusConfig,
    ChipConfig,
    DigitalConfig,
    MappingConfig,
    MemoryConfig,
    OffChipConfig,
    ProgrammingConfig,
)
from imssa_sim.config.schema.converters import AdcConfig, DacConfig
from imssa_sim.config.schema.data import DataConfig, MelConfig, SpikesConfig
from imssa_sim.config.schema.effects import EffectsConfig, FaultsConfig
from imssa_sim.config.schema.evaluate import EvaluateConfig, StreamConfig
from imssa_sim.config.schema.hardware import HardwareConfig
from imssa_sim.config.schema.input import InputConfig
from imssa_sim.config.schema.network import ModelConfig
from imssa_sim.config.schema.power import PowerConfig
from imssa_sim.config.schema.quantisation import (
    BIT_KINDS,
    DEFAULT_BITS,
    BitsConfig,
    CalibrationConfig,
    GranularityConfig,
    expand_bits,
)
from imssa_sim.config.schema.run import RunConfig
from imssa_sim.config.schema.tile import TileConfig, WiresConfig

__all__ = [
    "BIT_KINDS",
    "DEFAULT_BITS",
    "AdcConfig",
    "BitsConfig",
    "BusConfig",
    "CalibrationConfig",
    "ChipConfig",
    "DacConfig",
    "DataConfig",
    "DigitalConfig",
    "EffectsConfig",
    "EvaluateConfig",
    "FaultsConfig",
    "GranularityConfig",
    "HardwareConfig",
    "InputConfig",
    "MappingConfig",
    "MelConfig",
    "MemoryConfig",
    "ModelConfig",
    "OffChipConfig",
    "PowerConfig",
    "ProgrammingConfig",
    "RunConfig",
    "SpikesConfig",
    "StreamConfig",
    "TileConfig",
    "WiresConfig",
    "expand_bits",
]
