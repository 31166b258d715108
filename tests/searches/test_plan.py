"""Search files: what they hold, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.errors import InputError
from imssa_sim.searches.plan import read_search

Write = Callable[..., Path]


def test_a_file_becomes_a_plan(search_file: Write) -> None:
    plan = read_search(search_file())
    assert plan.size == 15
    assert plan.race == ((4, 1),)
    assert plan.needs_accuracy
    settings = plan.settings({"hardware.adc.bits": 2, "hardware.adc.per_tile": 0})
    assert settings == {"hardware.adc.bits": 6, "hardware.adc.per_tile": 1}
    assert set(plan.units) == set(plan.stats)


def test_more_trials_are_the_same_search(search_file: Write) -> None:
    file = search_file()
    assert read_search(file, 99).fingerprint == read_search(file).fingerprint
    assert read_search(search_file(seed="1")).fingerprint != read_search(file, 99).fingerprint or (
        read_search(file).seed == 1
    )


def test_a_password_is_not_part_of_the_fingerprint(search_file: Write) -> None:
    texts = [f"postgresql://ann:{word}@host/db" for word in ("one", "two")]
    assert len({read_search(search_file(storage=text)).fingerprint for text in texts}) == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"knob": "{}"}, "did you mean 'knobs'"),
        ({"sampler": "tpee"}, "did you mean 'tpe'"),
        ({"trials": "0"}, "trials: expected an integer from 1 on"),
        ({"seed": "-1"}, "seed: expected an integer from 0 on"),
        ({"race": "[4]"}, "race: expected a list of"),
        ({"objectives": "[accuracy, energi]"}, "did you mean 'energy'"),
        ({"set": "[1]"}, "set: expected a mapping"),
    ],
)
def test_what_is_refused(search_file: Write, lines: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_search(search_file(**lines))


def test_a_knob_without_a_possible_choice(search_file: Write) -> None:
    file = search_file()
    text = file.read_text("utf-8").replace("{from: 4, to: 8}", "[many, few]")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"knobs\.hardware\.adc\.bits: no choice can be"):
        read_search(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_search(tmp_path / "s.yaml")
