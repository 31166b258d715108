"""QS4D's fake-quantised forward pass, as its authors run it (arXiv 2507.06079 and their code).

One quantiser per tensor, with the largest magnitude of the tensor at hand as its range: q levels
stand for q + 1 codes ``round(a q / (2 max))``, half to even. Re A and Im A of continuous time have
a range each, log dt and C (both parts) one, and so have the weights of encoder, mixing map and
decoder and each layer's output. "State" means the convolution kernel and the layer's input, each
with half the levels; the recurrent state itself, B, D and biases stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from imssa_sim.errors import InputError
from imssa_sim.model.elementwise import FUNCTIONS, glu, normalise
from imssa_sim.model.network import Layer, Network
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.discretise import zero_order_hold
from imssa_sim.ssm.evaluate import impulse_response
from imssa_sim.ssm.recurrence import Recurrence
from imssa_sim.ssm.s4d.kernel import S4DKernel

LEAST_RANGE = 1e-5
"""The authors' lower bound of a tensor's largest magnitude."""

Count = int | tuple[int | None, ...] | None
Capture = Callable[[str, int, float, FloatArray], None]


@dataclass(frozen=True)
class Levels:
    """Levels q of the tensors, None for none; a tuple has one for each layer.

    Attributes
    ----------
    A, C, dt, linear, state, activations : int, tuple or None
        Of the layers; ``activations`` are their outputs.
    coder : int or None
        Weights of encoder and decoder.
    A_range : float or None
        Fixed range of Re A and Im A in the place of their largest magnitudes.
    """

    A: Count = None
    C: Count = None
    dt: Count = None
    linear: Count = None
    state: Count = None
    activations: Count = None
    coder: int | None = None
    A_range: float | None = None

    @classmethod
    def all(cls, levels: int) -> Levels:
        """Return the same levels everywhere."""
        return cls(*[levels] * 7)

    def of(self, name: str, layer: int) -> int | None:
        """Return the levels of a tensor of a layer."""
        held: Count = getattr(self, name)
        return held[layer] if isinstance(held, tuple) else held


_ARGUMENTS = {
    "A_quant": "A",
    "C_quant": "C",
    "dt_quant": "dt",
    "linear_quant": "linear",
    "state_quant": "state",
    "act_quant": "activations",
    "coder_quant": "coder",
}


def levels_of(arguments: Mapping[str, Any]) -> Levels | None:
    """Return the levels of the authors' arguments (``A_quant``, …); None where all are off."""
    found: dict[str, Any] = {}
    for theirs, ours in _ARGUMENTS.items():
        value = arguments.get(theirs)
        if isinstance(value, list):
            found[ours] = tuple(None if one is None else int(one) for one in value)
        elif value is not None:
            found[ours] = int(value)
    if found and arguments.get("defmax") is not None:
        found["A_range"] = float(arguments["defmax"])
    return Levels(**found) if found else None


def quantise_levels(
    values: FloatArray, levels: int, largest: float | None = None
) -> tuple[FloatArray, float]:
    """Return the codes of values (whole numbers), and how many units one is.

    With an odd number of levels the largest magnitude is half a unit beyond the outermost positive
    code, a tie: there the last bit of a tensor decides, here as in the authors' code.

    Parameters
    ----------
    values : array
    levels : int
        q, at least 2.
    largest : float, optional
        Range; the largest magnitude by default. Values beyond it get the outermost codes.
    """
    top = float(np.abs(values).max(initial=0.0)) if largest is None else largest
    scale = levels / 2 / max(top, LEAST_RANGE)
    return np.clip(np.rint(values * scale), -levels // 2, levels // 2), scale


class _Quantiser:
    def __init__(self, capture: Capture | None) -> None:
        self.capture = capture

    def __call__(
        self, name: str, values: FloatArray, levels: int | None, largest: float | None = None
    ) -> FloatArray:
        if levels is None:
            return values
        codes, scale = quantise_levels(values, levels, largest)
        if self.capture is not None:
            self.capture(name, levels, levels / 2 / scale, codes)
        return np.asarray(codes / scale)


def fake_quantised(
    network: Network,
    inputs: ArrayLike,
    levels: Levels,
    one_by_one: bool = False,
    capture: Capture | None = None,
) -> FloatArray:
    """Return the logits (B, K) of a QS4D network with fake-quantised tensors.

    Parameters
    ----------
    network : Network
        Of the family ``qs4d``.
    inputs : array (B, L, d_in)
    levels : Levels
    one_by_one : bool
        Run each sequence by itself, so that ranges of activations are its own, not the batch's.
    capture : callable, optional
        Called as ``capture(name, levels, range, codes)`` for each tensor in the order of the
        computation: ``encoder``, ``layer0.log_dt``, ``C``, ``A_real``, ``A_imag``, ``kernel``,
        ``u``, ``linear``, ``y``, …, ``decoder``.

    Raises
    ------
    InputError
        The network is of another family, or takes other inputs.
    """
    x = np.asarray(inputs, dtype=np.float64)
    if network.family != "qs4d" or x.ndim != 3 or x.shape[2] != network.inputs or not x.shape[1]:
        raise InputError(
            "QS4D's quantised forward takes a network of family qs4d and sequences (batch, steps, "
            f"{network.inputs}); found {network.family} and {x.shape}"
        )
    quantise = _Quantiser(capture)
    if not one_by_one:
        return _forward(network, x, levels, quantise)
    return np.concatenate([_forward(network, part[None], levels, quantise) for part in x])


def _forward(network: Network, x: FloatArray, levels: Levels, quantise: _Quantiser) -> FloatArray:
    weight = quantise("encoder", network.encoder_weight, levels.coder)
    r = x @ weight.T + network.encoder_bias
    for number, layer in enumerate(network.layers):
        r = _block(network, number, layer, r, levels, quantise)
    weight = quantise("decoder", network.decoder_weight, levels.coder)
    pooled = r.mean(axis=1)
    return np.asarray(pooled @ weight.T + network.decoder_bias)


def _block(
    network: Network,
    number: int,
    layer: Layer,
    r: FloatArray,
    levels: Levels,
    quantise: _Quantiser,
) -> FloatArray:
    path = f"layer{number}"
    before = layer.norm is not None and network.norm_position == "pre"
    u: Any = normalise(layer.norm, r) if layer.norm is not None and before else r
    response = _response(cast(S4DKernel, layer.kernel), u.shape[1], number, levels, quantise)
    states = levels.of("state", number)
    half = None if states is None else states // 2
    response = quantise(f"{path}.kernel", response, half)
    u = quantise(f"{path}.u", u, half)
    y = _convolved(response, u) + u * layer.kernel.feedthrough
    weight = quantise(f"{path}.linear", layer.weight, levels.of("linear", number))
    z: Any = y @ weight.T + layer.bias
    mixing = network.composition.mixing
    z = glu(z) if mixing == "glu" else FUNCTIONS[mixing](z)
    z = quantise(f"{path}.y", z, levels.of("activations", number))
    if layer.norm is not None and not before:
        return np.asarray(normalise(layer.norm, z))
    return np.asarray(z)


def _response(
    kernel: S4DKernel, length: int, number: int, levels: Levels, quantise: _Quantiser
) -> FloatArray:
    """Return the convolution kernel (H, L) of quantised parameters."""
    path, A = f"layer{number}", levels.of("A", number)
    log_dt = quantise(f"{path}.log_dt", kernel.log_dt, levels.of("dt", number))
    pairs = np.stack([kernel.C.real, kernel.C.imag])
    C = quantise(f"{path}.C", pairs, levels.of("C", number))
    real = quantise(f"{path}.A_real", kernel.A.real, A, levels.A_range)
    imag = quantise(f"{path}.A_imag", kernel.A_imag, A, levels.A_range)
    a, b = zero_order_hold(real + 1j * imag, kernel.input_weights, np.exp(log_dt))
    c = 2 * (C[0] + 1j * C[1])
    ones = np.ones(a.shape, dtype=np.bool_)
    return impulse_response(Recurrence(a, b[..., None], c[:, None], kernel.D, ones), length)


def _convolved(response: FloatArray, u: FloatArray) -> FloatArray:
    from scipy import fft

    size = 2 * u.shape[1]
    spectra = fft.rfft(response, size, axis=1).T * fft.rfft(u, size, axis=1)
    return np.asarray(fft.irfft(spectra, size, axis=1)[:, : u.shape[1]])
