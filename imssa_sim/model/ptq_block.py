"""Post-training quantisation of what stands between a block's kernels and its residual sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imssa_sim.model.network import GATED, Composition, Layer
from imssa_sim.model.ptq_digital import function_table, gate_limit, gate_table, quantise_linear
from imssa_sim.model.quantised import QuantisedLinear
from imssa_sim.model.ranges import LayerRanges
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.quantisers import IntArray, code_limit, scale_of_range
from imssa_sim.quantisation.requantiser import Requantiser, requantiser_from
from imssa_sim.quantisation.widths import BitWidths


@dataclass(frozen=True)
class Codes:
    """Integers on their way: value of one unit, largest magnitude, and width.

    ``bits`` is None where they are wide, products that nothing has rounded.
    """

    scale: float
    bound: int
    bits: int | None


def codes_of(scale: float, bits: int) -> Codes:
    """Return codes of a scale and a width."""
    return Codes(scale, code_limit(bits), bits)


@dataclass(frozen=True)
class Activation:
    """The activation in integers: its table, and a requantiser behind a gate."""

    table: IntArray | None
    requant: Requantiser | None
    after: Codes


@dataclass(frozen=True)
class Mixing:
    """The mixing map in integers, and what follows it; ``after`` enters the sum."""

    linear: QuantisedLinear | None
    gate_table: IntArray | None
    function_table: IntArray | None
    product_requant: Requantiser | None
    after: Codes


def quantise_activation(
    made: Composition, before: Codes, bits: BitWidths, ranges: LayerRanges
) -> Activation:
    """Quantise a layer's activation on codes ``before`` it."""
    if made.activation == "none":
        return Activation(None, None, before)
    width = bits.activations
    after = codes_of(float(scale_of_range(ranges.gelu, width)), width)
    if made.activation != "glu":
        table = function_table(
            made.activation, before.scale, bits.kernel_output, after.scale, width
        )
        return Activation(table, None, after)
    opened = gate_limit(bits.kernel_output)
    requant = requantiser_from(before.scale / opened / after.scale, width, before.bound * opened)
    return Activation(gate_table(before.scale, bits.kernel_output), requant, after)


def quantise_mixing(
    made: Composition,
    layer: Layer,
    channels: IntArray,
    values: tuple[Codes, Codes],
    bits: BitWidths,
    ranges: LayerRanges,
    options: CalibrationOptions,
    narrow: bool,
) -> Mixing:
    """Quantise a layer's mixing map.

    Parameters
    ----------
    made : Composition
    layer : Layer
    channels : int array (K,)
        Inputs of the map that are there.
    values : pair of Codes
        Those before and behind the activation.
    bits, ranges, options
        Of the layer.
    narrow : bool
        Whether products are rounded to codes, where nothing behind them can take wide ones.
    """
    before, g = values
    if made.mixing == "none":
        return Mixing(None, None, None, None, g)
    width, top = bits.activations, code_limit(bits.activations)
    value_scale = float(scale_of_range(ranges.value, width))
    # The logistic function is within half a code of one beyond this argument.
    gate_range = min(ranges.gate, float(np.log(2.0 ** (width + 1) - 1)))
    gate_scale = float(scale_of_range(gate_range, width))
    rows = len(layer.weight)
    if made.mixing == "glu":
        scales = np.repeat([value_scale, gate_scale], rows // 2)
    else:
        scales = np.full(rows, gate_scale if made.mixing in GATED else value_scale)
    taken = bits.kernel_output if g.bits is None else g.bits
    linear = quantise_linear(
        layer.weight[:, channels], layer.bias, g.scale, scales, (taken, bits.linear, width), options
    )
    mixed_scale = float(scale_of_range(ranges.mixed, width))
    if made.mixing in GATED:
        value = {"glu": Codes(value_scale, top, width), "half_glu1": g, "half_glu2": before}
        opened, gated = gate_limit(width), value[made.mixing]
        after = Codes(gated.scale / opened, gated.bound * opened, None)
        requant = None
        if narrow:
            requant = requantiser_from(after.scale / mixed_scale, width, after.bound)
            after = codes_of(mixed_scale, width)
        return Mixing(linear, gate_table(gate_scale, width), None, requant, after)
    if made.mixing == "plain":
        return Mixing(linear, None, None, None, codes_of(value_scale, width))
    table = function_table(made.mixing, value_scale, width, mixed_scale, width)
    return Mixing(linear, None, table, None, codes_of(mixed_scale, width))
