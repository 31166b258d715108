"""What is said of a chip in real time, word by word, from made-up numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imssa_sim.report import real_time as module
from imssa_sim.report.real_time import input_lines, input_table, interleave_lines, states_table


def made(battery: float | None = None, duty: dict[str, Any] | None = None, **more: Any) -> Any:
    found = {
        "tokens": 12000, "rate": 2e6, "sustained": 3e6, "dropped": 0, "stalled": 0, "misses": 0,
        "deadline": None, "latency": np.array([1e-6] * 98 + [4e-6, 9e-6]), "trace": (),
    }  # fmt: skip
    spent = {
        "average_power": 5e-3, "leakage": 2e-6, "span": 1e-3, "per_inference": 7e-6, "sleep": None,
        "slept": 2.5e-4, "wakes": 1234, "battery_life": lambda joules: joules * 3600,
    }  # fmt: skip
    evaluate = SimpleNamespace(input=SimpleNamespace(battery=battery))
    return SimpleNamespace(
        real_time=SimpleNamespace(**(found | more)), duty=SimpleNamespace(**(spent | (duty or {}))),
        loaded=SimpleNamespace(config=SimpleNamespace(evaluate=evaluate)),
    )  # fmt: skip


def said(result: Any) -> list[str]:
    labels, texts = zip(*input_lines(result), strict=True)
    assert labels == ("input", *[""] * (len(labels) - 1))
    return list(texts)


PLAIN = [
    "12,000 time steps at 2 MHz (sustained: 3 MHz)",
    "latency 1 µs median, 4 µs 99 %, 9 µs worst",
    "5 mW on average (2 mW leakage); 7 µJ per inference, waiting included",
]


def test_plain() -> None:
    assert said(made()) == PLAIN


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ({"rate": 3e6}, 0, "12,000 time steps at 3 MHz (sustained: 3 MHz)"),
        ({"rate": 3.1e6}, 0, "at 3.1 MHz, more than the chip sustains (sustained: 3 MHz)"),
        ({"dropped": 1500, "stalled": 7}, 0, "(sustained: 3 MHz); 1,500 dropped"),
        ({"stalled": 2500}, 0, "(sustained: 3 MHz); 2,500 waited outside of the buffer"),
        ({"deadline": 5e-6}, 1, "9 µs worst; none misses the deadline of 5 µs"),
        ({"deadline": 5e-6, "misses": 1001}, 1, "worst; 1,001 miss the deadline of 5 µs"),
        ({"battery": 2.0}, 2, "waiting included; a cell of 2 J lasts 2 h"),
    ],
)
def test_what_is_said_besides(more: dict[str, Any], line: int, words: str) -> None:
    lines = said(made(**more))
    assert lines[line].endswith(words)
    assert [text for n, text in enumerate(lines) if n != line] == [
        text for n, text in enumerate(PLAIN) if n != line
    ]


def test_a_chip_that_sleeps() -> None:
    sleep = SimpleNamespace(wake_energy=3e-9, weights_power=4e-6)
    assert said(made(duty={"sleep": sleep}))[2].endswith(
        "waiting included; asleep 25.0% of the time, woken 1,234 × for 3 nJ each (assumed), an "
        "SRAM for the arrays' weights would draw 4 µW more meanwhile"
    )


def test_without_arrivals_or_results_nothing_is_said() -> None:
    none = SimpleNamespace(real_time=None, duty=None, interleaved=None)
    assert list(input_lines(none)) == list(interleave_lines(none)) == []
    lines = said(made(latency=np.array([])))
    assert lines == [PLAIN[0], PLAIN[2]]


def test_sequences_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "energies_back_to_back", lambda result: (5e-9, 2e-9))
    result: Any = SimpleNamespace(
        interleaved=SimpleNamespace(sequences=3, throughput=3000.5, latency=4e-6),
        timing=SimpleNamespace(throughput=1200.2),
    )
    assert list(interleave_lines(result)) == [
        ("interleave", "3 sequences in turn: 3,000.5 a second (2.5 ×), the last result after 4 µs; "
         "2 nJ each back to back, one alone 5 nJ"),
    ]  # fmt: skip


def test_the_histogram_holds_every_step_and_the_fill_every_change() -> None:
    latency = np.array([1.0, 1.5, 2.0, 7.0, 7.0])
    found: Any = SimpleNamespace(latency=latency, trace=((0.5, 1), (0.75, 2)))
    rows = input_table(found)
    bins = [row for row in rows if row["series"] == "latency"]
    assert len(bins) == 61
    edges = [row["x"] for row in bins]
    assert edges == pytest.approx(list(np.linspace(1.0, 7.0, 61)))
    assert [int(row["y"]) for row in bins if row["y"]] == [1, 1, 1, 2]
    assert bins[-1]["y"] == 0
    assert [(row["x"], row["y"]) for row in rows if row["series"] == "fill"] == [
        (0.0, 0), (0.5, 1), (0.75, 2),
    ]  # fmt: skip
    alike: Any = SimpleNamespace(latency=np.full(4, 6e-6), trace=())
    bins = [row for row in input_table(alike) if row["series"] == "latency"]
    assert (bins[0]["x"], bins[-1]["x"]) == pytest.approx((5.9e-6, 6.1e-6))
    assert sum(int(row["y"]) for row in bins) == 4


def test_power_states() -> None:
    states = [SimpleNamespace(component="a", kind="b", state="c", time=1.0, energy=2.0)]
    duty: Any = SimpleNamespace(states=states)
    assert states_table(duty) == [
        {"component": "a", "kind": "b", "state": "c", "time_s": 1.0, "energy_J": 2.0}
    ]
