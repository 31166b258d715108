"""Chips that a workload rests on: complete, sourced, laid under the workload's own keys."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.cards import load_card
from imssa_sim.config import dump_resolved, load_base, load_config
from imssa_sim.config.base import laid_over, read_base
from imssa_sim.errors import ConfigError
from imssa_sim.files import locate

Write = Callable[..., Path]
CHIPS = locate.base_names()
BASED = """workload: two
model: {layers: 1, width: 4, state: 4, inputs: 1, classes: 2}
data: {name: sdigits}
hardware:
  base: chips/hermes_64
  adc: {enob: 6.5}
  chip: {tile: {read_voltage: 0.1 V}}
"""


@pytest.fixture
def based(tmp_path: Path) -> Path:
    path = tmp_path / "based.yaml"
    path.write_text(BASED, encoding="utf-8")
    return path


def test_seven_chips_are_there() -> None:
    names = "cim_ssm hermes_64 imssa isaac_ce jia_2020 neurram puma"
    assert tuple(f"chips/{name}" for name in names.split()) == CHIPS


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_is_a_complete_section(name: str) -> None:
    """In the place of a workload's section, nothing of that is left."""
    loaded = load_config("sdigits", [f"hardware.base={name}"])
    hardware = {p: o for p, o in loaded.origins.items() if p.startswith("hardware.")}
    assert {o.kind for o in hardware.values()} == {"base", "default", "override"}
    assert [p for p, o in hardware.items() if o.kind == "override"] == ["hardware.base"]
    assert loaded.base is not None
    assert loaded.base.name == name
    wanted = (
        "chip.clock chip.technology chip.supply chip.tile.rows chip.tile.cell adc.bits adc.rate"
    )
    more = "adc.per_tile dac.bits dac.encoding digital.card memory.card bus.width mapping.kernel"
    assert all(hardware[f"hardware.{key}"].kind == "base" for key in f"{wanted} {more}".split())


@pytest.mark.parametrize("name", CHIPS)
def test_every_value_has_a_source_and_the_chip_says_what_it_lacks(name: str) -> None:
    base = load_base(name)
    assert base.lacks
    assert base.name == name
    assert base.title
    source = base.source_of("chip.tile.rows")
    assert source is not None
    assert source.status in ("measured", "derived", "assumed")
    assert base.source_of("nothing") is None


@pytest.mark.parametrize("name", ["isaac_ce", "puma", "hermes_64", "imssa", "jia_2020"])
def test_geometry_is_that_of_the_chips_card(name: str) -> None:
    """A slip in one of the two would show."""
    tile = load_config("sdigits", [f"hardware.base=chips/{name}"]).config.hardware.chip.tile
    card = load_card(f"chips/{name}")
    rows = card["array_rows"] if "array_rows" in card else card["rows"]
    columns = card["array_columns"] if "array_columns" in card else card["columns"]
    lines = 2 if name == "hermes_64" else 1
    assert (tile.rows, tile.columns) == (rows.si, columns.si * lines)


def test_own_keys_are_laid_over_the_base(based: Path) -> None:
    loaded = load_config(based)
    hardware = loaded.config.hardware
    assert (hardware.adc.enob, hardware.adc.bits, hardware.adc.per_tile) == (6.5, 8, 256)
    assert (hardware.chip.tile.read_voltage, hardware.chip.tile.rows) == (0.1, 256)
    assert str(loaded.origins["hardware.adc.enob"]) == f"{based}:6:15"
    rows = loaded.origins["hardware.chip.tile.rows"]
    text = (locate.hardware() / "chips/hermes_64.yaml").read_text("utf-8").splitlines()
    assert rows.kind == "base"
    assert rows.line is not None
    assert text[rows.line - 1].strip() == "rows: 256"
    assert rows.file.endswith("chips/hermes_64.yaml")


def test_overrides_come_last(based: Path) -> None:
    loaded = load_config(
        based, ["hardware.chip.tile.rows=128", "hardware.adc={card: adc/sar_32nm}"]
    )
    assert loaded.config.hardware.chip.tile.rows == 128
    assert loaded.origins["hardware.chip.tile.rows"].kind == "override"
    # A section given whole leaves its other keys at their defaults, here as elsewhere.
    assert loaded.config.hardware.adc.per_tile == 16
    assert loaded.origins["hardware.adc.per_tile"].kind == "default"


def test_set_puts_the_base_in_the_place_of_the_section() -> None:
    loaded = load_config("sdigits", ["hardware.base=chips/puma", "hardware.adc.bits=7"])
    hardware = loaded.config.hardware
    assert not hardware.effects.ir_drop  # the workload's own
    assert (hardware.adc.bits, hardware.adc.per_tile) == (7, 1)
    again = load_config("sdigits", ["hardware.base=chips/puma", "hardware.base=chips/imssa"])
    assert again.config.hardware.chip.tile.rows == 64
    whole = load_config("sdigits", ["hardware={base: chips/puma, adc: {bits: 7}}"])
    assert whole.config.hardware == hardware
    assert whole.origins["hardware.adc.bits"].kind == "override"
    assert whole.origins["hardware.adc.rate"].kind == "base"
    assert load_config("sdigits", ["hardware.base=null"]).config == load_config("sdigits").config


def test_the_resolved_file_runs_again(based: Path, tmp_path: Path) -> None:
    loaded = load_config(based, ["hardware.chip.tile.rows=128"])
    again = tmp_path / "resolved.yaml"
    again.write_text(dump_resolved(loaded), encoding="utf-8")
    assert load_config(again).config == loaded.config


def failure(path: Path | str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value)


def test_an_unknown_base_names_the_nearest(based: Path) -> None:
    assert failure("sdigits", "hardware.base=chips/herms_64") == (
        "--set hardware.base=chips/herms_64: hardware.base: unknown hardware 'chips/herms_64'; "
        "did you mean 'chips/hermes_64'? `list chips` shows what there is"
    )
    assert "did you mean 'chips/puma'" in failure("sdigits", "hardware.base=puma")
    based.write_text(BASED.replace("hermes_64", "hermes"), encoding="utf-8")
    assert f"{based}:5:9: hardware.base: unknown hardware 'chips/hermes'" in failure(based)


def test_what_would_be_lost_is_refused(based: Path) -> None:
    text = failure("sdigits", "hardware.adc.bits=7", "hardware.base=chips/puma")
    assert "takes the place of the whole section 'hardware'" in text
    assert "hardware.adc.bits=7" in text
    assert "give it first" in text
    assert "takes away 'chips/hermes_64'" in failure(based, "hardware.base=null")


def test_a_problem_stands_where_its_value_does(tmp_path: Path) -> None:
    """A base of one's own, in a file beside the workload, with a value that cannot be."""
    text = (locate.hardware() / "chips/hermes_64.yaml").read_text("utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("rows: 256", "rows: 2"), encoding="utf-8")
    path = tmp_path / "based.yaml"
    path.write_text(BASED.replace("chips/hermes_64", "./own.yaml"), encoding="utf-8")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "rows: 256" in row)
    assert f"{own}:{line}:13: hardware.chip.tile.rows: 2 is out of range" in failure(path)
    own.write_text(text, encoding="utf-8")
    assert load_config(path).config.hardware.base == str(own)
    assert "there is no file" in failure(path, f"hardware.base={tmp_path}/gone.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  chip.clock: {", "  chip.clok: {", "chip.clock: has no source"),
        ("source: khaddam2022hermes", "source: khaddam2022herms", "is not in the bibliography"),
        ("status: measured", "status: mesured", "status must be one of measured"),
        ("lacks:", "lakcs:", "unknown key 'lakcs'; did you mean 'lacks'"),
        ("tiles: 64", "tiles: many", "must be the number of tiles"),
        ("title:", "titel:", "missing key 'title'"),
        ("hardware:", "hardwear:", "missing section 'hardware'"),
        (', derivation: "The count is latched in one cycle after the pulse, see adc/hermes_cco."',
         "", "needs a derivation"),
    ],
)  # fmt: skip
def test_a_base_without_its_parts_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (locate.hardware() / "chips/hermes_64.yaml").read_text("utf-8")
    assert old in text
    own = tmp_path / "own.yaml"
    own.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_base(own)


def test_sections_are_joined_and_lists_are_not() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    joined, taken = laid_over(base, {"a": {"c": [3]}, "e": 5, "d": None})
    assert joined == {"a": {"b": 1, "c": [3]}, "e": 5, "d": None}
    assert taken == [("a", "b")]


def test_explain_and_cite_know_the_sources_of_a_base(capsys: pytest.CaptureFixture[str]) -> None:
    from imssa_sim.cli import main

    on = ("--set", "hardware.base=chips/hermes_64")
    assert main(["explain", "sdigits", "hardware.adc.bits", *on]) == 0
    assert capsys.readouterr().out.startswith(
        "hardware.adc.bits = 8 (measured: legallo2023hermes, abstract: 8-bit input/output)  # "
    )
    assert main(["explain", "sdigits", "hardware.chip.tile.read_voltage", *on]) == 0
    assert " = 200 mV (assumed)  # hermes_64.yaml:" in capsys.readouterr().out
    assert main(["cite", "sdigits", "--set", "hardware.base=chips/cim_ssm"]) == 0
    assert "@misc{zhang2025cimssm," in capsys.readouterr().out
    assert main(["cite", "sdigits"]) == 0
    assert "zhang2025cimssm" not in capsys.readouterr().out
