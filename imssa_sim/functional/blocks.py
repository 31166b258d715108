"""The integer building blocks of a quantised network's execution.

Functions over integer codes of layout (samples, steps, channels), used by the golden model and,
for all that is digital on the chip, by the analog execution. Each takes an optional `Saturation`,
which counts clipped values by site.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim import threads
from imssa_sim.errors import InputError
from imssa_sim.functional.digital_kernel import FLOAT32_EXACT, kernel_digital
from imssa_sim.model.quantised import (
    FloatArray,
    IntArray,
    QuantisedLayer,
    QuantisedLinear,
    QuantisedNetwork,
    QuantisedNorm,
    Requantiser,
)
from imssa_sim.model.quantisers import code_limit, quantise_codes, requantiser_scale

Codes = NDArray[np.int16]
WideCodes = NDArray[np.int32]

SLICE = 2048
"""Tokens that are worked on at a time where each stands for itself."""


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

    def merge(self, other: Saturation) -> None:
        """Add the counts of another execution."""
        for site, clipped in other.clipped.items():
            self.add(site, clipped, other.total[site])

    def share(self, site: str) -> float:
        """Return the clipped share of a site."""
        return self.clipped[site] / self.total[site] if self.total[site] else 0.0


def by_tokens(work: Callable[[slice], None], tokens: int) -> None:
    """Do ``work`` on slices of the tokens: on threads, and few enough at a time for the caches."""
    parts = [slice(at, at + SLICE) for at in range(0, tokens, SLICE)]
    if len(parts) == 1 or threads.current() == 1:
        for part in parts:
            work(part)
        return
    with threads.use_threads():
        for _ in threads.ordered_map(work, parts):
            pass


def encode_inputs(
    network: QuantisedNetwork, inputs: NDArray[Any], saturation: Saturation | None = None
) -> Codes:
    """Quantise inputs (B, L, d_in) and apply the encoder; residual codes (B, L, H)."""
    codes = quantise_inputs(network, inputs, saturation)
    return linear_digital(network.encoder, codes, saturation, "encoder")


def quantise_inputs(
    network: QuantisedNetwork, inputs: NDArray[Any], saturation: Saturation | None = None
) -> Codes:
    """Return the input codes (B, L, d_in) of real inputs.

    Raises
    ------
    InputError
        The inputs hold values that are not finite.
    """
    if not np.all(np.isfinite(inputs)):
        raise InputError("the inputs hold values that are not finite")
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


def gelu(layer: QuantisedLayer, y: Codes) -> Codes:
    """Return the codes after GELU, a table over the kernel output codes."""
    from imssa_sim.kernels import digital as kernels

    table = layer.gelu_table.astype(np.int16)
    out = np.empty_like(y)
    width = y.shape[-1]
    flat, target, zero = y.reshape(-1, width), out.reshape(-1, width), (len(table) - 1) // 2
    by_tokens(lambda part: kernels.look_up(table, flat[part], zero, target[part]), len(flat))
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
    transposed = _exact_weights(linear, g)
    result: FloatArray | NDArray[np.float32] = tokens.astype(transposed.dtype) @ transposed
    return result


def _exact_weights(linear: QuantisedLinear, g: Codes) -> NDArray[Any]:
    """Return the weights (in, out) in the precision that holds all sums over codes g exactly."""
    largest = max(int(g.max(initial=0)), -int(g.min(initial=0)), 1)
    bound = int(np.abs(linear.weight).sum(axis=1).max()) * largest
    if bound >= 1 << 53:
        raise InputError("a linear layer's sums exceed 2**53: use fewer bits")
    word: Any = np.float32 if bound < FLOAT32_EXACT else np.float64
    return np.asarray(linear.weight.T.astype(word))


def linear_digital(
    linear: QuantisedLinear,
    g: Codes,
    saturation: Saturation | None = None,
    path: str = "linear",
) -> Codes:
    """Return ``requant(weight @ g + bias)``, codes (..., out) of codes g (..., in)."""
    tokens = g.reshape(-1, g.shape[-1])
    weights = _exact_weights(linear, g)

    def sums(part: slice) -> NDArray[Any]:
        return np.asarray(tokens[part].astype(weights.dtype) @ weights)

    out = _requantise(
        sums, (len(tokens), weights.shape[1]), linear.bias, linear.requant, saturation, path
    )
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
    out = _requantise(lambda part: flat[part], flat.shape, bias, requantiser, saturation, path)
    return out.reshape(codes.shape)


def _requantise(
    sums: Callable[[slice], NDArray[Any]],
    shape: tuple[int, ...],
    bias: IntArray,
    requantiser: Requantiser,
    saturation: Saturation | None,
    path: str,
) -> Codes:
    """Requantise the accumulators (tokens, columns) that ``sums`` gives slice by slice."""
    from imssa_sim.kernels import digital as kernels

    tokens, columns = shape
    scale = np.array(np.broadcast_to(requantiser_scale(requantiser), (columns,)))
    out = np.empty((tokens, columns), dtype=np.int16)
    clipped = np.zeros(tokens, dtype=np.int64)

    def work(part: slice) -> None:
        limit = requantiser.limit
        kernels.requantise_rows(sums(part), bias, scale, limit, out[part], clipped[part])

    by_tokens(work, tokens)
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
    one, other, target = (array.reshape(-1, width) for array in (first, second, out))

    def work(part: slice) -> None:
        kernels.add_saturating(one[part], other[part], limit, target[part], clipped[part])

    by_tokens(work, len(one))
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
    gated, residual, target = z.reshape(-1, 2 * width), r.reshape(-1, width), v.reshape(-1, width)

    def work(part: slice) -> None:
        kernels.gated_sum(gated[part], residual[part], table, factors, target[part])

    by_tokens(work, len(residual))
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
    gain, bias, epsilon, fraction = norm.gain, norm.bias, norm.epsilon, norm.fraction

    def work(part: slice) -> None:
        ends = limit, target[part], clipped[part]
        if norm.kind == "layer":
            kernels.layer_norm(flat[part], gain, bias, epsilon, fraction, *ends)
        else:
            kernels.affine_norm(flat[part], gain, bias, fraction, *ends)

    by_tokens(work, len(flat))
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
