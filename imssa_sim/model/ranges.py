"""Ranges of a network's activations and states: what its quantisers represent."""

from __future__ import annotations

from dataclasses import dataclass

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
