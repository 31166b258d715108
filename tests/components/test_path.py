from __future__ import annotations

import pytest

from imssa_sim.components.path import SHARED, ComponentPath


@pytest.mark.parametrize(
    ("path", "layer", "number", "part"),
    [
        ("chip.layer12.kernel.array", "layer12", 12, "array"),
        ("chip.layer1", "layer1", 1, "layer1"),
        ("chip.encoder.adc", "encoder", None, "adc"),
        ("chip.layers.adc", "layers", None, "adc"),
        ("chip.bus3", "bus3", None, "bus3"),
        ("chip", SHARED, None, "chip"),
    ],
)
def test_a_path_says_where_it_is(path: str, layer: str, number: int | None, part: str) -> None:
    found = ComponentPath(path)
    assert (found.layer, found.layer_number, found.part) == (layer, number, part)


def test_the_empty_path_is_shared() -> None:
    assert ComponentPath("").layer == SHARED
    assert ComponentPath("").parts == ()


def test_a_sibling_stands_at_the_same_place() -> None:
    # A name that holds another one, or occurs twice, is left alone.
    assert ComponentPath("chip.dac.dac").sibling("array") == "chip.dac.array"
    path = ComponentPath("chip.layer3.adc_like.adc")
    assert path.sibling("array") == "chip.layer3.adc_like.array"
    assert path.sibling("array").parent == path.parent == "chip.layer3.adc_like"


def test_what_begins_alike_is_not_within() -> None:
    for other in ("chip.layer10", "chip.layer11.kernel", "chip.layer1x"):
        assert not ComponentPath(other).within("chip.layer1")
        assert not ComponentPath(other).is_unit_of("chip.layer1x2")
    assert ComponentPath("chip.layer1").within("chip.layer1")
    assert ComponentPath("chip.layer1.kernel.adc").within("chip.layer1")


def test_units_are_numbered() -> None:
    for unit in ("chip.vector", "chip.vector0", "chip.vector12"):
        assert ComponentPath(unit).is_unit_of("chip.vector")
    for other in ("chip.vector.weights", "chip.vectors", "chip.vector_lane"):
        assert not ComponentPath(other).is_unit_of("chip.vector")
