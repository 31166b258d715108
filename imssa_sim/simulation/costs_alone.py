"""What costs and times of a run depend on, without its data.

Counts, times, areas and the energy of all but the cells follow from shapes and bits. The network is
quantised with made-up inputs: its codes give no accuracy, but fill the same rows and columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.data import known_steps, resolve_dataset
from imssa_sim.kept import Kept
from imssa_sim.mapping.placements import Placements
from imssa_sim.reference.quantise import quantise
from imssa_sim.simulation.inputs import load_weights, weights_fingerprint
from imssa_sim.simulation.memory import input_key, remembered
from imssa_sim.simulation.quantisation import network_bits, output_form
from imssa_sim.simulation.result import DataUsed
from imssa_sim.simulation.upkeep import upkeep_of

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from imssa_sim.config.schema import RunConfig
    from imssa_sim.ledger.one_off import Upkeep
    from imssa_sim.model.quantised import QuantisedNetwork

_SEQUENCES, _STEPS = 2, 8
"""Of the made-up inputs."""
_NETWORKS: Kept[Placements] = Kept(8)


@dataclass(frozen=True)
class Outline:
    """What a run knows without values; the fields that it lacks are those of a run without them."""

    placements: Placements
    sequence_length: int
    data: DataUsed
    upkeep: Upkeep
    accuracy: None = None
    regression: None = None
    activity: None = None
    overflow: None = None
    reached: None = None
    stream: None = None
    calibration: None = None
    saturation: tuple[()] = ()
    predictions: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    wire_residual: float = 0.0

    @property
    def network(self) -> QuantisedNetwork:
        """The quantised network."""
        return self.placements.network


def outline(config: RunConfig, memory: MutableMapping[str, Any] | None = None) -> Outline:
    """Return what costs depend on.

    Parameters
    ----------
    config : RunConfig
    memory : mutable mapping, optional
        Lengths of data that runs share, filled here.

    Raises
    ------
    ImssaError
        The checkpoint is unusable; widths that cannot be; data that are needed for their length
        are absent.
    """
    bits, form = network_bits(config), output_form(config)

    def made() -> Placements:
        network = load_weights(config, fallback=False).network
        noise = np.random.Generator(np.random.PCG64(0))
        shape = (_SEQUENCES, _STEPS, network.inputs)
        made_up = noise.standard_normal(shape).astype(np.float32)
        return Placements(quantise(network, bits, made_up, form))

    placements = _NETWORKS.of((weights_fingerprint(config), bits, form), made)
    name, steps = config.data.name, known_steps(config.data.name)
    if steps is None:
        key = input_key(config, "steps")
        name, steps = remembered(memory, key, lambda: _read_steps(config))
        message = f"costs alone: {name} was read for its {steps} steps"
    else:
        message = f"costs alone: no data are read; sequences of {name} have {steps} steps"
    used = DataUsed(
        name=name, source="not read", fingerprint="", fallback=False, checkpoint="", samples=0,
        test_size=0, calibration_samples=0,
        message=f"{message}; cells are priced by their fixed activity",
    )  # fmt: skip
    return Outline(placements, steps, used, upkeep_of(config, [], None))


def _read_steps(config: RunConfig) -> tuple[str, int]:
    dataset = resolve_dataset(config.data, config.model.outputs).dataset
    return dataset.name, dataset.length
