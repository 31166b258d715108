"""Bits as one number, by tensor kind, and by layer."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.config import load_config
from imssa_sim.errors import ConfigError
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths, LayeredBits, bits_from

Write = Callable[..., Path]
GIVEN = "bits:\n  default: 8\n  A: 6"


def layers_of(path: Path) -> int:
    return load_config(path).config.model.layers


def test_a_list_has_one_width_per_layer(write_workload: Write) -> None:
    layers = layers_of(write_workload())
    widths = list(range(3, 3 + layers))
    path = write_workload({GIVEN: f"bits:\n  default: 8\n  A: {widths}"})
    loaded = load_config(path)
    assert tuple(widths) == loaded.config.bits.A
    bits = bits_from(loaded.config.bits.model_dump())
    assert [bits.of_layer(i).A for i in range(layers)] == widths
    assert [bits.of_layer(i).B for i in range(layers)] == [8] * layers
    assert bits.A == 8  # outside of the layers
    assert str(loaded.origins["bits.A"]).startswith(f"{path}:13")


def test_an_override_may_be_a_list(write_workload: Write) -> None:
    layers = layers_of(write_workload())
    loaded = load_config(write_workload(), [f"bits.state={[5] * layers}"])
    assert loaded.config.bits.state == (5,) * layers


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[6, 6, 6, 6, 6, 6, 6, 6, 6]", "9 widths for"),
        ("[6, 40]", "40 is out of range; it must be at most 16"),
        ("[]", "a list is not a whole number"),
        ("six", "'six' is not a whole number"),
        ("1", "1 is out of range; it must be at least 2"),
    ],
)
def test_wrong_widths_are_explained(write_workload: Write, value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write_workload(), [f"bits.A={value}"])
    assert message in str(caught.value)
    assert "bits" in str(caught.value)


def test_what_is_stored_comes_back() -> None:
    plain = BitWidths(**dict.fromkeys(BIT_KINDS, 6))
    inside = tuple(BitWidths(**dict.fromkeys(BIT_KINDS, n) | {"state": n + 1}) for n in (3, 4))
    layered = LayeredBits(**plain.widths(), layers=inside)
    assert bits_from(plain.described()) == plain
    assert bits_from(layered.described()) == layered
    raised = layered.changed(lambda width: max(width, 5))
    assert [raised.of_layer(i).state for i in range(2)] == [5, 5]
    assert (raised.A, raised.of_layer(0).A) == (6, 5)
