"""Bits and ranges of the quantisers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from imssa_sim.config.fields import Bits, Percentile, Positive, Section, bits_or_list, problem

LayerBits = Annotated[int | tuple[int, ...], BeforeValidator(bits_or_list)]
RangePolicy = Literal["max", "percentile", "mse"]
Granularity = Literal["tensor", "channel", "mode"]
BIT_KINDS = (
    "A", "B", "C", "D", "dt", "state", "kernel_input", "kernel_output", "activations", "linear",
)  # fmt: skip
DEFAULT_BITS = 8


class BitsConfig(Section):
    """Bits of each kind of tensor, 2 to 16; a list has one width per layer."""

    default: Bits
    """Outside of the layers (encoder, residual stream, decoder), of kinds that have a list."""
    A: LayerBits
    B: LayerBits
    C: LayerBits
    D: LayerBits
    dt: LayerBits
    state: LayerBits
    kernel_input: LayerBits
    kernel_output: LayerBits
    activations: LayerBits
    linear: LayerBits
    drive: LayerBits | None = None
    """Of what states in accumulators drive word lines with; None: the wider of hardware.dac.bits
    and kernel_input, at most state."""

    def check_layers(self, layers: int) -> None:
        """Refuse lists of another length than the number of layers."""
        for kind in (*BIT_KINDS, "drive"):
            value = getattr(self, kind)
            if isinstance(value, tuple) and len(value) != layers:
                raise problem(
                    f"bits.{kind}: {len(value)} widths for {layers} layers",
                    remedy="give one number for all layers, or a list with one per layer",
                )


class GranularityConfig(Section):
    """What shares one scale: a whole tensor, a channel, or each mode of each channel."""

    A: Granularity = "mode"
    B: Granularity = "mode"
    C: Literal["tensor", "channel"] = "channel"
    D: Literal["tensor", "channel"] = "channel"
    dt: Literal["tensor", "channel"] = "channel"
    state: Granularity = "mode"
    kernel_input: Literal["tensor", "channel"] = "tensor"
    """Channel: the tensor's scale over 1, 2, 4 or 8, the largest that its values allow."""
    linear: Literal["tensor", "channel"] = "channel"


class CalibrationConfig(Section):
    """How the ranges of the quantisers are found on the training part."""

    samples: Positive = 128
    activations: RangePolicy = "mse"
    weights: RangePolicy = "max"
    percentile: Percentile = 99.9
    granularity: GranularityConfig = GranularityConfig()


def expand_bits(value: Any) -> Any:
    """Return the ``bits`` section with all kinds: from one number, or a map with a ``default``."""
    kinds = ("default", *BIT_KINDS)
    if isinstance(value, int) and not isinstance(value, bool):
        return dict.fromkeys(kinds, value)
    if isinstance(value, dict):
        return dict.fromkeys(kinds, value.get("default", DEFAULT_BITS)) | value
    return value
