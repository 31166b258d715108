"""All components by the kind of their actions, and what the ledger asks of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from imssa_sim.components.adc import Adc
from imssa_sim.components.array import Array
from imssa_sim.components.buffer import Buffer
from imssa_sim.components.bus import Bus
from imssa_sim.components.component import Component, Phase
from imssa_sim.components.dac import Dac
from imssa_sim.components.off_chip import OffChip
from imssa_sim.components.units import (
    AccumulatorUnit,
    Adder,
    DigitalUnit,
    Lut,
    Mac,
    Multiplier,
    Normaliser,
    Register,
    RequantiserUnit,
    ShiftAdd,
)
from imssa_sim.errors import InternalError

COMPONENTS: Mapping[str, Component] = MappingProxyType(
    {
        component.kind: component
        for component in (
            Dac(), Array(), Adc(), ShiftAdd(), RequantiserUnit(), Lut(), Multiplier(), Adder(),
            Normaliser(), Mac(), Register(), AccumulatorUnit(), Buffer(), Bus(), OffChip(),
        )
    }
)  # fmt: skip

# What is priced beside the actions of another component: phase of a step, and never gated.
BESIDE: Mapping[str, tuple[Phase, bool]] = MappingProxyType(
    {
        "word_line": ("drive", False),
        "bit_line": ("read", False),
        "sample_hold": ("read", False),
        "driver": ("compute", False),
        "control": ("compute", True),
        "memory": ("move", True),
    }
)


def component_of(kind: str) -> Component:
    """Return the component whose actions have a kind; `InternalError` for an unknown one."""
    if kind not in COMPONENTS:
        raise InternalError(f"there is no component '{kind}' (one of {', '.join(COMPONENTS)})")
    return COMPONENTS[kind]


def phase_of(kind: str) -> Phase:
    """Return the phase of a step that a kind of the ledger's rows belongs to."""
    return BESIDE[kind][0] if kind in BESIDE else component_of(kind).phase


def retains(kind: str) -> bool:
    """Tell whether a kind is never gated: it holds values, or decides what is gated."""
    return BESIDE[kind][1] if kind in BESIDE else component_of(kind).retains


def scales(kind: str) -> bool:
    """Tell whether a kind is of the digital card, at the chip's node and supply."""
    return isinstance(COMPONENTS.get(kind), DigitalUnit)
