"""What the screen says of converters is what a run with another card gives."""

from __future__ import annotations

import re

import pytest

from imssa_sim.config import load_config
from imssa_sim.costs.adc_choice import adc_choice
from imssa_sim.report.converters import converter_lines
from imssa_sim.report.screen import screen
from imssa_sim.simulation.run import simulate
from imssa_sim.units import parse_any


def run(*settings: str):
    return simulate(load_config("sdigits", settings), accuracy=False)


def lines(*settings: str) -> list[str]:
    return list(converter_lines(run(*settings)))


def test_model_point_and_steps_are_said() -> None:
    own, others = lines("hardware.adc.bits=8", "hardware.adc.enob=6")
    assert own.startswith("adc/survey_andrulis_2024: 8 b at 640 MS/s, ")
    energy, nominal, effective = re.findall(r"([\d.]+) [pf]J", own)[:3]
    assert float(nominal) == pytest.approx(float(energy) * 1e3 / 256, rel=0.01)
    assert float(effective) == pytest.approx(4 * float(nominal), rel=0.01)
    assert "the measured kull_2013 takes 34.18 fJ a step of its 6.2 effective bits" in own
    assert others.startswith("other models that hold here: ")


def test_what_others_would_say_is_what_runs_with_them_give() -> None:
    (text,) = lines("hardware.adc.bits=8")[1:]
    result = run("hardware.adc.bits=8")
    runs = [
        run("hardware.adc.bits=8", f"hardware.adc.card={card}").ledger
        for card in adc_choice(result.loaded.config.hardware)[1:]
    ]
    assert len(runs) >= 2
    energies = re.search(r"with them (\S+ \S+) to (\S+ \S+) per inference", text)
    areas = re.search(r"inference on (\S+ \S+) to (\S+ \S+)", text)
    assert energies is not None
    assert areas is not None
    for found, expected in (
        (energies.groups(), [ledger.energy for ledger in runs]),
        (areas.groups(), [ledger.area for ledger in runs]),
    ):
        bounds = [parse_any(words.replace("²", "^2"))[0] for words in found]
        assert bounds == pytest.approx([min(expected), max(expected)], rel=1e-3)


def test_a_chip_without_converters_says_nothing() -> None:
    digital = ("hardware.mapping.kernel=digital", "hardware.mapping.linear=digital")
    assert lines(*digital) == []


def test_the_screen_has_it_within_80_columns() -> None:
    text = screen(run(), None)
    assert "\nconverters adc/survey_andrulis_2024: 6 b" in text
    assert max(map(len, text.splitlines())) <= 80
