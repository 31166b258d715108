"""The resolved configuration loads back to the same configuration."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from imssa_sim.config import dump_resolved, load_config
from imssa_sim.config.schema import BIT_KINDS
from imssa_sim.units import format_exact

Write = Callable[..., Path]


def positive(dimension: str) -> st.SearchStrategy[str]:
    return st.floats(1e-15, 1e15).map(lambda value: format_exact(value, dimension))


def choice(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)

# A path, and values for it as a user could write them.
VALUES: dict[str, st.SearchStrategy[object]] = {
    "workload": text.filter(bool),
    "description": text,
    "seed": st.integers(0, 2**32 - 1),
    "model.state": st.integers(1, 500).map(lambda m: 2 * m),
    "model.bidirectional": st.booleans(),
    "model.norm": choice("layer", "batch", "none"),
    "data.fallback": st.none() | text.filter(bool),
    "bits": st.integers(2, 16) | st.dictionaries(choice("default", *BIT_KINDS), st.integers(2, 16)),
    "calibration.percentile": st.floats(50, 100, exclude_min=True),
    "calibration.granularity.A": choice("tensor", "channel", "mode"),
    "hardware.ideal": st.booleans(),
    "hardware.chip.clock": positive("frequency"),
    "hardware.chip.technology": positive("length"),
    "hardware.chip.tiles": st.just("auto") | st.integers(1, 10**9),
    "hardware.chip.tile.columns": st.integers(2, 500).map(lambda c: 2 * c),
    "hardware.chip.tile.read_voltage": positive("voltage"),
    "hardware.adc.range": choice("aligned", "max", "percentile", "mse"),
    "hardware.dac.lsb_time": positive("time"),
    "hardware.effects.ir_drop": st.booleans(),
    "hardware.mapping.kernel": choice("fused_lookahead", "fused_delayed", "two_pass", "digital"),
    "evaluate.samples": st.just("all") | st.integers(1, 10**6),
    "evaluate.time_since_programming": positive("time") | st.just("0 s"),
    "evaluate.float": st.booleans(),
    "baselines": st.lists(st.just("gpu.yaml"), max_size=3),
}


@settings(max_examples=25)
@given(st.fixed_dictionaries({}, optional=VALUES))
def test_round_trip(write_workload: Write, folder: Path, values: dict[str, object]) -> None:
    path = write_workload()
    document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    for dotted, value in values.items():
        *parents, last = dotted.split(".")
        section = document
        for name in parents:
            section = section.setdefault(name, {})
        section[last] = ["./gpu.yaml"] * len(value) if dotted == "baselines" else value
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(document, stream)
    loaded = load_config(path)
    resolved = folder / "config.resolved.yaml"
    resolved.write_text(dump_resolved(loaded), encoding="utf-8")
    again = load_config(resolved)
    assert again.config == loaded.config
    # Everything is written out, and in the order of the schema.
    assert {origin.kind for origin in again.origins.values()} == {"file"}
    assert list(YAML(typ="rt").load(resolved)) == list(type(again.config).model_fields)
    assert dump_resolved(again).splitlines()[1:] == dump_resolved(loaded).splitlines()[1:]


def test_the_overrides_are_named_and_their_values_are_in_it(write_workload: Write) -> None:
    path = write_workload()
    text = dump_resolved(load_config(path, ["hardware.adc.bits=3", "bits=5"]))
    lines = text.splitlines()
    assert lines[:3] == [f"# Resolved from {path}", "# --set hardware.adc.bits=3", "# --set bits=5"]
    data = YAML(typ="safe").load(text)
    assert data["hardware"]["adc"]["bits"] == 3
    assert data["bits"].pop("drive") is None
    assert set(data["bits"].values()) == {5}
    assert data["hardware"]["chip"]["clock"] == "1 GHz"
    assert data["hardware"]["chip"]["technology"] == "32 nm"


def test_an_override_with_a_line_break_stays_a_comment(write_workload: Write, folder: Path) -> None:
    loaded = load_config(write_workload(), ['description="a\n\nmodel: 5"'])
    resolved = folder / "resolved.yaml"
    resolved.write_text(dump_resolved(loaded), encoding="utf-8")
    assert load_config(resolved).config == loaded.config


@pytest.mark.parametrize("name", ["description", "workload"])
def test_words_that_look_like_something_else(
    write_workload: Write, folder: Path, name: str
) -> None:
    for word in (
        "5",
        "true",
        "null",
        "1e-4",
        "~",
        "- x",
        "a: b",
        "#",
        "  x  ",
        "é☃",
        "'",
        '"',
        "%",
    ):
        loaded = load_config(write_workload(), [f"{name}={word!r}".replace("'\"'", "'\"'")])
        resolved = folder / "resolved.yaml"
        resolved.write_text(dump_resolved(loaded), encoding="utf-8")
        assert getattr(load_config(resolved).config, name) == word
