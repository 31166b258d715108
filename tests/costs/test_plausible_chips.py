"""A slip of a thousand in the operating point of a published chip is seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from imssa_sim.cards import load_card
from imssa_sim.config import load_base, load_config
from imssa_sim.costs.plausible_chips import implausible_chip
from imssa_sim.errors import ImssaError
from imssa_sim.files import locate
from imssa_sim.units import parse_any


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else key)
    else:
        yield path, value


QUANTITIES = [
    (name, path, value)
    for name in locate.base_names()
    for path, value in leaves(load_base(name).section)
    if isinstance(value, str) and value[0].isdigit()
]


COUNTS = [
    (name, path, value)
    for name in locate.base_names()
    for path, value in leaves(load_base(name).section)
    if isinstance(value, int) and not isinstance(value, bool)
]
BUILT = {
    "chips/hermes_64": ("cores",),
    "chips/neurram": ("cores",),
    "chips/isaac_ce": ("tiles", "imas_per_tile", "arrays_per_ima"),
    "chips/puma": ("tiles", "cores_per_tile", "mvmus_per_core"),
    "chips/imssa": 3,
    "chips/jia_2020": 1,
    "chips/cim_ssm": 4,
}
"""Tiles of a chip: the product of numbers of its card (PUMA's units have eight), or the number."""


@pytest.mark.parametrize("name", locate.base_names())
def test_tiles_that_were_built_are_those_of_the_card(name: str) -> None:
    built = BUILT[name]
    if not isinstance(built, int):
        card = load_card(name)
        built = math.prod(int(card[part].si) for part in built) * (8 if name == "chips/puma" else 1)
    assert load_base(name).tiles == built


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize(("name", "path", "value"), COUNTS)
def test_a_slip_of_a_thousand_in_a_count_is_seen(
    name: str, path: str, value: int, factor: float
) -> None:
    slipped = f"hardware.{path}={value * factor:g}"
    try:
        hardware = load_config("sdigits", [f"hardware.base={name}", slipped]).config.hardware
    except ImssaError:
        return  # refused at once
    assert implausible_chip(hardware), slipped


@pytest.mark.parametrize("name", locate.base_names())
def test_a_chip_as_it_is_is_plausible(name: str) -> None:
    hardware = load_config("sdigits", [f"hardware.base={name}"]).config.hardware
    assert implausible_chip(hardware) == []


def test_every_quantity_of_a_chip_is_looked_at() -> None:
    assert len(QUANTITIES) > 35
    assert {path for _, path, _ in QUANTITIES} == {
        "chip.clock", "chip.technology", "chip.supply", "chip.tile.read_voltage",
        "chip.tile.read_time", "adc.rate", "dac.lsb_time",
    }  # fmt: skip


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize(("name", "path", "value"), QUANTITIES)
def test_a_slip_of_a_thousand_is_seen(name: str, path: str, value: str, factor: float) -> None:
    number, unit = value.split()
    slipped = f"hardware.{path}={float(number) * factor:g} {unit}"
    assert parse_any(slipped.split("=")[1])[0] == pytest.approx(parse_any(value)[0] * factor)
    try:
        hardware = load_config("sdigits", [f"hardware.base={name}", slipped]).config.hardware
    except ImssaError:
        return  # refused at once
    assert implausible_chip(hardware), slipped
