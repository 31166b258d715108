"""The quantised network: integer codes, scales and requantisers, nothing executable.

Shapes: H channels, M stored complex modes per channel (the real state size is 2·M), K classes.
Codes are symmetric, ``|code| <= 2**(bits - 1) - 1``; a real value is ``code * scale``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imssa_sim.model.network import REFERENCE, Composition
from imssa_sim.quantisation.quantisers import FloatArray, IntArray, code_limit
from imssa_sim.quantisation.requantiser import Requantiser, requantiser_from
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.ssm.quantised import QuantisedKernel


@dataclass(frozen=True)
class QuantisedLinear:
    """``out = requant(weight @ x + bias)``.

    weight (out, in) codes, bias (out,) in accumulator units.
    ``output_scale`` is the value of one output code; where outputs differ (the value and the gate
    half of a gated linear unit), it is that of the first output, and the table that follows
    knows the other. The decoder's ``requant`` is the identity: logits are not requantised.
    """

    weight: IntArray
    bias: IntArray
    weight_bits: int
    requant: Requantiser  # (out,)
    output_scale: float


@dataclass(frozen=True)
class QuantisedNorm:
    """Normalisation over channels in integers, v (H,) wide integers -> codes.

    ``kind == "layer"``: with S = sum(v), s = isqrt(H*sum(v*v) - S*S + epsilon),
    ``code = clip((2*((H*v - S)*gain + s*bias) + (s << fraction)) // (s << (fraction + 1)))``
    (round half up of ``((H*v - S)*gain/s + bias) / 2**fraction``; s == 0 is taken as 1).
    ``kind == "batch"``: ``code = clip((v*gain + bias + 2**(fraction-1)) >> fraction)``.
    """

    kind: Literal["layer", "batch"]
    gain: IntArray  # (H,)
    bias: IntArray  # (H,)
    epsilon: int
    fraction: int
    bits: int
    output_scale: float | FloatArray  # of the codes, one or (H,)


@dataclass(frozen=True)
class QuantisedModes:
    """The diagonal of a state that mixes channels, P modes, in words that add up increments v.

    ``x' = clip(x + ((a x) * gain + v * input_gain + 2**(shift - 1) >> shift))``, a x a complex
    product of codes and a the state matrix less one; ``x' / 2**(bits - drive_bits)`` leaves,
    rounded and clipped. Real parts of all modes come first, then imaginary ones.
    """

    a_re: IntArray  # (P,)
    a_im: IntArray  # (P,)
    gain: IntArray  # (P,)
    input_gain: IntArray  # (P,)
    shift: IntArray  # (P,), >= 1
    bits: int
    drive_bits: int

    @property
    def limit(self) -> int:
        """Largest state."""
        return code_limit(self.bits)

    @property
    def drive_limit(self) -> int:
        """Largest code that leaves."""
        return code_limit(self.drive_bits)


@dataclass(frozen=True)
class QuantisedDense:
    """A model with dense B and C: ``v = into(u)``; modes; ``y = clip(out(x') + through(d u))``.

    Of two directions the states of the anticausal one come behind those of the causal one.
    """

    into: QuantisedLinear  # H -> 2 P
    modes: QuantisedModes
    out: QuantisedLinear  # 2 P, or 4 P -> H
    d: IntArray  # (H,)
    through_requant: Requantiser  # (H,)
    bidirectional: bool

    @property
    def states(self) -> int:
        """Real states of one direction."""
        return 2 * len(self.modes.a_re)


@dataclass(frozen=True)
class QuantisedLayer:
    """One block. ``r`` is the residual stream in codes, all tables are indexed by ``code + limit``.

    Kernels that were pruned are not there: K of the H channels have one, ``kernel_channels`` names
    them, and the others take no part in the block but for the residual stream.

    prenorm:  u = norm(r)[kernel_channels];  postnorm: u = input_requant(r[kernel_channels])
    y = kernels[0](u) [+ kernels[1](u), saturating]
    g = activation_table[y + limit_of_kernel_output]
    z = linear(g) (2H codes);  p = z[:H] * gate_table[z[H:] + limit_of_activations]
    v = (p * product_multiplier + r * residual_multiplier + half) >> sum_shift   # wide codes
        (half = 2**(sum_shift - 1), or 0 with sum_shift == 0; |v| * H < 2**31)
    postnorm: r' = norm(v);   prenorm (or no norm): r' = output_requant(v)

    That is the reference block. In others (`Composition`, docs/decisions/0019-blocks.md):

    activation ``none``: g = y;  ``glu``: activation_table opens one half of y for the other, and
    g = activation_requant of the product
    mixing: p = function_table[z + limit] of a function, p = z of a plain map, p = g without a map
    no residual stream: v = p, and where p is a product before a norm, v = product_requant(p)
    """

    norm_position: Literal["pre", "post", "none"]
    norm: QuantisedNorm | None
    input_requant: Requantiser | None  # shape () or (K,); None with prenorm
    kernels: tuple[QuantisedKernel, ...]  # one a direction, the causal one first
    activation_table: IntArray | None  # (2*limit+1,); unsigned codes of a gate with glu
    linear: QuantisedLinear | None  # K -> 2H, or H
    gate_table: IntArray | None  # (2*limit+1,), unsigned codes
    product_multiplier: int
    residual_multiplier: int
    output_requant: Requantiser | None  # scalar shape (); None with postnorm
    input_scale: float | FloatArray  # scale of u, one or (K,)
    residual_scale: float  # scale of r on entry
    kernel_channels: IntArray  # (K,) ascending
    sum_shift: int = 0  # rounds v where the codes are too wide for the norm's 64-bit arithmetic
    activation_requant: Requantiser | None = None
    function_table: IntArray | None = None  # (2*limit+1,)
    product_requant: Requantiser | None = None
    dense: QuantisedDense | None = None  # in the place of kernels

    @property
    def kernel(self) -> QuantisedKernel:
        """The causal kernels, whose sizes and output codes are those of all directions."""
        return self.kernels[0]


@dataclass(frozen=True)
class QuantisedNetwork:
    """Input codes = clip(round_half_up(x / input_scale)) with ``bits.activations`` bits.

    What is inside of layer i has ``bits.of_layer(i)``.
    """

    bits: BitWidths
    input_scale: float
    encoder: QuantisedLinear  # inputs -> H
    layers: tuple[QuantisedLayer, ...]
    pool_requant: Requantiser | None  # scalar shape (); acts on the sum of r; None without a mean
    sequence_length: int  # the length that pool_requant divides by
    decoder: QuantisedLinear  # H -> K; logits = (weight @ pooled + bias) * logit_scale
    logit_scale: FloatArray  # (K,)
    composition: Composition = REFERENCE
    pool_scales: tuple[float, float] = (1.0, 1.0)  # of a code before the mean, and behind it

    def pool_requant_of(self, length: int) -> Requantiser | None:
        """Return the requantiser that makes the mean of a sequence of ``length`` steps."""
        if self.pool_requant is None:
            return None
        before, behind = self.pool_scales
        bits = self.bits.activations
        return requantiser_from(before / length / behind, bits, length * code_limit(bits))
