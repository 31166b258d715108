"""The last step of a sequence, in the place of a mean over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imssa_sim.program.operation import Operation

if TYPE_CHECKING:
    from imssa_sim.program.saturation import Site


@dataclass(frozen=True)
class Last(Operation):
    """The token of the last step."""

    outputs: int
    bits: int
    by_token: ClassVar[bool] = False
    pools: ClassVar[bool] = True

    def integers(self, parameters: None, *values: Any, site: Site) -> Any:
        """Return the codes (B, outputs) of the last of codes (B, L, outputs)."""
        return values[0][:, -1]
