"""Every line of an explanation, from tables whose numbers differ everywhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from imssa_sim.errors import InputError
from imssa_sim.report.explain import FORMULAS, explain_statistic

LEDGER = (
    # component, kind, action, account, layer, count, energy, measured, fitted, derived, assumed
    ("chip.a.adc", "adc", "convert", "dynamic", "layer0", 100, 6e-9, 1e-9, 0.0, 0.0, 5e-9),
    ("chip.b.adc", "adc", "convert", "dynamic", "layer1", 50, 3e-9, 1e-9, 0.0, 2e-9, 0.0),
    ("chip.c.adc", "adc", "convert", "dynamic", "layer1", 1, 5e-11, 0.0, 5e-11, 0.0, 0.0),
    ("chip.a.array", "array", "read", "dynamic", "layer0", 10, 2e-9, 0.0, 0.0, 2e-9, 0.0),
    ("chip.a.adc", "adc", "leak", "leakage", "layer0", 0, 1e-9, 0.0, 1e-9, 0.0, 0.0),
    ("chip.dram", "off_chip", "transfer", "off_chip", "shared", 4, 4e-9, 4e-9, 0.0, 0.0, 0.0),
    ("chip.a.array", "array", "program", "programming", "layer0", 7, 7e-6, 7e-6, 0.0, 0.0, 0.0),
    ("chip.a.array", "array", "calibrate", "programming", "layer0", 2, 8e-9, 8e-9, 0.0, 0.0, 0.0),
)
COLUMNS = ("component", "kind", "action", "account", "layer", "count", "energy", "measured",
           "fitted", "derived", "assumed")  # fmt: skip
TABLES: dict[str, list[dict[str, Any]]] = {
    "ledger": [dict(zip(COLUMNS, row, strict=True)) for row in LEDGER],
    "sources": [
        {"account": "dynamic", "kind": "adc", "action": "convert", "card": "adc/x",
         "entry": "energy", "value": "2 pJ", "status": "assumed", "source": "k1 k2",
         "locator": "Table 3"},
        {"account": "dynamic", "kind": "adc", "action": "convert", "card": "adc/x",
         "entry": "share", "value": "0.5 1", "status": "fitted", "source": "", "locator": ""},
        {"account": "area", "kind": "adc", "action": "area", "card": "adc/x", "entry": "area",
         "value": "3 um^2", "status": "measured", "source": "k3", "locator": ""},
    ],
    "area": [
        {"component": "chip.a.adc", "kind": "adc", "instances": 2, "area": 3e-10},
        {"component": "chip.b.lut", "kind": "lut", "instances": 1, "area": 1e-10},
    ],
    "latency": [
        {"stage": "s0", "kind": "dac", "action": "drive", "service_s": 2e-9, "waiting_s": 0.0},
        {"stage": "s0", "kind": "dac", "action": "drive", "service_s": 3e-9, "waiting_s": 0.0},
        {"stage": "s0", "kind": "adc", "action": "convert", "service_s": 7e-9, "waiting_s": 1e-9},
        {"stage": "s1", "kind": "lut", "action": "look", "service_s": 1e-9, "waiting_s": 0.0},
    ],
    "predictions": [
        {"labels": 1, "float": 1, "digital": 0, "chip0": 1, "chip1": -1},
        {"labels": 2, "float": 2, "digital": 2, "chip0": 0, "chip1": 2},
        {"labels": 3, "float": 0, "digital": 3, "chip0": 3, "chip1": -1},
    ],
}  # fmt: skip
VALUES: dict[str, tuple[Any, str]] = {
    "energy.inference": (1.605e-8, "J"), "energy.account.dynamic": (1.105e-8, "J"),
    "energy.layer1.adc": (3.05e-9, "J"), "energy.status.assumed": (5e-9, "J"),
    "energy.array.real_inputs": (2e-9, "J"), "programming.energy": (7e-6, "J"),
    "calibration.energy": (8e-9, "J"), "energy.account.programming": (7e-6, "J"),
    "area": (4e-10, "m2"), "area.adc": (3e-10, "m2"), "time.interval": (9e-9, "s"),
    "time.end_to_end": (1e-6, "s"), "time.bottleneck": ("chip.a.adc", ""),
    "time.sequence_interval": (2e-6, "s"), "time.throughput": (5e5, "1/s"),
    "accuracy.float": (0.667, "1"), "accuracy.digital": (0.5, "1"),
    "accuracy.analog.mean": (0.7, "1"), "accuracy.analog.chip1": (1.0, "1"),
    "power.average": (0.016, "W"), "ops.useful": (12345, ""),
    "tops_per_watt.useful": (0.77, "TOPS/W"),
    "energy.assumed_share": (0.3115, "1"), "adc.enob": (None, ""),
}  # fmt: skip


def explained(name: str) -> list[str]:
    stats = [
        SimpleNamespace(name=n, value=v, unit=u, description=f"about {n}")
        for n, (v, u) in VALUES.items()
    ]
    record: Any = SimpleNamespace(
        stats=stats, table=TABLES.__getitem__,
        values={n: v for n, (v, _) in VALUES.items()},
        manifest={"data": {"message": "some data"}, "seed": 3, "imssa_sim": "9.9"},
    )  # fmt: skip
    return explain_statistic(record, name).splitlines()


END = ["  some data", "  seed 3, imssa_sim 9.9"]
ENTRIES = [
    "      < adc/x energy = 2 pJ (assumed: k1 k2, Table 3)", "      < adc/x share = 0.5 (fitted)",
]  # fmt: skip


def test_an_inference() -> None:
    assert explained("energy.inference") == [
        "energy.inference = 16.05 nJ  # about energy.inference",
        "  dynamic 11.05 nJ (68.8%)",
        "    adc convert 9.05 nJ (56.4%): 151 × 59.93 pJ",
        "      chip.a.adc 6 nJ (100)", "      chip.b.adc 3 nJ (50)",
        "      and 1 components below 1%", *ENTRIES,
        "    array read 2 nJ (12.5%): 10 × 200 pJ",
        "      chip.a.array 2 nJ (10)", "      < the codes and conductances that were executed",
        "  off_chip 4 nJ (24.9%)",
        "    off_chip transfer 4 nJ (24.9%): 4 × 1 nJ",
        "      chip.dram 4 nJ (4)", "      < no number of a card",
        "  leakage 1 nJ (6.2%)",
        "    adc 1 nJ (6.2%)",
        "      chip.a.adc 1 nJ", "      < no number of a card",
        *END,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "bookings"),
    [
        ("energy.account.dynamic", ["adc convert 9.05 nJ", "array read 2 nJ"]),
        ("energy.layer1.adc", ["adc convert 3.05 nJ"]),
        ("energy.status.assumed", ["adc convert 5 nJ"]),
        ("energy.array.real_inputs", ["array read 2 nJ"]),
        ("programming.energy", ["array program 7 µJ"]),
        ("calibration.energy", ["array calibrate 8 nJ"]),
        ("energy.account.programming", ["array program 7 µJ", "array calibrate 8 nJ"]),
    ],
)
def test_parts_of_the_energy(name: str, bookings: list[str]) -> None:
    lines = [line.strip() for line in explained(name) if line.startswith("    ") and line[4] != " "]
    assert [line.split(" (")[0] for line in lines] == bookings


def test_areas() -> None:
    assert explained("area") == [
        "area = 400 µm²  # about area", "  area 400 µm² (100.0%)",
        "    adc 300 µm² (75.0%): 2 × 150 µm²", "      chip.a.adc 300 µm² (2)",
        "      < adc/x area = 3 um^2 (measured: k3)",
        "    lut 100 µm² (25.0%): 1 × 100 µm²", "      chip.b.lut 100 µm² (1)",
        "      < no number of a card", *END,
    ]  # fmt: skip
    assert explained("area.adc")[1:3] == [
        "  area 300 µm² (100.0%)", "    adc 300 µm² (100.0%): 2 × 150 µm²",
    ]  # fmt: skip


def test_times() -> None:
    assert explained("time.interval") == [
        "time.interval = 9 ns  # about time.interval", "  bottleneck: chip.a.adc",
        "  the first time step, stage by stage:",
        "    s0 12 ns: dac drive 5 ns, adc convert 7 ns, waiting 1 ns",
        "    s1 1 ns: lut look 1 ns",
        *END,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        ("accuracy.float", ["float: 2 of 3"]), ("accuracy.digital", ["digital: 2 of 3"]),
        ("accuracy.analog.mean", ["chip0: 2 of 3", "chip1: 1 of 1"]),
        ("accuracy.analog.chip1", ["chip1: 1 of 1"]),
    ],
)  # fmt: skip
def test_accuracies_count_what_was_right(name: str, counted: list[str]) -> None:
    assert explained(name)[1:-2] == [f"  {text} right (predictions.csv)" for text in counted]


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("power.average", ["energy.inference = 16.05 nJ", "time.end_to_end = 1 µs"]),
        ("tops_per_watt.useful", ["ops.useful = 12,345", "energy.inference = 16.05 nJ"]),
        ("time.throughput", ["time.sequence_interval = 2 µs"]),
        ("energy.assumed_share", ["energy.status.assumed = 5 nJ", "energy.inference = 16.05 nJ"]),
    ],
)
def test_formulas_name_their_operands(name: str, operands: list[str]) -> None:
    lines = explained(name)
    assert lines[1:] == [f"  = {FORMULAS[name]}", *(f"    {text}" for text in operands)]


def test_formulas_give_their_statistics() -> None:
    from imssa_sim.config import load_config
    from imssa_sim.simulation.run import simulate
    from imssa_sim.simulation.stats import collect

    result = simulate(load_config("sdigits"), accuracy=False)
    stats = {stat.name: stat.value for stat in collect(result)}
    scale = {"tops_per_watt": 1e12, "tops_per_mm2": 1e18}
    for name, formula in FORMULAS.items():
        text = formula
        for word in sorted(stats, key=len, reverse=True):
            text = text.replace(word, repr(stats[word])) if word in formula.split() else text
        value = eval(text)
        assert stats[name] == pytest.approx(value / scale.get(name.split(".")[0], 1.0)), name


def test_others() -> None:
    assert explained("adc.enob") == ["adc.enob = none  # about adc.enob", *END]
    assert explained("tops_per_watt.useful")[0] == (
        "tops_per_watt.useful = 0.77 TOPS/W  # about tops_per_watt.useful"
    )
    assert explained("energy.assumed_share")[0].startswith("energy.assumed_share = 0.3115  #")
    assert explained("time.bottleneck")[0].startswith("time.bottleneck = chip.a.adc  #")
    with pytest.raises(InputError, match=r"energy\.inference"):
        explained("energy.inferense")
