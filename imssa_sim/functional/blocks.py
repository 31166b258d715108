"""The integer building blocks of a quantised network's execution.

Functions over integer codes of layout (samples, steps, channels), used by the golden model and,
for all that is digital on the chip, by the analog execution. Each takes an optional `Saturation`,
which counts clipped values by site.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.model.quantised import (
    FloatArray,
    IntArray,
    QuantisedKernel,
    QuantisedLayer,
    QuantisedLinear,
    QuantisedNetwork,
    QuantisedNorm,
    Requantiser,
)
from imssa_sim.model.quantisers import code_limit, quantise_codes, requantiser_scale

Codes = NDArray[np.int16]
WideCodes = NDArray[np.int32]

FLOAT32_EXACT = 1 << 24
"""Integers below are exact in single precision."""


@dataclass
class Saturation:
    """Counts of values that a quantiser clipped, by site (``layer0.state``, ``layer0.glu``, …).

    Attributes
    ----------
    clipped, total : dict
        Clipped values and all values of a site.
    """

    clipped: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def add(self, site: str, clipped: int, total: int) -> None:
        """Add the counts of one site."""
        self.clipped[site] = self.clipped.get(site, 0) + int(clipped)
        self.total[site] = self.total.get(site, 0) + int(total)

    def share(self, site: str) -> float:
        """Return the clipped share of a site."""
        return self.clipped[site] / self.total[site] if self.total[site] else 0.0


def encode_inputs(
    network: QuantisedNetwork, inputs: NDArray[Any], saturation: Saturation | None = None
) -> Codes:
    """Quantise inputs (B, L, d_in) and apply the encoder; residual codes (B, L, H)."""
    codes = quantise_inputs(network, inputs, saturation)
    return linear_digital(network.encoder, codes, saturation, "encoder")


def quantise_inputs(
    network: QuantisedNetwork, inputs: NDArray[Any], saturation: Saturation | None = None
) -> Codes:
    """Return the input codes (B, L, d_in) of real inputs."""
    bits = network.bits.activations
    codes = quantise_codes(inputs, network.input_scale, bits).astype(np.int16)
    if saturation is not None:
        beyond = np.abs(np.asarray(inputs)) >= (code_limit(bits) + 0.5) * network.input_scale
        saturation.add("input", int(np.count_nonzero(beyond)), codes.size)
    return codes


def input_codes(
    layer: QuantisedLayer, r: Codes, saturation: Saturation | None = None, path: str = "layer"
) -> Codes:
    """Return the kernel input u (B, L, K) of the residual codes r (B, L, H): norm or requantiser.

    K of the H channels have a kernel.
    """
    if layer.input_requant is not None:
        taken = of_kernels(layer, r)
        return requantise_codes(taken, layer.input_requant, saturation, f"{path}.input")
    if layer.norm is None:
        raise InputError(f"{path}: neither an input requantiser nor a norm")
    return of_kernels(layer, normalise(layer.norm, r, saturation, f"{path}.norm"))


def of_kernels(layer: QuantisedLayer, values: Codes) -> Codes:
    """Return values (…, H) of the channels that have a kernel, (…, K)."""
    if len(layer.kernel_channels) == values.shape[-1]:
        return values
    return np.ascontiguousarray(values[..., layer.kernel_channels])


def layer_kernel(
    layer: QuantisedLayer, u: Codes, saturation: Saturation | None = None, path: str = "layer"
) -> Codes:
    """Return the kernel output y (B, L, H) of a layer, both directions summed."""
    y = kernel_digital(layer.kernel, u, saturation=saturation, path=f"{path}.kernel")
    if layer.kernel_reverse is None:
        return y
    other = kernel_digital(
        layer.kernel_reverse, u, reverse=True, saturation=saturation, path=f"{path}.kernel_reverse"
    )
    return add_codes(y, other, layer.kernel.output_requant.limit, saturation, f"{path}.directions")


def kernel_digital(
    kernel: QuantisedKernel,
    u: Codes,
    reverse: bool = False,
    saturation: Saturation | None = None,
    path: str = "kernel",
) -> Codes:
    """Run the recurrence of one layer's kernels over whole sequences.

    Parameters
    ----------
    kernel : QuantisedKernel
    u : int16 array (B, L, H)
    reverse : bool
        Run from the last step to the first.

    Returns
    -------
    int16 array (B, L, H)
    """
    from imssa_sim.kernels import digital as kernels

    u = np.ascontiguousarray(u, dtype=np.int16)
    batch, _, channels = u.shape
    largest = max(int(u.max(initial=0)), -int(u.min(initial=0)))
    state_bound, output_bound = accumulator_bounds(kernel, largest)
    narrow = max(state_bound.max(), output_bound.max()) < 1 << 31
    word: Any = np.int32 if narrow else np.int64
    weights = np.stack(
        [
            kernel.a_re << kernel.a_shift,
            kernel.a_im << kernel.a_shift,
            kernel.b_re << kernel.b_shift,
            kernel.b_im << kernel.b_shift,
            kernel.c_re << kernel.c_shift[:, None],
            kernel.c_im << kernel.c_shift[:, None],
        ],
        axis=1,
    ).astype(word)
    through = kernel.feedthrough_requant
    output_scale = np.zeros((channels, 2))
    output_scale[:, 0] = requantiser_scale(kernel.output_requant)
    if through is not None:
        output_scale[:, 1] = requantiser_scale(through)
    y = np.empty_like(u)
    clipped = np.zeros((batch * channels, 2), dtype=np.int64)
    kernels.RECURRENCES[word, kernel.form == "lookahead"](
        weights,
        (kernel.d << kernel.d_shift).astype(word),
        np.ascontiguousarray(requantiser_scale(kernel.state_requant)),
        output_scale,
        np.array([kernel.state_requant.limit, kernel.output_requant.limit]),
        reverse,
        u,
        y,
        clipped,
    )
    if saturation is not None:
        states, outputs = clipped.sum(axis=0)
        saturation.add(f"{path}.state", states, kernel.states * (y.size // channels))
        saturation.add(f"{path}.output", outputs, y.size)
    return one_step_ahead(y) if reverse and kernel.form == "separate" else y


def one_step_ahead(y: Codes) -> Codes:
    """Return the outputs (B, L, H) of a reverse kernel moved to the step before; the last is zero.

    The anticausal direction's output at step k is of the state at k + 1 (`QuantisedKernel`).
    """
    moved = np.zeros_like(y)
    moved[:, :-1] = y[:, 1:]
    return moved


def accumulator_bounds(kernel: QuantisedKernel, input_limit: int) -> tuple[IntArray, IntArray]:
    """Return bounds on the magnitudes of state (H, M) and output (H,) accumulators.

    From the weights as they are, with every code at its limit: ``sum |w| * limit``.

    Parameters
    ----------
    kernel : QuantisedKernel
    input_limit : int
        Largest input code.
    """
    state_limit = kernel.state_requant.limit
    a = (np.abs(kernel.a_re) + np.abs(kernel.a_im)) << kernel.a_shift
    b = np.maximum(np.abs(kernel.b_re), np.abs(kernel.b_im)) << kernel.b_shift
    c = (np.abs(kernel.c_re) + np.abs(kernel.c_im)).sum(axis=1) << kernel.c_shift
    d = np.abs(kernel.d) << kernel.d_shift
    return a * state_limit + b * input_limit, c * state_limit + d * input_limit


def gelu(layer: QuantisedLayer, y: Codes) -> Codes:
    """Return the codes after GELU, a table over the kernel output codes."""
    from imssa_sim.kernels import digital as kernels

    table = layer.gelu_table.astype(np.int16)
    out = np.empty_like(y)
    width = y.shape[-1]
    kernels.look_up(table, y.reshape(-1, width), (len(table) - 1) // 2, out.reshape(-1, width))
    return out


def linear_accumulate(linear: QuantisedLinear, g: Codes) -> FloatArray | NDArray[np.float32]:
    """Return ``weight @ g`` (tokens, out) without bias, integers held exactly in floating point.

    BLAS does the product: single precision where the sums stay below 2**24, double otherwise.

    Raises
    ------
    InputError
        Sums could exceed 2**53.
    """
    tokens = g.reshape(-1, g.shape[-1])
    largest = int(np.abs(g).max(initial=0)) if g.size else 0
    bound = int(np.abs(linear.weight).sum(axis=1).max()) * max(largest, 1)
    if bound >= 1 << 53:
        raise InputError("a linear layer's sums exceed 2**53: use fewer bits")
    word: Any = np.float32 if bound < FLOAT32_EXACT else np.float64
    result: FloatArray | NDArray[np.float32] = tokens.astype(word) @ linear.weight.T.astype(word)
    return result


def linear_digital(
    linear: QuantisedLinear,
    g: Codes,
    saturation: Saturation | None = None,
    path: str = "linear",
) -> Codes:
    """Return ``requant(weight @ g + bias)``, codes (..., out) of codes g (..., in)."""
    accumulator = linear_accumulate(linear, g)
    out = _requantise(accumulator, linear.bias, linear.requant, saturation, path)
    return out.reshape(*g.shape[:-1], -1)


def requantise_codes(
    codes: NDArray[np.signedinteger[Any]],
    requantiser: Requantiser,
    saturation: Saturation | None = None,
    path: str = "requantiser",
) -> Codes:
    """Apply a requantiser (scalar or per channel) to integers (..., channels)."""
    flat = codes.reshape(-1, codes.shape[-1])
    bias = np.zeros(codes.shape[-1], dtype=np.int64)
    return _requantise(flat, bias, requantiser, saturation, path).reshape(codes.shape)


def _requantise(
    accumulator: NDArray[Any],
    bias: IntArray,
    requantiser: Requantiser,
    saturation: Saturation | None,
    path: str,
) -> Codes:
    from imssa_sim.kernels import digital as kernels

    tokens, columns = accumulator.shape
    scale = np.array(np.broadcast_to(requantiser_scale(requantiser), (columns,)))
    out = np.empty((tokens, columns), dtype=np.int16)
    clipped = np.zeros(tokens, dtype=np.int64)
    kernels.requantise_rows(accumulator, bias, scale, requantiser.limit, out, clipped)
    if saturation is not None:
        saturation.add(path, clipped.sum(), out.size)
    return out


def add_codes(
    first: Codes,
    second: Codes,
    limit: int,
    saturation: Saturation | None = None,
    path: str = "adder",
) -> Codes:
    """Return the saturating sum of two code arrays (…, channels) of one scale."""
    from imssa_sim.kernels import digital as kernels

    width = first.shape[-1]
    out = np.empty_like(first)
    clipped = np.zeros(first.size // width, dtype=np.int64)
    kernels.add_saturating(
        first.reshape(-1, width), second.reshape(-1, width), limit, out.reshape(-1, width), clipped
    )
    if saturation is not None:
        saturation.add(path, clipped.sum(), out.size)
    return out


def glu_residual_norm(
    layer: QuantisedLayer,
    z: Codes,
    r: Codes,
    saturation: Saturation | None = None,
    path: str = "layer",
) -> Codes:
    """Return the next residual codes: gated linear unit, residual sum, norm or requantiser.

    Parameters
    ----------
    layer : QuantisedLayer
    z : int16 array (B, L, 2H)
        Output of the linear layer, value half then gate half.
    r : int16 array (B, L, H)
        Residual stream on entry.
    """
    v = gated_sum(layer, z, r)
    if layer.output_requant is not None:
        return requantise_codes(v, layer.output_requant, saturation, f"{path}.output")
    if layer.norm is None:
        raise InputError(f"{path}: neither an output requantiser nor a norm")
    return normalise(layer.norm, v, saturation, f"{path}.norm")


def gated_sum(layer: QuantisedLayer, z: Codes, r: Codes) -> WideCodes:
    """Return the wide sum v (B, L, H) of the gated value and the residual."""
    from imssa_sim.kernels import digital as kernels

    width = r.shape[-1]
    v = np.empty(r.shape, dtype=np.int32)
    factors = np.array(
        [layer.product_multiplier, layer.residual_multiplier, layer.sum_shift], dtype=np.int64
    )
    table = layer.gate_table.astype(np.int64)
    kernels.gated_sum(
        z.reshape(-1, 2 * width), r.reshape(-1, width), table, factors, v.reshape(-1, width)
    )
    return v


def normalise(
    norm: QuantisedNorm,
    v: NDArray[np.signedinteger[Any]],
    saturation: Saturation | None = None,
    path: str = "norm",
) -> Codes:
    """Apply an integer norm over the last axis; codes (…, H) of integers v (…, H)."""
    from imssa_sim.kernels import digital as kernels

    width = v.shape[-1]
    out = np.empty(v.shape, dtype=np.int16)
    clipped = np.zeros(v.size // width, dtype=np.int64)
    flat, target = v.reshape(-1, width), out.reshape(-1, width)
    limit = code_limit(norm.bits)
    if norm.kind == "layer":
        kernels.layer_norm(
            flat, norm.gain, norm.bias, norm.epsilon, norm.fraction, limit, target, clipped
        )
    else:
        kernels.affine_norm(flat, norm.gain, norm.bias, norm.fraction, limit, target, clipped)
    if saturation is not None:
        saturation.add(path, clipped.sum(), out.size)
    return out


def pool(network: QuantisedNetwork, r: Codes, saturation: Saturation | None = None) -> IntArray:
    """Return the pooled codes (B, H): the sum over the sequence, requantised."""
    total = r.sum(axis=1, dtype=np.int64)
    return requantise_codes(total, network.pool_requant, saturation, "pool").astype(np.int64)


def decode(network: QuantisedNetwork, pooled: IntArray) -> FloatArray:
    """Return the logits (B, K) of pooled codes (B, H)."""
    decoder = network.decoder
    integers = pooled @ decoder.weight.T + decoder.bias
    logits: FloatArray = integers * network.logit_scale
    return logits
