"""What a network is, apart from its values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from imssa_sim.model.network import (
    NORM_EPSILON,
    REFERENCE,
    Composition,
    Network,
    Norm,
    NormKind,
    NormPosition,
    Output,
    Pooling,
)
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.families import FAMILIES
from imssa_sim.ssm.interface import Sizes

_NO_NORM = Norm(np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Structure:
    """What a network is, apart from its values; the keys of a workload's ``model`` section.

    From ``activation`` to ``output`` see `Composition`; ``real_modes``, `Sizes`. ``states`` has
    the state of each layer where they differ; ``state`` is then the largest. What differs from the
    defaults stands in a file's metadata.
    """

    layers: int
    width: int
    state: int
    inputs: int
    classes: int
    bidirectional: bool = False
    norm: NormKind = "layer"
    norm_position: NormPosition = "post"
    discretisation: Discretisation = "zoh"
    family: str = "s4d"
    activation: str = REFERENCE.activation
    mixing: str = REFERENCE.mixing
    residual: bool = REFERENCE.residual
    copies: int = REFERENCE.copies
    pooling: Pooling = REFERENCE.pooling
    output: Output = REFERENCE.output
    real_modes: bool = False
    norm_epsilon: float = NORM_EPSILON
    states: tuple[int, ...] = ()

    @property
    def composition(self) -> Composition:
        """How blocks and head are put together."""
        names = (f.name for f in fields(Composition))
        return Composition(**{name: getattr(self, name) for name in names})

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))  # JSON has lists

    def sizes(self, layer: int) -> Sizes:
        """Return the sizes of a layer's state-space model."""
        state = self.states[layer] if self.states else self.state
        return Sizes(self.width, state, self.bidirectional, self.copies, self.real_modes)

    @property
    def mixing_shape(self) -> tuple[int, int]:
        """Rows and columns of the mixing map."""
        return self.composition.mixing_shape(self.width)

    @classmethod
    def of(cls, network: Network) -> Structure:
        """Return the structure of a network."""
        states = tuple(layer.kernel.sizes.state for layer in network.layers)
        return cls(
            layers=len(network.layers),
            width=network.width,
            state=max(states),
            inputs=network.inputs,
            classes=network.classes,
            bidirectional=network.bidirectional,
            norm=network.norm,
            norm_position=network.norm_position,
            discretisation=network.discretisation,
            family=network.family,
            **asdict(network.composition),
            real_modes=network.layers[0].kernel.sizes.real_modes,
            norm_epsilon=(network.layers[0].norm or _NO_NORM).epsilon,
            states=states if len(set(states)) > 1 else (),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name; of those beyond the reference network, what differs."""
        names = [f.name for f in fields(self)]
        beyond = names[names.index("activation") :]
        usual = {f.name: f.default for f in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in beyond or value != usual[name]
        }

    def shapes(self, optional: Collection[str] = ()) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by name; of those that may be absent, ``optional``."""
        h = self.width
        family = FAMILIES[self.family]
        absent = set(family.optional) - set(optional)
        found: dict[str, tuple[int, ...]] = {
            "encoder.weight": (h, self.inputs),
            "encoder.bias": (h,),
            "decoder.weight": (self.classes, h),
            "decoder.bias": (self.classes,),
        }
        for i in range(self.layers):
            block, norm = f"s4_layers.{i}.", f"norms.{i}."
            kernel = family.shapes(self.sizes(i))
            found |= {block + name: kernel[name] for name in kernel if name not in absent}
            if self.mixing != "none":
                rows, columns = self.mixing_shape
                found[block + "output_linear.0.weight"] = (rows, columns, 1)
                found[block + "output_linear.0.bias"] = (rows,)
            if self.norm != "none":
                found |= {norm + "weight": (h,), norm + "bias": (h,)}
            if self.norm == "batch":
                found |= {norm + "running_mean": (h,), norm + "running_var": (h,)}
        return found
