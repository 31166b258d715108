"""What a component does for a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ComponentKind = Literal[
    "dac",  # action drive: one word line driven for one read
    "array",  # action read: one tile read
    "adc",  # action convert: one conversion
    "shift_add",  # action add: one partial sum added
    "requantiser",  # action requantise: one value
    "lut",  # action lookup: one value
    "multiplier",  # action multiply: one product (GLU)
    "adder",  # action add: one sum (residual, pooling)
    "norm",  # action normalise: one element
    "mac",  # action mac: one digital multiply-accumulate
    "register",  # action write: one word (state feedback register)
    "accumulator",  # action accumulate: one increment added to a state
    "buffer",  # actions write, read: one word (SRAM FIFO between stages)
    "bus",  # action transfer: one word
    "off_chip",  # action transfer: one word
]


@dataclass(frozen=True)
class Action:
    """One kind of action of one component (or of equal components side by side) for one token.

    ``count`` actions in all, spread over ``instances`` equal components; the busiest of them does
    ``serial`` actions one after another, which sets the time. ``bits`` is the word width. On bus
    and buffer ``count`` is in words, while ``serial`` is in cycles of one transfer of bus width.
    """

    component: str  # dotted path, the key of ledger, logs and traces
    kind: ComponentKind
    verb: str  # what it does, e.g. "drive"
    count: int
    instances: int
    serial: int
    bits: int
    card: str | None = None  # card that prices it, where the config names one
    overlapped: int = 0  # of the serial ones, done while the actions before them run

    @property
    def waits(self) -> int:
        """Serial actions whose time comes on top of that of the actions before."""
        return self.serial - self.overlapped


def busiest(count: int, instances: int) -> int:
    """Return the actions of the busiest of some instances that share them evenly."""
    return -(-count // instances)
