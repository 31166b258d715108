"""Each kind of component has one home, and the ledger's kinds all have one."""

from __future__ import annotations

from typing import get_args

import pytest

from imssa_sim.components.action import ComponentKind
from imssa_sim.components.registry import BESIDE, COMPONENTS, component_of, phase_of, retains
from imssa_sim.errors import InternalError


def test_every_kind_of_action_has_a_component() -> None:
    assert set(COMPONENTS) == set(get_args(ComponentKind))
    assert not set(COMPONENTS) & set(BESIDE)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(InternalError, match="no component 'laser'"):
        component_of("laser")


def test_what_is_never_gated_holds_values_or_decides() -> None:
    kept = {kind for kind in (*COMPONENTS, *BESIDE) if retains(kind)}
    assert kept == {"buffer", "memory", "register", "lut", "control"}


def test_phases_of_a_step() -> None:
    phases = {kind: phase_of(kind) for kind in (*COMPONENTS, *BESIDE)}
    assert {kind for kind, phase in phases.items() if phase == "drive"} == {"dac", "word_line"}
    assert {kind for kind, phase in phases.items() if phase == "read"} == {
        "array", "bit_line", "sample_hold",
    }  # fmt: skip
    assert {kind for kind, phase in phases.items() if phase == "move"} == {
        "buffer", "bus", "memory",
    }  # fmt: skip
    assert phases["adc"] == "convert"
    assert phases["off_chip"] == "off_chip"


def test_a_read_ends_with_the_codes() -> None:
    assert {kind for kind, part in COMPONENTS.items() if part.reads} == {"dac", "array", "adc"}
