"""Every field of the schema shows in what a run gives, or is declared here not to.

A walk over the schema: a new field is tried with another value by itself, and fails until it acts,
has a case, or is declared.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest

from imssa_sim.config import LoadedConfig, RunConfig
from imssa_sim.config.fields import Quantity
from imssa_sim.config.load import leaves, load_config
from imssa_sim.config.walk import field_at, marks
from imssa_sim.files.source import dotted
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.units import format_exact

Load = Callable[..., LoadedConfig]
QUICK = (
    "evaluate.samples=3", "evaluate.chips=1", "calibration.samples=8", "model.layers=1",
    "baselines=[]",
)  # fmt: skip
RATE = ("evaluate.input.rate=16 kHz", "evaluate.input.duration=20 ms")
FLOOD = ("evaluate.input.rate=10 MHz", "evaluate.input.duration=20 us")
ASLEEP = (*RATE, "hardware.power.card=power/header_switch")
PCM = ("hardware.chip.tile.cell=cells/pcm_joshi_2020",)
STREAM = (*PCM, "evaluate.stream.duration=10 d", "evaluate.stream.points=4")
CALIBRATED = ("hardware.adc.calibrate=true", "hardware.adc.offset_spread=2")
BIT_SERIAL = (
    "hardware.dac.encoding=bit_serial", "hardware.dac.card=dac/isaac_1bit",
    "hardware.chip.tile.read_time=1 us",
)  # fmt: skip
WIRES = ("hardware.effects.ir_drop=true",)

CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "model.state": ("8", ()),
    "model.norm": ("batch", ("model.layers=2",)),
    "data.classes": ("[0, 1, 2]", ("model.classes=3", "data.classes=[3, 4, 5]")),
    "evaluate.batch": ("5", ("baselines=[gpu/a100]",)),
    "calibration.percentile": ("60", ("calibration.activations=percentile",)),
    "hardware.base": ("chips/hermes_64", ()),
    "hardware.chip.tile.columns": ("46", ()),
    "hardware.chip.tile.cell": ("cells/pcm_joshi_2020", ()),
    "hardware.chip.tile.array": ("arrays/crosspoint", ()),
    "hardware.chip.tile.read_voltage": ("100 mV", ()),
    **{
        f"hardware.chip.tile.wires.{name}": (value, WIRES)
        for name, value in {
            "word_resistance": "40 ohm", "bit_resistance": "40 ohm", "source_resistance": "1 kohm",
            "sense_resistance": "1 kohm", "drive": "right", "sense": "top",
        }.items()
    },
    "hardware.adc.card": ("adc/zigzag_imc_28nm", ()),
    "hardware.adc.percentile": ("60", ("hardware.adc.range=percentile",)),
    "hardware.adc.calibration_reads": ("512", CALIBRATED),
    "hardware.adc.each_pulse": ("true", BIT_SERIAL),
    "hardware.memory.card": ("memory/edram_32nm_isaac", ()),
    "hardware.bus.card": ("bus/isaac_32nm", ()),
    "hardware.off_chip.card": ("off_chip/hbm2", ()),
    "hardware.mapping.kernel": ("digital", ()),
    "hardware.mapping.digital_layers": ("[0]", ()),
    "hardware.effects.drift": ("false", PCM),
    "hardware.effects.drift_compensation": ("true", PCM),
    "evaluate.time_since_programming": ("9 d", PCM),
    "hardware.power.policy": ("break_even", ASLEEP),
    "evaluate.chip_samples": ("2", ()),
    "evaluate.stream.points": ("3", STREAM),
    "evaluate.stream.spacing": ("logarithmic", STREAM),
    "evaluate.stream.samples": ("divided", STREAM),
    "evaluate.stream.reprogram_every": ("3 d", STREAM),
    "evaluate.stream.recalibrate_every": ("3 d", (*STREAM, *CALIBRATED)),
    "evaluate.input.arrival": ("poisson", RATE),
    "evaluate.input.jitter": ("30 us", RATE),
    "evaluate.input.burst": ("4", RATE),
    "evaluate.input.duration": ("30 ms", RATE),
    "evaluate.input.deadline": ("1 us", RATE),
    "evaluate.input.battery": ("2 J", RATE),
    "evaluate.input.buffer": ("1", (*FLOOD, "evaluate.input.overflow=drop_oldest")),
    "evaluate.input.overflow": ("drop_oldest", (*FLOOD, "evaluate.input.buffer=1")),
    "baselines": ("[gpu/a100]", ()),
}  # fmt: skip
"""Another value that acts, and what it needs beside it."""

ELSEWHERE = {
    "tests/functional/test_every_effect.py": (
        "hardware.effects", "hardware.faults", "hardware.adc.enob", "hardware.adc.noise",
        "hardware.adc.gain_spread", "hardware.adc.offset_spread", "hardware.adc.mismatch",
        "hardware.dac.inl", "hardware.dac.dnl",
    ),
    "tests/data: of data sets that the digits are not": (
        "data.mel", "data.spikes", "data.features", "data.path", "data.fallback",
        "data.fallback_checkpoint", "data.normalise", "data.name",
    ),
    "tests/model, tests/ssm: other networks": (
        "model.inputs", "model.classes", "model.family", "model.copies", "model.checkpoint",
        "model.output",
    ),
    "tests/config: names, and where numbers come from": (
        "workload", "description", "evaluate.extrapolate", "hardware.chip.tiles",
    ),
    "tests/simulation/test_regression_runs.py": ("model.task", "model.outputs"),
    "tests/simulation/test_lengths.py": ("data.padding",),
    "tests/simulation/test_adaptive.py": ("evaluate.until", "evaluate.at_most"),
    "tests/simulation/test_partition.py, test_passes.py": ("hardware.partition",),
    "tests/quantisation, tests/reference: bits of increments, steps and ranges": (
        "bits.drive", "bits.dt", "calibration.samples", "calibration.activations",
        "hardware.mapping.error_feedback",
    ),
    "tests/circuits: what noise of a read depends on, and classes of other packages": (
        "hardware.chip.tile.read_time", "hardware.adc.behaviours", "hardware.chip.temperature",
    ),
    "tests/components, tests/ledger/test_every_card.py: each card by its numbers": (
        "hardware.chip.scaling", "hardware.chip.tile.wires.card", "hardware.dac.card",
        "hardware.digital.card", "hardware.dac.encoding",
    ),
    "tests/timing/test_arrivals.py, tests/timing/test_arbitration.py": (
        "evaluate.input.times", "hardware.chip.arbitration",
    ),
    "tests/ledger/test_power_states.py": ("hardware.power.card",),
    "how many threads compute it": ("evaluate.threads",),
}  # fmt: skip
"""Fields that need another workload: who tries them."""


def of_the_schema() -> Iterator[str]:
    declared = tuple(name for names in ELSEWHERE.values() for name in names)
    for path in leaves(load_config("sdigits").config):
        name = dotted(path)
        if name in CASES or not any(name == d or name.startswith(f"{d}.") for d in declared):
            yield name


def given(load: Load, *overrides: str) -> dict[str, Any]:
    """All that a run gives."""
    result = simulate(load(*QUICK, *overrides))
    found: dict[str, Any] = {s.name: s.value for s in collect(result) if s.name[:5] != "host."}
    if result.stream is not None:
        found["clock"] = [point.moment.clock for point in result.stream.points]
    return found | {name: codes.tolist() for name, codes in result.predictions.items()}


@pytest.fixture(scope="module")
def before(load: Load) -> Callable[[tuple[str, ...]], dict[str, Any]]:
    kept: dict[tuple[str, ...], dict[str, Any]] = {}

    def run(besides: tuple[str, ...]) -> dict[str, Any]:
        if besides not in kept:
            kept[besides] = given(load, *besides)
        return kept[besides]

    return run


def _words(annotation: Any) -> Iterator[Any]:
    if annotation is bool:
        yield from ("true", "false")
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    for argument in typing.get_args(annotation):
        yield from _words(argument)


def another(load: Load, name: str) -> str:
    """Return a value of a field that it has not by default."""
    path = next(p for p in leaves(load(*QUICK).config) if dotted(p) == name)
    now: Any = load(*QUICK).config
    for part in path:
        now = getattr(now, str(part))
    field: Any = field_at(RunConfig, path)
    for mark in marks(field):
        if isinstance(mark, Quantity):
            return format_exact((now or 1.0) * 2, mark.dimension)
    if isinstance(now, int) and not isinstance(now, bool):
        return str(now + 1)
    others = [str(w) for w in _words(field.annotation) if str(w).lower() != str(now).lower()]
    if others:
        return others[0]
    assert isinstance(now, float), f"{name}: give it a case"
    return str(2 * now or 0.1)


@pytest.mark.parametrize("name", list(of_the_schema()))
def test_a_field_acts(
    load: Load, before: Callable[[tuple[str, ...]], dict[str, Any]], name: str
) -> None:
    value, besides = CASES.get(name) or (another(load, name), ())
    assert given(load, *besides, f"{name}={value}") != before(besides)


def test_what_is_declared_exists() -> None:
    names = [dotted(path) for path in leaves(load_config("sdigits").config)]
    for declared in (*CASES, *(n for found in ELSEWHERE.values() for n in found)):
        assert any(n == declared or n.startswith(f"{declared}.") for n in names), declared
