"""Extrapolation: refused by default, on purpose told of everywhere, in every thread."""

from __future__ import annotations

import pytest

import imssa_sim
from imssa_sim.threads import ordered_map, use_threads
from imssa_sim.validity import beyond, extrapolating

HOT = {"hardware.chip.temperature": "400 K"}


def test_beyond_is_an_error_with_its_remedy_unless_wanted():
    with pytest.raises(imssa_sim.ValidityError, match="too hot; cool it, or --extrapolate"):
        beyond("too hot", "cool it")
    with extrapolating(True) as found:
        beyond("too hot", "cool it")
        beyond("too hot", "cool it")
    assert list(found) == ["too hot"]
    with extrapolating(False), pytest.raises(imssa_sim.ValidityError):
        beyond("too hot", "cool it")


def test_threads_know_of_it():
    with extrapolating(True) as found, use_threads(2):
        list(ordered_map(lambda n: beyond(f"hot {n}", ""), range(4)))
    assert set(found) == {f"hot {n}" for n in range(4)}


def test_a_run_beyond_a_card_is_marked_everywhere(tiny, tmp_path):
    with pytest.raises(imssa_sim.ValidityError, match="temperature 400 K is outside"):
        imssa_sim.run(tiny, set=HOT)
    run = imssa_sim.run(tiny, set={**HOT, "evaluate.extrapolate": True})
    assert run["extrapolated"] == 1
    assert "temperature 400 K" in run.stats.loc["extrapolated", "description"]
    assert "BEYOND" in run.summary()
    stored = imssa_sim.open_run(run.save(tmp_path / "run", figures=False))
    assert stored == run
    assert "BEYOND" in stored.summary()
    page = imssa_sim.write_report(stored.path, tmp_path / "page.html")
    assert "Extrapolated: uses outside of validity: temperature 400 K" in page.read_text("utf-8")


def test_a_run_within_its_cards_says_nothing(tiny):
    run = imssa_sim.run(tiny, set={"evaluate.extrapolate": True})
    assert "extrapolated" not in run.stats.index
    assert "BEYOND" not in run.summary()
