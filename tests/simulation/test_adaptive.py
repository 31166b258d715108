"""Chips and sequences are added as far as the interval needs, with the numbers of a fixed run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.config import LoadedConfig
from imssa_sim.errors import InputError
from imssa_sim.report.manifest import manifest
from imssa_sim.report.screen import screen
from imssa_sim.simulation.adaptive import LARGEST_STEP, grow
from imssa_sim.simulation.crossed import CrossedShare
from imssa_sim.simulation.intervals import wilson
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
START = ("evaluate.samples=6", "evaluate.chips=2")


SERIAL = ("hardware.dac.encoding=bit_serial", "hardware.dac.card=dac/isaac_1bit")


@pytest.mark.parametrize("more", [(), ("model.pooling=none",), SERIAL])
def test_results_are_those_of_a_run_with_the_final_numbers(
    load: Load, more: tuple[str, ...]
) -> None:
    limits = ("evaluate.at_most.samples=31", "evaluate.at_most.chips=4")
    result = simulate(load("evaluate.until=±4 %", *START, *limits, *more))
    assert result.reached is not None
    found = result.reached.accuracy
    assert result.reached.looks > 2
    assert (found.chips, found.sequences) > (2, 6)
    fixed = simulate(
        load(f"evaluate.samples={found.sequences}", f"evaluate.chips={found.chips}", *more)
    )
    assert list(result.predictions) == list(fixed.predictions)
    for name, predictions in fixed.predictions.items():
        np.testing.assert_array_equal(result.predictions[name], predictions)
    values = {stat.name: stat.value for stat in collect(result)}
    same = {s.name: s.value for s in collect(fixed) if not s.name.startswith("host.")}
    assert {name: values[name] for name in same} == same
    assert result.saturation == fixed.saturation


def test_statistics_screen_and_manifest_say_what_was_reached(load: Load) -> None:
    result = simulate(load("evaluate.until=10 %", *START))
    stats = {stat.name: stat.value for stat in collect(result)}
    assert stats["accuracy.analog.until_met"] == 1
    assert stats["accuracy.analog.half"] <= stats["accuracy.analog.until"] == 0.1
    assert stats["accuracy.samples"] == result.data.samples == len(result.predictions["labels"])
    assert "95 % interval" in screen(result, None)
    assert "NOT" not in screen(result, None)
    said = manifest(result, ["run"])["until"]["same_numbers"]
    assert said == [
        "evaluate.until=null",
        f"evaluate.chips={stats['accuracy.analog.instances']}",
        f"evaluate.samples={stats['accuracy.samples']}",
    ]
    assert "until" not in manifest(simulate(load()), ["run"])


def test_a_limit_that_is_reached_is_said(load: Load) -> None:
    limits = ("evaluate.at_most.samples=12", "evaluate.at_most.chips=3")
    result = simulate(load("evaluate.until=1 %", *START, *limits))
    assert result.reached is not None
    assert "12 sequences alone" in result.reached.end
    assert result.reached.accuracy.sequences == 12
    stats = {stat.name: stat for stat in collect(result)}
    assert stats["accuracy.analog.until_met"].value == 0
    assert result.reached.end in stats["accuracy.analog.until_met"].description
    assert "NOT the ± 1.00%" in " ".join(screen(result, None).split())


def test_an_interrupt_says_how_to_have_what_was_found(load: Load) -> None:
    class Impatient(Silent):
        heard = ""
        phases = 0

        def phase(self, name: str, total: int) -> None:
            self.phases += "chips," in name
            if self.phases == 2:
                raise KeyboardInterrupt

        def note(self, message: str) -> None:
            self.heard += message

    impatient = Impatient()
    with pytest.raises(KeyboardInterrupt):
        simulate(load("evaluate.until=1 %", *START), impatient)
    assert "so far (2 chips, 6 sequences: " in impatient.heard
    assert "evaluate.chips=2 evaluate.samples=6 gives this" in impatient.heard


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("evaluate.until=60 %",), "no half width"),
        (("evaluate.until=±1 V",), "1 V"),
        (("evaluate.until=1 %", "evaluate.chips=1"), "two chips"),
        (("evaluate.until=1 %", "evaluate.chip_samples=4"), "chip_samples"),
        (("evaluate.until=1 %", "evaluate.chips=50"), "beyond at_most: 30 and all"),
        (("evaluate.until=1 %", "evaluate.at_most.samples=9"), "13 samples, beyond at_most"),
        (("evaluate.until=1 %", "evaluate.stream.duration=1 h"), "no single accuracy"),
    ],
)
def test_what_cannot_be_is_refused(load: Load, settings: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load(*settings)


SHARES = st.floats(0.02, 0.98)
PARTS = st.floats(0.0, 0.01)


@given(
    st.floats(0.02, 0.98),
    st.tuples(st.integers(2, 20), st.integers(2, 500)),
    st.tuples(st.integers(0, 20), st.integers(1, 900), st.booleans()),
    st.tuples(*[st.floats(0.0, 0.01)] * 3),
    st.floats(0.01, 0.99),
)
def test_one_number_grows_within_its_limit_and_no_faster_than_foreseen(
    share: float,
    ran: tuple[int, int],
    left: tuple[int, int, bool],
    parts: tuple[float, float, float],
    of_half: float,
) -> None:
    chips, sequences = ran
    more_left = left[:2] if left[2] else (left[1], 0)  # of one of them at least
    most_chips, most = chips + more_left[0], sequences + more_left[1]
    found = CrossedShare(wilson(share, sequences), chips, sequences, *parts, 10.0)
    more_chips, more = grow(found, of_half * found.half, most_chips, most)
    assert (more_chips > chips) != (more > sequences)
    assert chips <= more_chips <= min(most_chips, LARGEST_STEP * chips)
    assert sequences <= more <= min(most, LARGEST_STEP * sequences)


@given(
    st.tuples(st.integers(2, 20), st.integers(2, 500)),
    st.tuples(*[st.floats(1e-5, 1e-2)] * 3),
    st.floats(0.7, 0.99),
    st.booleans(),
)
def test_what_grows_is_as_many_as_the_parts_of_the_variance_ask(
    ran: tuple[int, int], parts: tuple[float, float, float], of_half: float, by_chips: bool
) -> None:
    """What both bring together falls with either number, what the other brings with neither."""
    chips, sequences = ran
    of_chips, of_sequences, of_both = parts
    found = CrossedShare(wilson(0.5, 1e6), chips, sequences, *parts, 10.0)
    most = (10**6, sequences) if by_chips else (chips, 10**6)
    grown = grow(found, of_half * found.half, *most)
    number, before = (grown[0], chips) if by_chips else (grown[1], sequences)
    stays, shrinks = (
        (of_sequences, of_chips + of_both) if by_chips else (of_chips, of_sequences + of_both)
    )
    goal = sum(parts) * of_half**2

    def foreseen(n: int) -> float:
        return stays + shrinks * before / n

    assert number == LARGEST_STEP * before or foreseen(number) <= goal * (1 + 1e-9)
    assert number == before + 1 or foreseen(number - 1) > goal * (1 - 1e-9)
