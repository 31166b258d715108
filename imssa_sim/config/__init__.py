"""Workload files: YAML with units to a frozen, validated `RunConfig` in SI.

`load_config` reads, overrides and validates; `dump_resolved` writes the whole of what was run.
`imssa_sim.files.locate` finds the cards, workloads and checkpoints that come with the package.
"""

from __future__ import annotations

from imssa_sim.config.base import Base, load_base
from imssa_sim.config.dump import dump_resolved
from imssa_sim.config.load import LoadedConfig, load_config
from imssa_sim.config.schema import (
    AdcConfig,
    BitsConfig,
    BusConfig,
    CalibrationConfig,
    ChipConfig,
    DacConfig,
    DataConfig,
    DigitalConfig,
    EffectsConfig,
    EvaluateConfig,
    GranularityConfig,
    HardwareConfig,
    MappingConfig,
    MemoryConfig,
    ModelConfig,
    OffChipConfig,
    RunConfig,
    TileConfig,
)
from imssa_sim.config.tree import Origin

__all__ = [
    "AdcConfig",
    "Base",
    "BitsConfig",
    "BusConfig",
    "CalibrationConfig",
    "ChipConfig",
    "DacConfig",
    "DataConfig",
    "DigitalConfig",
    "EffectsConfig",
    "EvaluateConfig",
    "GranularityConfig",
    "HardwareConfig",
    "LoadedConfig",
    "MappingConfig",
    "MemoryConfig",
    "ModelConfig",
    "OffChipConfig",
    "Origin",
    "RunConfig",
    "TileConfig",
    "dump_resolved",
    "load_base",
    "load_config",
]
