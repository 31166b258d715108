"""The entry of real inputs: quantised to codes before they reach the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.errors import InputError
from imssa_sim.program.operation import Operation
from imssa_sim.quantisation.quantisers import code_limit, quantise_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter

    Codes = NDArray[np.int16]


@dataclass(frozen=True)
class Enter(Operation):
    """``code = clip(round_half_up(x / scale))``; it takes nothing on the chip."""

    outputs: int
    bits: int

    def integers(self, parameters: float, *values: Any, clips: ClipCounter) -> Codes:
        """Return the codes of real inputs (…, outputs); the parameter is their scale.

        Raises
        ------
        InputError
            The inputs hold values that are not finite.
        """
        (inputs,) = values
        if not np.all(np.isfinite(inputs)):
            raise InputError("the inputs hold values that are not finite")
        codes = quantise_codes(inputs, parameters, self.bits).astype(np.int16)
        beyond = np.abs(np.asarray(inputs)) >= (code_limit(self.bits) + 0.5) * parameters
        clips.count(int(np.count_nonzero(beyond)), codes.size)
        return codes
