"""From a float network to the integers and the Program that a run executes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.errors import InputError
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.kept import Kept
from imssa_sim.mapping.build import build_program
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.placements import Placements
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import LayeredBits, bits_from
from imssa_sim.reference.quantise import quantise

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from imssa_sim.config.schema import RunConfig
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.mapping.program import Program
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.quantisation.widths import BitWidths
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.ssm.forms import OutputForm

_NETWORKS: Kept[tuple[Placements, tuple[str, ...]]] = Kept(16)


@dataclass(frozen=True)
class Placed:
    """A quantised network on its chip; from the column sums (by path) ADC ranges follow."""

    placements: Placements
    program: Program
    column_sums: Mapping[str, ColumnSums]

    @property
    def network(self) -> QuantisedNetwork:
        """The quantised network."""
        return self.placements.network


def output_form(config: RunConfig) -> OutputForm:
    """Return how the configured mapping forms the kernels' states and outputs.

    Raises
    ------
    InputError
        Error feedback where states do not lie in accumulators.
    """
    section = config.hardware.mapping
    form = KERNEL_MAPPINGS[section.kernel].form
    if not section.error_feedback:
        return form
    if not form.accumulates:
        raise InputError(
            f"hardware.mapping.error_feedback: true, but with kernel: {section.kernel} states "
            f"drive their word lines whole; leave it out, or give kernel: {_accumulating()}"
        )
    return form.fed_back()


def _accumulating() -> str:
    """Return the names of the mappings whose states lie in accumulators."""
    return " or ".join(n for n in KERNEL_MAPPINGS if KERNEL_MAPPINGS[n].form.accumulates)


def network_bits(config: RunConfig) -> BitWidths:
    """Return the bits of a run, with those that states in accumulators drive with.

    As wide as the drivers are, or as the inputs beside them: codes on word lines share one unit,
    so that narrower ones would leave a part of the voltage or pulse unused.

    Raises
    ------
    InputError
        Widths of drives that cannot be, or where states do not lie in accumulators.
    """
    bits, form = bits_from(config.bits.model_dump()), output_form(config)
    given = config.bits.drive is not None
    if not form.accumulates:
        if given:
            raise InputError(
                "bits.drive is given, but with hardware.mapping.kernel: "
                f"{config.hardware.mapping.kernel} states drive their word lines whole; leave it "
                f"out, or give kernel: {_accumulating()}"
            )
        return bits
    return checked_drives(bits) if given else default_drives(bits, config.hardware.dac.bits)


def default_drives(bits: BitWidths, driver: int) -> BitWidths:
    """Return bits with drives as wide as drivers of ``driver`` bits, or as the inputs beside."""
    return bits.with_drive(lambda own: min(own.state, max(driver, own.kernel_input)))


def checked_drives(bits: BitWidths) -> BitWidths:
    """Return bits whose drives stand between inputs and states.

    Raises
    ------
    InputError
        They do not.
    """
    for own in bits.layers if isinstance(bits, LayeredBits) else (bits,):
        if not min(own.kernel_input, own.state) <= own.driving <= own.state:
            raise InputError(
                f"bits.drive is {own.driving}; give at least bits.kernel_input "
                f"({own.kernel_input}), with which drives share the range of the word lines, and "
                f"at most bits.state ({own.state})"
            )
    return bits


def quantise_network(
    config: RunConfig, inputs: Inputs, note: Callable[[str], None] = lambda text: None
) -> QuantisedNetwork:
    """Quantise the network of a run as its ``bits`` and ``calibration`` sections say.

    Trained quantisers are used where they were trained for just these bits, form and length;
    otherwise ranges come from calibration data, and ``note`` is told why.
    """
    options = CalibrationOptions(
        activations=config.calibration.activations,
        weights=config.calibration.weights,
        percentile=config.calibration.percentile,
        granularity=Granularities(**config.calibration.granularity.model_dump()),
    )
    bits, form, trained = network_bits(config), output_form(config), inputs.quantisers
    if trained is not None:
        difference = trained.difference(bits, form, inputs.inputs.shape[1], options)
        if not difference:
            return trained.quantise(inputs.network)
        note(f"the quantisers of {inputs.used.checkpoint} were trained for other settings "
             f"({difference}): ranges are calibrated anew")  # fmt: skip
    return quantise(
        inputs.network, bits, inputs.calibration, form, options, inputs.calibration_lengths
    )


def place(config: RunConfig, inputs: Inputs, note: Callable[[str], None]) -> Placed:
    """Quantise the network of a run and put it on the chip; ``note`` as for `quantise_network`."""
    placements = _quantised(config, inputs, note)
    network, length = placements.network, inputs.inputs.shape[1]
    program = build_program(network, config.hardware, length, placements)
    sums = calibrate_adc(
        program, config.hardware, inputs.calibration, lengths=inputs.calibration_lengths
    )
    return Placed(placements, program, sums)


def settings_of_network(config: RunConfig) -> tuple[Hashable, ...]:
    """Return all that a quantised network depends on beside weights and sequences."""
    return network_bits(config), output_form(config), config.calibration


def _quantised(config: RunConfig, inputs: Inputs, note: Callable[[str], None]) -> Placements:
    said: list[str] = []

    def made() -> tuple[Placements, tuple[str, ...]]:
        network = quantise_network(config, inputs, said.append)
        return Placements(network), tuple(said)

    given = inputs.calibrated
    if given is None:
        placements, said_then = made()
    else:
        key = (*given, inputs.used.checkpoint, *settings_of_network(config))
        placements, said_then = _NETWORKS.of(key, made)
    for text in said_then:
        note(text)
    return placements
