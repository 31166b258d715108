"""What is changed, one thing at a time: effects, age, mapping, array, converters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from imssa_sim.config.schema.effects import CHOICES
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imssa_sim.config.schema import RunConfig

Part = Literal["effect off", "effect alone", "age", "mapping", "array", "converters", "together"]
"""Group of the table. Effects and ages tell a cause; the others can be built."""

AGES = (60.0, 3600.0, 86400.0, 30 * 86400.0)
"""Times since programming that are tried [s]: a minute, an hour, a day, 30 days."""
STEP = 2
"""Bits by which converters are tried finer and coarser."""
SCHEMES = ("one_sided", "differential", "offset")
_EFFECTS, _TILE, _MAPPING = "hardware.effects", "hardware.chip.tile", "hardware.mapping"


@dataclass(frozen=True, eq=False)
class Variation:
    """A change of a workload: its place in the table, its words, the values that it sets.

    ``digital``: it takes a part of the network out of the arrays; ``coarser``: it has fewer bits.
    """

    part: Part
    words: str
    set: Mapping[str, Any]
    digital: bool = False
    coarser: bool = False

    @property
    def built(self) -> bool:
        """Whether a chip can be built so."""
        return self.part not in ("effect off", "effect alone", "age")


def effects_on(config: RunConfig) -> tuple[str, ...]:
    """Return the departures from the ideal array that a configuration has on."""
    if config.hardware.ideal:
        return ()
    return tuple(name for name, on in config.hardware.effects if on and name not in CHOICES)


def variations(config: RunConfig) -> list[Variation]:
    """Return all single changes of a configuration, the most telling first."""
    on = effects_on(config)
    return [
        *(Variation("effect off", _said(name), {f"{_EFFECTS}.{name}": False}) for name in on),
        *_mappings(config),
        *_arrays(config),
        *_converters(config),
        *_alone(on),
        *_ages(config),
    ]


def _said(name: str) -> str:
    return {"ir_drop": "wires (IR drop)"}.get(name, name.replace("_", " "))


def _alone(on: tuple[str, ...]) -> Iterator[Variation]:
    """Yield each effect without all others, and none of them."""
    without = {f"{_EFFECTS}.{name}": False for name in on}
    if on:
        yield Variation("effect alone", NONE, without)
    for name in on if len(on) > 1 else ():
        yield Variation("effect alone", _said(name), without | {f"{_EFFECTS}.{name}": True})


NONE = "none of them"
"""Words of the run without any effect."""


def _ages(config: RunConfig) -> Iterator[Variation]:
    path, now = "evaluate.time_since_programming", config.evaluate.time_since_programming
    for age in AGES:
        if age != now:
            yield Variation("age", _age(age), {path: f"{age:g} s"})


def _age(seconds: float) -> str:
    for length, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= length:
            return f"after {seconds / length:g} {unit}"
    return f"after {format_si(seconds, 's')}"


def _mappings(config: RunConfig) -> Iterator[Variation]:
    now = config.hardware.mapping
    for name in KERNEL_MAPPINGS:
        if name == now.kernel:
            continue
        mapping = KERNEL_MAPPINGS[name]
        fed_back = now.error_feedback and not mapping.form.accumulates
        more = {f"{_MAPPING}.error_feedback": False} if fed_back else {}
        yield Variation(
            "mapping", f"kernel: {name}", {f"{_MAPPING}.kernel": name, **more}, not mapping.reads
        )
    for layer in ("linear", "encoder", "decoder"):
        other = "digital" if getattr(now, layer) == "analog" else "analog"
        yield Variation(
            "mapping", f"{layer}: {other}", {f"{_MAPPING}.{layer}": other}, other == "digital"
        )
    yield from _layers(config)


def _layers(config: RunConfig) -> Iterator[Variation]:
    """Yield each layer on the vector unit alone, or back on tiles."""
    now, path = config.hardware.mapping.digital_layers, f"{_MAPPING}.digital_layers"
    for layer in range(config.model.layers if config.model.layers > 1 else 0):
        if layer in now:
            rest = [i for i in now if i != layer]
            yield Variation("mapping", f"layer {layer}: analog", {path: rest})
        else:
            yield Variation(
                "mapping", f"layer {layer}: digital", {path: sorted((*now, layer))}, True
            )


def _arrays(config: RunConfig) -> Iterator[Variation]:
    tile, effects = config.hardware.chip.tile, config.hardware.effects
    calibrate = not config.hardware.adc.calibrate
    for path, words, value in (
        ("hardware.adc.calibrate", "column calibration", calibrate),
        (f"{_EFFECTS}.drift_compensation", "drift compensation", not effects.drift_compensation),
        (f"{_EFFECTS}.write_verify", "write-verify", not effects.write_verify),
    ):
        yield Variation("array", words if value else f"no {words}", {path: value})
    for scheme in SCHEMES:
        if scheme != tile.weights:
            columns = tile.columns + (scheme != "offset" and tile.columns % 2)
            more = {f"{_TILE}.columns": columns} if columns != tile.columns else {}
            words = f"weights: {scheme}"
            yield Variation("array", words, {f"{_TILE}.weights": scheme, **more})
    for name in ("none", "pairs", "cells"):
        if name != tile.unformed:
            yield Variation("array", f"unformed: {name}", {f"{_TILE}.unformed": name})
    yield from _spares(config)


def _spares(config: RunConfig) -> Iterator[Variation]:
    """Yield no spare columns, and more: the tile grows by as many, so that as many hold weights."""
    tile = config.hardware.chip.tile
    lines = (1 if tile.weights == "offset" else 2) * tile.slices
    usable = tile.columns // lines - tile.spare_columns
    more = max(1, usable // 4)
    for number in dict.fromkeys((0, tile.spare_columns + more)):
        if number != tile.spare_columns:
            columns = tile.columns + (number - tile.spare_columns) * lines
            settings = {f"{_TILE}.spare_columns": number, f"{_TILE}.columns": columns}
            yield Variation("array", f"{number} spare columns", settings)


def _converters(config: RunConfig) -> Iterator[Variation]:
    hardware = config.hardware
    now = (("ADC", "hardware.adc.bits", hardware.adc.bits),
           ("DAC", "hardware.dac.bits", hardware.dac.bits))  # fmt: skip
    for step in (STEP, -STEP):
        for words, path, bits in now:
            if 2 <= bits + step <= 16:
                said = f"{words} of {bits + step} bits"
                yield Variation("converters", said, {path: bits + step}, coarser=step < 0)


def together(chosen: tuple[Variation, ...]) -> Variation | None:
    """Return several changes as one; None if two of them set one path."""
    paths = list(chain.from_iterable(variation.set for variation in chosen))
    if len(set(paths)) < len(paths):
        return None
    values = {path: value for variation in chosen for path, value in variation.set.items()}
    words = " + ".join(variation.words for variation in chosen)
    return Variation("together", words, values, any(v.digital for v in chosen))
