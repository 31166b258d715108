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

from imssa_sim.model.network import Network
from imssa_sim.model.ptq import with_quantised_time_step
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.model.scales import PREFIX, TrainedQuantisers, named, ranges_of
from imssa_sim.model.tensors import network_from_tensors
from imssa_sim.ssm.interface import mixes_channels
from imssa_sim.ssm.kept import kept_modes
from imssa_sim.training.noise import Noise
from imssa_sim.training.qat_pass import QatPass
from imssa_sim.training.torch_network import NetworkModule

if TYPE_CHECKING:
    from imssa_sim.training.drawn_chip import ChipSource

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
    noise_A : float
        Of the noise on continuous A in training, before it is quantised.
    """

    def __init__(
        self,
        network: Network,
        quantisers: TrainedQuantisers,
        chips: ChipSource | None = None,
        noise: Noise | None = None,
        noise_A: float = 0.0,
    ) -> None:
        super().__init__(network, noise_A=noise_A)
        # Training holds the zeros of what was pruned.
        every = network.composition.needs_all_channels
        self.kept = tuple(
            None if mixes_channels(layer.kernel) else kept_modes(layer.kernel, every)
            for layer in network.layers
        )
        self.quantisers = quantisers
        self.chips = chips
        self.noise = noise or Noise()
        self.noisy_evaluation = False
        self.ranges = nn.ParameterDict()
        self.shares: dict[str, Tensor] = {}
        self._fixed: QuantisedNetwork | None = None
        self._evaluated = 0
        self.load_quantisers(quantisers)

    def load_quantisers(self, quantisers: TrainedQuantisers) -> None:
        """Take over bits and ranges; existing range parameters keep their identity."""
        self.quantisers = quantisers
        for name, value in named(quantisers.ranges, self.network()).items():
            key = name.removeprefix(PREFIX).replace(".", "/")
            array = np.maximum(np.asarray(value, np.float64), SMALLEST_RANGE)
            if key.endswith("kernel_input"):
                # The layer's range is trained; channels stay their powers of two below it.
                self.shares[key] = torch.from_numpy(np.asarray(array / array.max(), np.float32))
                array = array.max()
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
            PREFIX + key.replace("/", "."): (torch.exp(log) * self.shares.get(key, 1)).numpy()
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

    def disturbed(self) -> QuantisedNetwork:
        """Return the integers of the network whose A has noise: time steps first, then A."""
        self.draw_noise()
        network, trained = self.network(), self.trained()
        if all(block.kernel.offset is None for block in self.blocks):
            return trained.quantise(network)
        network = with_quantised_time_step(network, trained.bits, trained.options.granularity.dt)
        layers = tuple(
            replace(layer, kernel=block.kernel.shifted(layer.kernel))
            for layer, block in zip(network.layers, self.blocks, strict=True)
        )
        return trained.quantise(replace(network, layers=layers))

    def train(self, mode: bool = True) -> QatModule:
        """Switch between training and evaluation, where the integers are made only once."""
        self._fixed, self._evaluated = None, 0
        super().train(mode)
        return self

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return logits (batch, K) for inputs (batch, L, d_in), of one length."""
        assert lengths is None  # the trainer refuses padded sequences
        network = self._fixed
        if network is None:
            network = self.disturbed()
            if not self.training:
                self._fixed = network
        chip = None
        if self.chips is not None:
            if self.training:
                chip = self.chips.draw(network)
            else:
                chip = self.chips.draw(network, self._evaluated)
                self._evaluated += 1
        return QatPass(self, network, chip).logits(inputs)
