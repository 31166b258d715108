"""What the schema marks as cost only changes no value and no count; the key holds all the rest."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig, RunConfig
from imssa_sim.config.fields import CostOnly, Section
from imssa_sim.config.functional import functional_part
from imssa_sim.config.load import leaves
from imssa_sim.config.walk import field_at, marks
from imssa_sim.files import locate
from imssa_sim.files.source import KeyPath, dotted
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.values import Values

Load = Callable[..., LoadedConfig]

#: Another legal value of each field that is marked; a copy is a card under another name.
OTHER = {
    "workload": "another",
    "description": "of another run",
    "hardware.chip.clock": "2 GHz",
    "hardware.chip.technology": "45 nm",
    "hardware.chip.supply": "0.8 V",
    "hardware.chip.scaling": "copy of scaling/stillmaker_baas_2017",
    "hardware.chip.arbitration": "round_robin",
    "hardware.chip.tile.array": "arrays/crosspoint",
    "hardware.chip.tile.wires.card": "copy of wires/cmos",
    "hardware.adc.card": "adc/zigzag_imc_28nm",
    "hardware.adc.rate": "1 GHz",
    "hardware.adc.ways": "2",
    "hardware.dac.card": "copy of dac/pwm_40nm",
    "hardware.digital.card": "copy of digital/cmos_40nm",
    "hardware.digital.vector_lanes": "16",
    "hardware.memory.card": "memory/sram_32nm_puma",
    "hardware.memory.buffer_tokens": "9",
    "hardware.bus.card": "bus/isaac_32nm",
    "hardware.bus.width": "64",
    "hardware.programming.parallel": "rows",
    "hardware.partition.rate": "0.1 Hz",
    "hardware.partition.life": "2 d",
    "hardware.power_gating": "true",
    "hardware.interleave": "2",
    "hardware.power.card": "power/header_switch",
    "hardware.power.policy": "break_even",
    "evaluate.batch": "5",
    "evaluate.threads": "2",
    "baselines": "[gpu/a100]",
}

ARRIVALS = {
    "rate": "20 kHz",
    "arrival": "poisson",
    "jitter": "1 us",
    "burst": "2",
    "times": "a list of times",
    "duration": "9 ms",
    "buffer": "8",
    "overflow": "drop_oldest",
    "deadline": "2 ms",
    "battery": "1 kJ",
}
OTHER |= {f"evaluate.input.{name}": value for name, value in ARRIVALS.items()}
_RATE = "evaluate.input.rate=16 kHz"
_PASSES = "hardware.partition={passes: 2, batch: 100}"  # all sequences meet what is written first
BESIDE = {
    **{f"evaluate.input.{name}": (_RATE,) for name in ARRIVALS if name not in ("rate", "times")},
    "hardware.partition.rate": (_PASSES,),
    "hardware.partition.life": (_PASSES, "hardware.partition.rate=0.1 Hz"),
    "hardware.power.policy": (_RATE, "hardware.power.card=power/header_switch"),
}
"""What else a value needs."""


def fields(config: LoadedConfig) -> Iterator[tuple[KeyPath, bool]]:
    """Yield the path of each value, and whether it is marked."""
    for path in leaves(config.config):
        ends = range(1, len(path) + 1)
        yield path, any(CostOnly in marks(field_at(RunConfig, path[:end])) for end in ends)


@pytest.fixture(scope="module")
def base(load: Load) -> Values:
    memory: dict[str, Any] = {}
    simulate(load(), memory=memory)
    values: Values = memory[functional_key(load().config)]
    return values


def test_every_marked_field_is_tried(load: Load) -> None:
    tried = {*OTHER, "hardware.base"}  # the latter only names where other keys got their values
    assert {dotted(path) for path, marked in fields(load()) if marked} == tried


@pytest.mark.parametrize("path", OTHER)
def test_a_marked_field_changes_no_value_and_no_count(
    load: Load, base: Values, path: str, tmp_path: Path
) -> None:
    value = OTHER[path]
    if value.startswith("copy of "):
        card = locate.find_card(value.removeprefix("copy of "))
        value = str(shutil.copy(card, tmp_path / "mine.yaml"))
    if value == "a list of times":
        (tmp_path / "times.txt").write_text("".join(f"{i / 1e4}\n" for i in range(200)), "utf-8")
        value = str(tmp_path / "times.txt")
    beside = BESIDE.get(path, ())
    changed = load(*beside, f"{path}={value}")
    memory: dict[str, Any] = {}
    simulate(changed, memory=memory)
    key = functional_key(load(*beside).config)
    values = memory[key]
    assert values.accuracy == base.accuracy
    assert values.saturation == base.saturation
    assert values.activity == base.activity
    for name, predictions in base.predictions.items():
        np.testing.assert_array_equal(values.predictions[name], predictions)
    # The plan of the changed chip agrees with what was counted on the other one.
    simulate(changed, memory={key: base})


def test_every_other_field_is_in_the_key(load: Load) -> None:
    def paths(tree: dict[str, Any], config: Any, prefix: KeyPath = ()) -> Iterator[KeyPath]:
        for name, value in tree.items():
            inner = getattr(config, name)
            if isinstance(inner, Section):
                yield from paths(value, inner, (*prefix, name))
            else:
                yield (*prefix, name)

    loaded = load()
    assert {path for path, marked in fields(loaded) if not marked} == set(
        paths(functional_part(loaded.config), loaded.config)
    )


@pytest.mark.parametrize(
    "change",
    [
        "hardware.bus.links=2",
        "hardware.digital.vector_units=2",
        "hardware.off_chip.card=off_chip/hbm2",
    ],
)
def test_what_changes_a_count_is_not_shared(load: Load, change: str) -> None:
    memory: dict[str, Any] = {}
    simulate(load(), memory=memory)
    simulate(load(change), memory=memory)
    assert len([v for v in memory.values() if isinstance(v, Values)]) == 2
