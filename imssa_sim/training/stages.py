"""The course of quantisation-aware training: bit widths that fall, and chips that join."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imssa_sim.config.load import load_config
from imssa_sim.config.schema import HardwareConfig, RunConfig
from imssa_sim.data import Dataset
from imssa_sim.errors import InputError
from imssa_sim.model.network import Network
from imssa_sim.model.ptq import nearest_turns, with_quantised_time_step
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import BitWidths, bits_from
from imssa_sim.reference.calibration import calibrate
from imssa_sim.simulation.quantisation import checked_drives, default_drives
from imssa_sim.simulation.quantisation import output_form as mapped_form
from imssa_sim.ssm.families import MIXING
from imssa_sim.ssm.forms import output_form
from imssa_sim.training.drawn_chip import ChipSource
from imssa_sim.training.noise import Noise
from imssa_sim.training.qat_network import QatModule
from imssa_sim.training.schema import QuantiseSection, TrainConfig


class Stages:
    """Bit widths by epoch, and the module that they act on.

    At the beginning of each stage the ranges are calibrated anew on the network as it is then;
    during the stage they are trained. Only epochs at the final widths, and on chips where there
    are any, compete for the checkpoint.

    Parameters
    ----------
    config : TrainConfig
        With a section ``quantise``.
    dataset : Dataset
    network : Network
        Initial values.
    stored : TrainedQuantisers or None
        Of the checkpoint that training starts from: taken over where they fit the only stage.

    Raises
    ------
    InputError
        The stages do not fit the epochs, the chip does not fit the network, or S5 or LRU has one
        channel.
    """

    def __init__(
        self,
        config: TrainConfig,
        dataset: Dataset,
        network: Network,
        stored: TrainedQuantisers | None,
    ) -> None:
        section = config.quantise
        assert section is not None
        if network.family in MIXING and network.width == 1:
            raise InputError(
                f"quantise: model.width: 1 with family {network.family} is one channel on one "
                "state, an S4D kernel; train that, or the float network"
            )
        self.section = section
        self.options = CalibrationOptions(
            activations=section.calibration.activations,
            weights=section.calibration.weights,
            percentile=section.calibration.percentile,
            granularity=Granularities(**section.calibration.granularity.model_dump()),
        )
        workload = None if section.chip is None else load_config(section.chip).config
        final = _bits(section, None if workload is None else workload.hardware)
        self.widths = [_at_least(final, least) for least in section.lowering] + [final]
        epochs = config.train.epochs
        self.starts = [i * epochs // len(self.widths) for i in range(len(self.widths))]
        if len(set(self.starts)) < len(self.starts):
            raise InputError(
                f"train.epochs is {epochs}, too few for the {len(self.widths)} stages of "
                "quantise.lowering; give more epochs or fewer widths"
            )
        if section.chip is not None and section.chip_from >= epochs:
            raise InputError(
                f"quantise.chip_from is {section.chip_from}, but there are {epochs} epochs only"
            )
        rng = np.random.default_rng(config.seed)
        count = min(section.calibration.samples, len(dataset.train))
        chosen = np.sort(rng.permutation(len(dataset.train))[:count])
        self.calibration: NDArray[np.float32] = dataset.train.inputs[chosen]
        self.chips = None if workload is None else self._chip_source(config, workload)
        fits = stored is not None and not stored.difference(
            self.widths[0], output_form(section.form), dataset.length, self.options
        )
        first = stored if fits and len(self.widths) == 1 else None
        self.calibrated = first is not None
        self.module = QatModule(
            network,
            first or self._calibrated(network, self.widths[0], dataset.length),
            noise=Noise(**section.noise.model_dump()),
            noise_A=config.train.noise_A,
        )

    @property
    def last_start(self) -> int:
        """First epoch whose result counts."""
        return max(self.starts[-1], self.section.chip_from if self.chips is not None else 0)

    @property
    def described(self) -> str:
        """The present stage, for the user."""
        bits, count = self.module.quantisers.bits, self.module.structure.layers
        parts = (bits, *(bits.of_layer(i) for i in range(count)))
        states = output_form(self.section.form).accumulates
        found = [
            width
            for part in parts
            for kind, width in part.widths().items()
            if not (states and kind == "state")
        ]
        low, high = min(found), max(found)
        text = f"{low} bits" if low == high else f"{low} to {high} bits"
        if states:
            wide = sorted({bits.of_layer(i).state for i in range(count)})
            text += f", accumulators of {' and '.join(map(str, wide))}"
        return f"{text}, on chips" if self.module.chips is not None else text

    def state_dict(self) -> dict[str, Any]:
        """Return what the present stage fixed when it began, and what is not trained in it."""
        module = self.module
        turns = [torch.from_numpy(np.asarray(q)) for q in module.quantisers.turns]
        return {"shares": dict(module.shares), "turns": turns}

    def load_state_dict(self, saved: dict[str, Any], epochs: int) -> None:
        """Go on in the stage of the last of ``epochs`` epochs, from what `state_dict` returned."""
        module = self.module
        module.shares.update(saved["shares"])
        turns = tuple(q.numpy() for q in saved["turns"])
        bits = self.widths[self._stage(epochs - 1)]
        module.quantisers = replace(module.quantisers, bits=bits, turns=turns)

    def _stage(self, epoch: int) -> int:
        return sum(start <= epoch for start in self.starts) - 1

    def enter(self, epoch: int) -> bool:
        """Prepare an epoch; return whether it begins a stage, so that earlier results are void."""
        bits = self.widths[self._stage(epoch)]
        module = self.module
        begins = epoch in self.starts
        if begins and not (epoch == 0 and self.calibrated):
            length = module.quantisers.length
            module.load_quantisers(self._calibrated(module.network(), bits, length))
        else:
            module.quantisers = replace(module.quantisers, bits=bits)
        on_chips = self.chips is not None and epoch >= self.section.chip_from
        module.chips = self.chips if on_chips else None
        return begins or (on_chips and epoch == self.section.chip_from)

    def _calibrated(self, network: Network, bits: BitWidths, length: int) -> TrainedQuantisers:
        rounded = with_quantised_time_step(network, bits, self.options.granularity.dt)
        ranges = calibrate(rounded, self.calibration, bits, self.options)
        form = output_form(self.section.form)
        turns = nearest_turns(rounded, form) if form.accumulates else ()
        return TrainedQuantisers(bits, form, length, self.options, ranges, turns)

    def _chip_source(self, config: TrainConfig, workload: RunConfig) -> ChipSource:
        form = mapped_form(workload)
        if form.name != self.section.form:
            assert self.section.chip is not None
            mapping = workload.hardware.mapping
            fed_back = " with error feedback" if mapping.error_feedback else ""
            raise InputError(
                f"{self.section.chip.name} maps kernels as {mapping.kernel}{fed_back}, which needs "
                f"quantise.form: {form}"
            )
        return ChipSource(
            workload.hardware,
            seed=config.seed,
            time=workload.evaluate.time_since_programming,
            calibration=self.calibration,
            threads=config.train.threads,
        )


def _bits(section: QuantiseSection, hardware: HardwareConfig | None) -> BitWidths:
    """Return the final bits, with those that states in accumulators drive with.

    Where not given they are what a run has with the drivers of the chip, or without one with
    drivers as wide as the inputs.

    Raises
    ------
    InputError
        Widths of drives that cannot be, or where states do not lie in accumulators.
    """
    bits = bits_from(section.bits.model_dump())
    given = section.bits.drive is not None
    if output_form(section.form).accumulates:
        driver = 0 if hardware is None else hardware.dac.bits
        return checked_drives(bits) if given else default_drives(bits, driver)
    if given:
        raise InputError(
            f"quantise.bits.drive is given, but with quantise.form: {section.form} states drive "
            "their word lines whole; leave it out, or give form: delta"
        )
    return bits


def _at_least(bits: BitWidths, least: int) -> BitWidths:
    return bits.changed(lambda width: max(width, least))
