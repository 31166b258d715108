"""Tables: an activation function over all codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.program.operation import DigitalWork, Operation
from imssa_sim.program.tokens import by_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter

    Codes = NDArray[np.int16]


@dataclass(frozen=True)
class Table(Operation):
    """``table[code + limit]`` of a function: GELU of every kernel's output, in the reference block.

    ``function`` is its name in `imssa_sim.model.elementwise.FUNCTIONS`.
    """

    outputs: int
    bits: int
    function: str = "gelu"

    def integers(self, parameters: NDArray[np.int64], *values: Any, clips: ClipCounter) -> Codes:
        """Return the entries of a table (2*limit+1,) for codes (…, outputs)."""
        from imssa_sim.kernels import digital as kernels

        codes: Codes = values[0]
        table = parameters.astype(np.int16)
        out = np.empty_like(codes)
        width = codes.shape[-1]
        flat, target = codes.reshape(-1, width), out.reshape(-1, width)
        zero = (len(table) - 1) // 2
        by_tokens(lambda part: kernels.look_up(table, flat[part], zero, target[part]), len(flat))
        return out

    def work(self) -> tuple[DigitalWork, ...]:
        """Return one look-up per word."""
        return (DigitalWork("lut", "lookup", self.outputs, self.bits),)
