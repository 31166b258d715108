"""The network of quantisation-aware training: its forward pass is the integer golden model.

Values come from the integers that `imssa_sim.model.scales.TrainedQuantisers` makes of the float
parameters and ranges, so they are those of a run with the same checkpoint, sample by sample;
derivatives are straight-through (`imssa_sim.training.straight_through`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imssa_sim.model.network import NORM_EPSILON, Network
from imssa_sim.model.quantised import QuantisedLayer, QuantisedNetwork
from imssa_sim.model.scales import PREFIX, TrainedQuantisers, named, ranges_of
from imssa_sim.model.tensors import network_from_tensors
from imssa_sim.program.integers import Integers, graph_of
from imssa_sim.quantisation.quantisers import code_limit
from imssa_sim.quantisation.requantiser import requantiser_scale
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.ssm.kept import KeptModes, kept_modes
from imssa_sim.ssm.quantised import QuantisedKernel
from imssa_sim.training.gated import Ending, gated
from imssa_sim.training.noise import Noise, linear_noisy, recur_noisy
from imssa_sim.training.recurrence import Gains, gains_of, recur
from imssa_sim.training.straight_through import (
    codes_of,
    held_at,
    linear_codes,
    linear_read,
    rounded,
    tabulated,
)
from imssa_sim.training.torch_network import LayerModule, NetworkModule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.model.quantised import QuantisedLinear
    from imssa_sim.training.drawn_chip import ChipSource, DrawnChip

SMALLEST_RANGE = 1e-6
"""Stands for the range of a tensor that is zero on all calibration data."""


class QatModule(NetworkModule):
    """A network with trained quantisers.

    Parameters
    ----------
    network : Network
        Initial values and structure.
    quantisers : TrainedQuantisers
        Initial ranges; bits, form and options stay.
    chips : ChipSource, optional
        Draws a chip for every batch; the forward pass then runs on it, errors, faults, noise and
        all, and derivatives are taken at the weights that its cells really have.
    noise : Noise
        In training; in evaluation too where ``noisy_evaluation`` is set.
    """

    def __init__(
        self,
        network: Network,
        quantisers: TrainedQuantisers,
        chips: ChipSource | None = None,
        noise: Noise | None = None,
    ) -> None:
        super().__init__(network)
        # Training holds the zeros of what was pruned.
        self.kept = tuple(kept_modes(layer.kernel) for layer in network.layers)
        self.quantisers = quantisers
        self.chips = chips
        self.noise = noise or Noise()
        self.noisy_evaluation = False
        self.ranges = nn.ParameterDict()
        self._fixed: QuantisedNetwork | None = None
        self._evaluated = 0
        self.load_quantisers(quantisers)

    def load_quantisers(self, quantisers: TrainedQuantisers) -> None:
        """Take over bits and ranges; existing range parameters keep their identity."""
        self.quantisers = quantisers
        for name, value in named(quantisers.ranges).items():
            key = name.removeprefix(PREFIX).replace(".", "/")
            array = np.maximum(np.asarray(value, np.float64), SMALLEST_RANGE)
            logarithm = torch.from_numpy(np.asarray(np.log(array), np.float32))
            if key in self.ranges:
                self.ranges[key].data.copy_(logarithm)
            else:
                self.ranges[key] = nn.Parameter(logarithm)
        self._fixed = None

    def tensors(self) -> dict[str, Any]:
        """Return the float network's parameters as float32 arrays, by their stored names."""
        found = super().tensors()
        return {name: value for name, value in found.items() if not name.startswith("ranges.")}

    @torch.no_grad()
    def trained(self) -> TrainedQuantisers:
        """Return the quantisers as they are now."""
        values = {
            PREFIX + key.replace("/", "."): torch.exp(log).numpy()
            for key, log in self.ranges.items()
        }
        ranges = ranges_of(values, self.structure.layers)
        return replace(self.quantisers, ranges=ranges)

    def network(self) -> Network:
        """Return the float network as it is now."""
        return network_from_tensors(self.tensors(), "the network in training", self.structure)

    def quantised(self) -> QuantisedNetwork:
        """Return the integers as they are now."""
        return self.trained().quantise(self.network())

    def train(self, mode: bool = True) -> QatModule:
        """Switch between training and evaluation, where the integers are made only once."""
        self._fixed, self._evaluated = None, 0
        super().train(mode)
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, K) for inputs (batch, L, d_in)."""
        network = self._fixed
        if network is None:
            network = self.quantised()
            if not self.training:
                self._fixed = network
        chip = None
        if self.chips is not None:
            if self.training:
                chip = self.chips.draw(network)
            else:
                chip = self.chips.draw(network, self._evaluated)
                self._evaluated += 1
        return _Pass(self, network, chip).logits(inputs)


class _Pass:
    """One forward pass: the integers, and the scales as differentiable tensors."""

    def __init__(
        self, module: QatModule, network: QuantisedNetwork, chip: DrawnChip | None
    ) -> None:
        self.module, self.network, self.chip = module, network, chip
        self.graph, self.integers = graph_of(network), Integers(network)
        self.noise = Noise()
        if module.training or module.noisy_evaluation:
            self.noise = module.noise
        self.scale: dict[str, Tensor] = {}
        for key, logarithm in module.ranges.items():
            kind = key.rsplit("/", 1)[-1]
            width = _width_of(network.bits, key)
            largest = torch.exp(logarithm)
            if kind == "gate":  # as in `imssa_sim.model.ptq`
                largest = largest.clamp(max=float(np.log(2.0 ** (width + 1) - 1)))
            self.scale[key] = largest / code_limit(width)

    def _codes(self, name: str, *values: Any) -> Any:
        """Return the integers of a node of the graph."""
        return self.integers.run(self.graph[name], *values)

    def logits(self, inputs: Tensor) -> Tensor:
        module, network, scale = self.module, self.network, self.scale
        limit = code_limit(network.bits.activations)
        codes = self._codes("input", inputs.numpy())
        x = rounded(inputs / scale["input"], codes, limit)
        streams = [scale[f"layers/{i}/residual"] for i in range(len(network.layers))]
        streams.append(scale["final"])
        encoder = module.encoder
        r = self._linear(
            "chip.encoder", network.encoder, x,
            encoder.weight * (scale["input"] / streams[0]), encoder.bias / streams[0],
        )  # fmt: skip
        for i, layer in enumerate(network.layers):
            r = self._layer(i, layer, r, streams[i], streams[i + 1])
        pooled = self._codes("pool", self._codes("pool.sum", codes_of(r)))
        p = rounded(r.mean(dim=1) * (streams[-1] / scale["pooled"]), pooled, limit)
        return self._decode(p)

    def _layer(
        self, i: int, layer: QuantisedLayer, r: Tensor, entry: Tensor, leave: Tensor
    ) -> Tensor:
        module, bits, path = self.module, self.network.bits.of_layer(i), f"layer{i}"
        activations, stream = (
            code_limit(bits.activations),
            code_limit(self.network.bits.activations),
        )
        block = module.blocks[i]
        scale = {
            key.rsplit("/", 1)[-1]: value
            for key, value in self.scale.items()
            if key.startswith(f"layers/{i}/")
        }
        kept = module.kept[i]
        into = code_limit(bits.kernel_input)
        if layer.input_requant is None:
            exact = self._normalised(i, r * entry)[..., layer.kernel_channels]
            codes = self._codes(f"{path}.norm", codes_of(r))
            if f"{path}.select" in self.graph:
                codes = self._codes(f"{path}.select", codes)
            u = rounded(exact / scale["kernel_input"], codes, into)
        else:
            taken = r if len(kept.channels) == r.shape[-1] else r[..., layer.kernel_channels]
            table = self._codes(f"{path}.input", _all_codes(stream))[:, 0]
            u = tabulated(taken, lambda at: at * (entry / scale["kernel_input"]), table, into)
        y = self._kernel(f"chip.{path}.kernel", layer.kernel, block, kept, u, scale, reverse=False)
        if layer.kernel_reverse is not None:
            other = self._kernel(
                f"chip.{path}.kernel_reverse",
                layer.kernel_reverse,
                block,
                kept,
                u,
                scale,
                reverse=True,
            )
            both = self._codes(f"{path}.directions", codes_of(y), codes_of(other))
            y = rounded(y + other, both, layer.kernel.output_requant.limit)
        g = tabulated(
            y,
            lambda at: functional.gelu(at * scale["kernel_output"]) / scale["gelu"],
            layer.gelu_table,
            activations,
        )
        width = self.network.encoder.weight.shape[0]
        halves = torch.cat([scale["value"].expand(width), scale["gate"].expand(width)])
        output = block.output_linear[0]
        z = self._linear(
            f"chip.{path}.linear",
            layer.linear,
            g,
            output.get_parameter("weight")[:, layer.kernel_channels, 0]
            * (scale["gelu"] / halves)[:, None],
            output.get_parameter("bias") / halves,
        )
        gate = self._codes(f"{path}.gate", codes_of(z))
        wide = self._codes(f"{path}.sum", gate, codes_of(r))
        last = "norm" if layer.output_requant is None else "output"
        codes = self._codes(f"{path}.{last}", wide)
        gain, bias, epsilon = torch.ones(width) / leave, torch.zeros(width), None
        if layer.norm_position == "post":
            gain, bias, epsilon = self._norm(i)
            gain, bias = gain / leave, bias / leave
        ending = Ending(scale["value"], scale["gate"], entry, gain, bias, epsilon)
        return gated(z, r, ending, codes, (activations, stream))

    def _norm(self, i: int) -> tuple[Tensor, Tensor, float | None]:
        """Return gain and bias of a norm, and its epsilon where it uses its inputs' statistics."""
        norm = self.module.norms[i]
        weight, bias = norm.get_parameter("weight"), norm.get_parameter("bias")
        if isinstance(norm, nn.LayerNorm):
            return weight, bias, norm.eps
        # The chip holds the statistics fixed, so training does too.
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        gain = weight / torch.sqrt(variance + NORM_EPSILON)
        return gain, bias - mean * gain, None

    def _normalised(self, i: int, values: Tensor) -> Tensor:
        gain, bias, epsilon = self._norm(i)
        if epsilon is None:
            return values * gain + bias
        return functional.layer_norm(values, gain.shape, gain, bias, epsilon)

    def _kernel(
        self,
        path: str,
        kernel: QuantisedKernel,
        block: LayerModule,
        kept: KeptModes,
        u: Tensor,
        scale: dict[str, Tensor],
        reverse: bool,
    ) -> Tensor:
        gains = _gains(kernel, block, kept, scale, reverse)
        if self.chip is not None and path in self.chip.kernels:
            return self.chip.recur(path, u, gains)
        if self.noise != Noise():
            return recur_noisy(u, kernel, gains, self.noise, reverse)
        return recur(u, kernel, gains, reverse)

    def _linear(
        self, path: str, linear: QuantisedLinear, codes: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        gain = np.broadcast_to(requantiser_scale(linear.requant), linear.bias.shape)
        weight = held_at(weight, linear.weight * gain[:, None])
        bias = held_at(bias, linear.bias * gain)
        if self.chip is not None and path in self.chip.linears:
            read, real = self.chip.read_linear(path, codes_of(codes))
            return linear_read(codes, weight, bias, read, linear.requant.limit, real)
        if self.noise.weights:
            return linear_noisy(codes, weight, bias, linear, self.noise)
        return linear_codes(codes, weight, bias, linear)

    def _decode(self, pooled: Tensor) -> Tensor:
        decoder, module = self.network.decoder, self.module.decoder
        step = self.network.logit_scale
        scale = self.scale["pooled"]
        weight = held_at(module.weight * scale, decoder.weight * step[:, None])
        bias = held_at(module.bias, decoder.bias * step)
        logits = functional.linear(pooled, weight, bias)
        if self.chip is not None and "chip.decoder" in self.chip.linears:
            return held_at(logits, self.chip.read_logits(codes_of(pooled)))
        return held_at(logits, self._codes("decoder", codes_of(pooled)))


def _all_codes(limit: int) -> NDArray[np.int16]:
    """Return every code, as tokens of one channel."""
    return np.arange(-limit, limit + 1, dtype=np.int16)[:, None]


def _width_of(bits: BitWidths, key: str) -> int:
    """Return the width of the codes that a range, by its key, is for."""
    kind = key.rsplit("/", 1)[-1]
    if not key.startswith("layers/") or kind == "residual":
        return bits.activations
    own = bits.of_layer(int(key.split("/")[1])).widths()
    return own.get(kind.removesuffix("_reverse"), own["activations"])


def _gains(
    kernel: QuantisedKernel,
    block: LayerModule,
    kept: KeptModes,
    scale: dict[str, Tensor],
    reverse: bool,
) -> Gains:
    """Return the gains from code to code, quantised in value, differentiable in the parameters."""
    place = (torch.from_numpy(kept.channels)[:, None], torch.from_numpy(kept.modes))
    state = scale["state_reverse" if reverse else "state"][place]
    log_a, b = (part[place] for part in block.kernel.discrete())
    a = torch.exp(log_a)
    c = block.kernel.output_weights()[reverse][place]
    d = block.D[place[0][:, 0]]
    d = torch.zeros_like(d) if reverse else d
    ahead = kernel.form.ahead and not reverse
    if ahead:
        d = d + 2 * (c * b).sum(dim=1).real
        c = c * a
    into = scale["kernel_input"] / state
    out = 2 * state / scale["kernel_output"]
    exact = (
        a.real,
        a.imag,
        b.real * into,
        b.imag * into,
        c.real * out,
        -c.imag * out,
        d * (scale["kernel_input"] / scale["kernel_output"]),
    )
    values: tuple[NDArray[Any], ...] = gains_of(kernel)
    return Gains(*(held_at(e, v) for e, v in zip(exact, values, strict=True)))
