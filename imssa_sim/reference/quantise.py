"""Post-training quantisation of a network with ranges from calibration data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from imssa_sim.model.network import Network
from imssa_sim.model.ptq import check_bits, quantise_with_ranges, with_quantised_time_step
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.reference.calibration import calibrate
from imssa_sim.ssm.forms import LOOKAHEAD, OutputForm


def quantise(
    network: Network,
    bits: BitWidths,
    calibration_inputs: ArrayLike,
    form: OutputForm = LOOKAHEAD,
    options: CalibrationOptions | None = None,
    lengths: ArrayLike | None = None,
) -> QuantisedNetwork:
    """Quantise a float network after training.

    dt is quantised first, as log dt; the discrete-time weights and all ranges follow from the
    quantised value.

    Parameters
    ----------
    network : Network
    bits : BitWidths
        2 to 16 bits each.
    calibration_inputs : array (B, L, d_in)
        Sequences of the length that the network will run on.
    form : OutputForm
        How the kernels' outputs are formed (`QuantisedKernel`).
    options : CalibrationOptions or None
        None: mean-squared-error ranges of activations and states, full ranges of weights.
    lengths : int array (B,), optional
        Steps of each calibration sequence; padding behind them enters no range.

    Raises
    ------
    InputError
        Bit widths outside 2 to 16, or unusable calibration data.
    """
    options = options or CalibrationOptions()
    check_bits(network, bits)
    length = int(np.asarray(calibration_inputs).shape[1])
    network = _for_length(network, length)
    rounded = with_quantised_time_step(network, bits, options.granularity.dt)
    ranges = calibrate(rounded, calibration_inputs, bits, options, lengths)
    return quantise_with_ranges(network, bits, ranges, length, form, options)


def _for_length(network: Network, length: int) -> Network:
    """Return the network for sequences of a length, which some discretisations depend on."""
    layers = tuple(
        replace(layer, kernel=layer.kernel.for_length(length)) for layer in network.layers
    )
    return replace(network, layers=layers)
