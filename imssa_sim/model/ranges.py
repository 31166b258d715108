"""Ranges of a network's activations and states: what its quantisers represent."""

from __future__ import annotations

from dataclasses import dataclass

from imssa_sim.model.network import GATED, Network
from imssa_sim.quantisation.quantisers import FloatArray


@dataclass(frozen=True)
class LayerRanges:
    """Largest represented magnitudes of one layer's tensors; states (H, M).

    That of the kernels' inputs is one number, or one for each channel (a power of two below).
    ``gelu`` is that behind the activation, whichever it is; ``value`` and ``gate`` those of the
    mixing map, in whole or in halves; ``mixed`` that of what follows the map, where codes of it are
    made. ``increment`` (P,) is what B gives each mode of a state that mixes channels, whose states
    are (1, P). What a block does not have is zero.
    """

    residual: float
    kernel_input: float | FloatArray
    kernel_output: float
    gelu: float
    value: float
    gate: float
    state: FloatArray
    state_reverse: FloatArray | None
    mixed: float = 0.0
    increment: FloatArray | None = None


@dataclass(frozen=True)
class Ranges:
    """Largest represented magnitudes of a network's tensors."""

    input: float
    layers: tuple[LayerRanges, ...]
    final: float  # residual stream behind the last layer
    pooled: float


ENDS = ("input", "final", "pooled")
SCALARS = ("residual", "kernel_output", "gelu", "value", "gate", "mixed")


def ends_of(network: Network) -> tuple[str, ...]:
    """Return the names of the ranges outside of the layers that a network has codes for."""
    return ENDS if network.composition.pooling == "mean" else ENDS[:2]


def scalars_of(network: Network) -> tuple[str, ...]:
    """Return the names of the ranges of one number each that every layer has codes for."""
    made = network.composition
    gated, mapped = made.mixing in GATED, made.mixing != "none"
    absent = {
        "gelu": made.activation == "none",
        "value": made.mixing in ("none", *GATED[1:]),
        "gate": not gated,
        "mixed": not (network.rounds_products if gated else mapped and made.mixing != "plain"),
    }
    return tuple(name for name in SCALARS if not absent.get(name, False))
