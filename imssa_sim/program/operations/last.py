"""The last step of a sequence, in the place of a mean over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imssa_sim.program.operation import DigitalWork, Operation

if TYPE_CHECKING:
    from imssa_sim.program.saturation import ClipCounter


@dataclass(frozen=True)
class Last(Operation):
    """The token of the last step: each step's takes the place of the one before."""

    outputs: int
    bits: int
    by_token: ClassVar[bool] = False
    pools: ClassVar[bool] = True

    def integers(self, parameters: None, *values: Any, clips: ClipCounter) -> Any:
        """Return the codes (B, outputs) of the last of codes (B, L, outputs)."""
        return values[0][:, -1]

    def work(self) -> tuple[DigitalWork, ...]:
        """Return a register for each word, which every step writes."""
        return (DigitalWork("register", "write", self.outputs, self.bits),)
