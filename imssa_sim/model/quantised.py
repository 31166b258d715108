"""The quantised network: integer codes, scales and requantisers, nothing executable.

Shapes: H channels, M stored complex modes per channel (the real state size is 2·M), K classes.
Codes are symmetric, ``|code| <= 2**(bits - 1) - 1``; a real value is ``code * scale``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
OutputForm = Literal["lookahead", "separate"]


@dataclass(frozen=True)
class Requantiser:
    """``code = clip((acc * multiplier + 2**(shift - 1)) >> shift, -limit, limit)``.

    ``multiplier`` (0 <= m < 2**24) and ``shift`` (1 <= s <= 52) have one shape, which broadcasts
    against the accumulator. ``limit`` is ``2**(bits - 1) - 1``.
    """

    multiplier: IntArray
    shift: IntArray
    bits: int

    @property
    def limit(self) -> int:
        """Largest output code."""
        return (1 << (self.bits - 1)) - 1


@dataclass(frozen=True)
class QuantisedKernel:
    """The S4D kernels of one layer and direction, as they stand in a crossbar.

    Channel h has its first ``modes_of[h]`` modes; what is behind them is padding, all zero.

    ``lookahead``::

        acc_re = (a_re*x_re - a_im*x_im) << a_shift  +  (b_re*u) << b_shift
        acc_im = (a_im*x_re + a_re*x_im) << a_shift  +  (b_im*u) << b_shift
        x'     = state_requant(acc)
        y      = output_requant(sum_n(c_re*x_re + c_im*x_im) << c_shift  +  (d*u) << d_shift)
                                                                             # of the old x

    ``separate``: x' the same, ``y = clip(output_requant(sum_n(c_re*x'_re + c_im*x'_im)) +
    feedthrough_requant(d*u))`` with ``c_shift == d_shift == 0``. Signs and the factor 2 of
    2·Re(C x) are folded into ``c_re`` and ``c_im``.

    A reverse kernel runs from the last step to the first, and its output at step k is of the state
    *before* the input of step k entered (the authors' convention, one step ahead). So c comes from
    C itself and ``d == 0``; in the ``separate`` form, whose y is of the new state, the output of
    step k + 1 is used at step k, and zero at the last step.
    """

    form: OutputForm
    a_re: IntArray  # (H, M)
    a_im: IntArray  # (H, M)
    b_re: IntArray  # (H, M)
    b_im: IntArray  # (H, M)
    c_re: IntArray  # (H, M)
    c_im: IntArray  # (H, M)
    d: IntArray  # (H,)
    a_shift: IntArray  # (H, M), >= 0
    b_shift: IntArray  # (H, M), >= 0
    c_shift: IntArray  # (H,), >= 0
    d_shift: IntArray  # (H,), >= 0
    state_requant: Requantiser  # (H, M)
    output_requant: Requantiser  # (H,)
    feedthrough_requant: Requantiser | None  # (H,), only in the separate form
    state_scale: FloatArray  # (H, M), real state = code * scale
    output_scale: float
    modes_of: IntArray  # (H,), 1 … M

    @property
    def channels(self) -> int:
        """Number of channels H that have a kernel."""
        return int(self.a_re.shape[0])

    @property
    def modes(self) -> int:
        """Number of stored complex modes M of the largest channel."""
        return int(self.a_re.shape[1])

    @property
    def states(self) -> int:
        """Number of real states of all channels together, padding left out."""
        return 2 * int(self.modes_of.sum())


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
    output_scale: float


@dataclass(frozen=True)
class QuantisedLayer:
    """One block. ``r`` is the residual stream in codes, all tables are indexed by ``code + limit``.

    Kernels that were pruned are not there: K of the H channels have one, ``kernel_channels`` names
    them, and the others take no part in the block but for the residual stream.

    prenorm:  u = norm(r)[kernel_channels];  postnorm: u = input_requant(r[kernel_channels])
    y = kernel(u) [+ kernel_reverse(u), saturating];  g = gelu_table[y + limit_of_kernel_output]
    z = linear(g) (2H codes);  p = z[:H] * gate_table[z[H:] + limit_of_activations]
    v = (p * product_multiplier + r * residual_multiplier + half) >> sum_shift   # wide codes
        (half = 2**(sum_shift - 1), or 0 with sum_shift == 0; |v| * H < 2**31)
    postnorm: r' = norm(v);   prenorm (or no norm): r' = output_requant(v)
    """

    norm_position: Literal["pre", "post", "none"]
    norm: QuantisedNorm | None
    input_requant: Requantiser | None  # scalar shape (); None with prenorm
    kernel: QuantisedKernel
    kernel_reverse: QuantisedKernel | None
    gelu_table: IntArray  # (2*limit+1,)
    linear: QuantisedLinear  # K -> 2H
    gate_table: IntArray  # (2*limit+1,), unsigned codes
    product_multiplier: int
    residual_multiplier: int
    output_requant: Requantiser | None  # scalar shape (); None with postnorm
    input_scale: float  # scale of u
    residual_scale: float  # scale of r on entry
    kernel_channels: IntArray  # (K,) ascending
    sum_shift: int = 0  # rounds v where the codes are too wide for the norm's 64-bit arithmetic


@dataclass(frozen=True)
class BitWidths:
    """Bits per tensor kind (names of the workload file's ``bits`` section), in all layers alike."""

    A: int
    B: int
    C: int
    D: int
    dt: int
    state: int
    kernel_input: int
    kernel_output: int
    activations: int
    linear: int

    def widths(self) -> dict[str, int]:
        """Return the bits by tensor kind, of what belongs to no layer where layers differ."""
        return {name: getattr(self, name) for name in BIT_KINDS}

    def of_layer(self, index: int) -> BitWidths:
        """Return the bits inside of layer ``index``."""
        return self

    def changed(self, change: Callable[[int], int]) -> BitWidths:
        """Return bits with a function applied to every width."""
        return BitWidths(**{name: change(width) for name, width in self.widths().items()})

    def described(self) -> dict[str, Any]:
        """Return the bits as a ``bits`` section has them; `bits_from` reads them."""
        return dict(self.widths())


BIT_KINDS = tuple(field.name for field in fields(BitWidths))


@dataclass(frozen=True)
class LayeredBits(BitWidths):
    """Bits that differ from layer to layer.

    The ten numbers hold for what belongs to no layer: inputs, encoder, the residual stream between
    the layers, pooling and decoder. ``layers`` has one entry per layer, for what is inside of it:
    its kernels, the activations from GELU to the gate, and its linear map.
    """

    layers: tuple[BitWidths, ...] = ()

    def of_layer(self, index: int) -> BitWidths:
        """Return the bits inside of layer ``index``."""
        return self.layers[index]

    def changed(self, change: Callable[[int], int]) -> BitWidths:
        """Return bits with a function applied to every width."""
        return LayeredBits(
            **super().changed(change).widths(),
            layers=tuple(layer.changed(change) for layer in self.layers),
        )

    def described(self) -> dict[str, Any]:
        """Return the bits as a ``bits`` section has them; `bits_from` reads them."""
        own = {k: [layer.widths()[k] for layer in self.layers] for k in BIT_KINDS}
        return own | {"outside": self.widths()}


def bits_from(section: Mapping[str, Any]) -> BitWidths:
    """Return the bits that a ``bits`` section says.

    Parameters
    ----------
    section : mapping
        A width per tensor kind, or a list of widths, one per layer. ``default`` (or ``outside``, a
        map by kind) is the width outside of the layers of the kinds that have a list.

    Raises
    ------
    ValueError
        The lists are not equally long.
    """
    given = {kind: section[kind] for kind in BIT_KINDS}
    lists = {kind: tuple(v) for kind, v in given.items() if isinstance(v, Sequence)}
    if not lists:
        return BitWidths(**given)
    lengths = {len(v) for v in lists.values()}
    if len(lengths) > 1:
        raise ValueError("bits by layer must name equally many layers for every tensor kind")
    outside = section.get("outside") or dict.fromkeys(lists, section.get("default"))
    layers = tuple(
        BitWidths(**{k: lists[k][i] if k in lists else given[k] for k in BIT_KINDS})
        for i in range(lengths.pop())
    )
    return LayeredBits(**(given | {k: outside[k] for k in lists}), layers=layers)


@dataclass(frozen=True)
class QuantisedNetwork:
    """Input codes = clip(round_half_up(x / input_scale)) with ``bits.activations`` bits.

    What is inside of layer i has ``bits.of_layer(i)``.
    """

    bits: BitWidths
    input_scale: float
    encoder: QuantisedLinear  # inputs -> H
    layers: tuple[QuantisedLayer, ...]
    pool_requant: Requantiser  # scalar shape (); acts on the sum over the sequence of r
    sequence_length: int  # the length that pool_requant divides by
    decoder: QuantisedLinear  # H -> K; logits = (weight @ pooled + bias) * logit_scale
    logit_scale: FloatArray  # (K,)
