"""Cards: SI values, provenance, and every kind of fault with its position."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from imssa_sim.cards import KINDS, Card, list_cards, load_card, one_state_of_cards
from imssa_sim.errors import ConfigError, InputError

CARD = """\
name: mine
kind: adc
title: a converter
parameters:
  form:
    value: survey
  energy:
    value: 1.93
    unit: pJ
    range: [1.5, 2.5]
    source: shafiee2016isaac
    locator: Table 6
    status: measured
  noise:
    value: 2
    unit: uS
    sigma: 0.5
    status: assumed
    note: by eye
  levels: {value: [1, 2.5, 4], unit: uS, sigma: [0.1, 0.1, 0.2], status: assumed}
  rows: {value: [[1, 2], [3, 4]], unit: ns, status: assumed}
  ambient: {value: 25, unit: degC, sigma: 10, status: assumed}
  steps: {value: 8, unit: "1", status: derived,
          derivation: 2^3, source: [shafiee2016isaac, wan2022neurram]}
  gated: {value: true}
  modes: {value: [a, b]}
valid: {bits: [4, 14], temperature: [250 K, 400 K], rate: [1 MHz, 1.28 GHz]}
not_modelled:
  - metastability
notes: |
  Two
  lines.
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_card(old: str = "", new: str = "", text: str = CARD) -> Path:
        assert old in text
        path = tmp_path / "mine.yaml"
        path.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
        return path

    return write_card


@pytest.fixture
def card(write: Write) -> Card:
    return load_card(str(write()))


def test_numbers_are_si(card: Card) -> None:
    assert card["energy"].si == 1.93e-12
    assert card["energy"].value == 1.93
    assert card["energy"].range == (1.5e-12, 2.5e-12)
    assert card["noise"].sigma == 5e-7
    assert card["levels"].array == (1e-6, 2.5e-6, 4e-6)
    assert card["levels"].sigma == (1e-7, 1e-7, 2e-7)
    assert card["rows"].table == ((1e-9, 2e-9), (3e-9, 4e-9))
    assert card["ambient"].si == 298.15
    assert card["ambient"].sigma == 10.0  # a difference: without the offset of the scale
    assert card["steps"].si == 8.0
    assert card.valid == {"bits": (4, 14), "temperature": (250, 400), "rate": (1e6, 1.28e9)}


def test_provenance(card: Card) -> None:
    entry = card["energy"]
    assert (entry.source, entry.locator, entry.status) == (
        "shafiee2016isaac", "Table 6", "measured",
    )  # fmt: skip
    assert (entry.line, entry.dimension, entry.unit) == (7, "energy", "pJ")
    assert card["noise"].note == "by eye"
    assert card["steps"].sources == ("shafiee2016isaac", "wan2022neurram")
    assert card["steps"].derivation == "2^3"
    assert card.sources == ("shafiee2016isaac", "wan2022neurram")
    assert card.not_modelled == ("metastability",)
    assert card.notes == "Two\nlines."


def test_words(card: Card) -> None:
    assert card["form"].text == "survey"
    assert card["gated"].value is True
    assert card["modes"].value == ("a", "b")
    assert "form" in card
    assert "frm" not in card


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("form", "si"), ("levels", "si"), ("energy", "array"), ("rows", "array"), ("levels", "table"),
     ("energy", "text"), ("gated", "si")],
)  # fmt: skip
def test_values_of_another_shape_are_refused(card: Card, name: str, attribute: str) -> None:
    with pytest.raises(InputError, match=rf"parameters\.{name}: wanted "):
        getattr(card[name], attribute)


def test_unknown_parameters_suggest_the_nearest(card: Card) -> None:
    with pytest.raises(InputError, match=r"no parameter 'enrgy'; did you mean 'energy'\?"):
        card["enrgy"]
    with pytest.raises(InputError, match="it has form, energy, noise"):
        card["qqqq"]


def test_dimensions_are_checked_on_use(card: Card) -> None:
    assert card.quantity("energy", "energy") == 1.93e-12
    assert card.quantity("steps", "number") == 8.0
    assert card.quantities("levels", "conductance") == (1e-6, 2.5e-6, 4e-6)
    with pytest.raises(
        InputError, match=r"mine\.yaml:7: .*'pJ' is of dimension energy; expected p"
    ):
        card.quantity("energy", "power")
    with pytest.raises(InputError, match="expected energy per bit"):
        card.quantities("levels", "energy per bit")


def test_a_card_is_read_again_when_its_file_has_changed(write: Write) -> None:
    path = write()
    assert load_card(str(path))["energy"].si == 1.93e-12
    before = path.stat()
    time.sleep(0.02)  # the file system's clock ticks
    write("value: 1.93", "value: 1.94")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert load_card(str(path))["energy"].si == 1.94e-12


def test_a_block_rests_on_one_state_of_a_card(write: Write) -> None:
    path = write()
    with one_state_of_cards():
        before = load_card(str(path))
        write("value: 1.93", "value: 1.9400")
        assert load_card(str(path)) is before
    assert load_card(str(path))["energy"].si == 1.94e-12


OWN = """\
references: |
  @misc{mine2026,
    title = {A {Nested} title},
  }
"""


def test_a_card_may_bring_its_own_references(write: Write) -> None:
    path = write(text=CARD.replace("shafiee2016isaac", "mine2026") + OWN)
    assert load_card(str(path))["energy"].source == "mine2026"


# (replace this, by that, line:column, path, what)
FAULTS = {
    "no source": (
        "    source: shafiee2016isaac\n",
        "",
        "8:5: parameters.energy: a number without a source; "
        "give 'source' (a key of the bibliography), or status: assumed",
    ),
    "no status": (
        "    status: measured\n",
        "",
        "8:5: parameters.energy: missing key 'status'; one of measured, fitted, derived, assumed",
    ),
    "unknown status": (
        "status: measured",
        "status: mesured",
        "13:13: parameters.energy.status: 'mesured' is not one of measured, fitted, derived, "
        "assumed; did you mean 'measured'?",
    ),
    "no derivation": (
        "derivation: 2^3, ",
        "",
        "23:10: parameters.steps: a derived number needs its 'derivation'",
    ),
    "unknown source": (
        "source: shafiee2016isaac\n",
        "source: shafiee2016isac\n",
        "11:13: parameters.energy.source: source 'shafiee2016isac' is not in the bibliography; "
        "did you mean 'shafiee2016isaac'? "
        "add it to device_models/references.bib or to the card's 'references:'",
    ),
    "unknown unit": (
        "unit: pJ",
        "unit: pj",
        "9:11: parameters.energy.unit: unknown unit 'pj' in 'pj'; did you mean 'pJ'?",
    ),
    "no unit": (
        "    unit: pJ\n",
        "",
        "8:5: parameters.energy: missing key 'unit'; write unit: 1 for a bare number",
    ),
    "a unit for a word": (
        "value: survey",
        "value: survey\n    unit: pJ",
        "7:11: parameters.form.unit: a word has no unit",
    ),
    "inverted range": (
        "range: [1.5, 2.5]",
        "range: [2.5, 1.5]",
        "10:12: parameters.energy.range: range is inverted: 2.5 is above 1.5",
    ),
    "value outside of its range": (
        "range: [1.5, 2.5]",
        "range: [2, 2.5]",
        "10:12: parameters.energy.range: the value 1.93 is outside of [2, 2.5]",
    ),
    "malformed range": (
        "range: [1.5, 2.5]",
        "range: 2.5",
        "10:12: parameters.energy.range: must be [low, high] in the entry's unit",
    ),
    "range of a list": (
        "sigma: [0.1, 0.1, 0.2]",
        "range: [1, 4]",
        "20:49: parameters.levels.range: a list of values takes 'sigma', not 'range'",
    ),
    "sigma and range": (
        "range: [1.5, 2.5]",
        "range: [1.5, 2.5]\n    sigma: 1",
        "10:12: parameters.energy.range: give either 'sigma' or 'range', not both",
    ),
    "negative sigma": (
        "sigma: 0.5",
        "sigma: -0.5",
        "17:12: parameters.noise.sigma: must not be negative",
    ),
    "negative sigma in a list": (
        "sigma: [0.1, 0.1, 0.2]",
        "sigma: [0.1, -0.1, 0.2]",
        "20:49: parameters.levels.sigma: must not be negative",
    ),
    "sigma of another length": (
        "sigma: [0.1, 0.1, 0.2]",
        "sigma: [0.1, 0.2]",
        "20:49: parameters.levels.sigma: must be a number in the entry's unit, "
        "or a list like the value",
    ),
    "no value": (
        "    value: 2\n",
        "",
        "15:5: parameters.noise: missing key 'value'",
    ),
    "not finite": (
        "value: 2\n",
        "value: .inf\n",
        "15:12: parameters.noise.value: must be a finite number, a word, or a list of one of them",
    ),
    "mixed list": (
        "value: [1, 2.5, 4]",
        "value: [1, x, 4]",
        "20:19: parameters.levels.value: must be a finite number, a word, or a list of one of them",
    ),
    "bare number": (
        "  gated: {value: true}",
        "  gated: 5",
        "25:10: parameters.gated: a number needs its provenance; "
        "write {value: …, unit: …, source: …, status: …}",
    ),
    "misspelt key": (
        "locator: Table 6",
        "loctor: Table 6",
        "12:5: parameters.energy.loctor: unknown key 'loctor'; did you mean 'locator'?",
    ),
    "a comma ends a text in braces": (
        "derivation: 2^3,",
        "derivation: two, to the third,",
        "24:28: parameters.steps.to the third: unknown key 'to the third'; valid keys here: value, "
        "unit, sigma, range, source, locator, status, derivation, note, valid",
    ),
    "misspelt top key": (
        "notes: |",
        "nots: |",
        "30:1: nots: unknown key 'nots'; did you mean 'notes'?",
    ),
    "unknown kind": (
        "kind: adc",
        "kind: adcs",
        "2:7: kind: unknown kind 'adcs'; did you mean 'adc'? kinds: cell, array, adc, dac, "
        "digital, memory, bus, wires, off_chip, power, scaling, chip, gpu, standby, link",
    ),
    "no title": ("title: a converter\n", "", "1:1: missing key 'title'"),
    "inverted validity": (
        "bits: [4, 14]",
        "bits: [14, 4]",
        "27:15: valid.bits: range is inverted: 14 is above 4",
    ),
    "validity with an unknown unit": (
        "[250 K, 400 K]",
        "[250 Q, 400 K]",
        "27:38: valid.temperature.0: unknown unit 'Q' in 'Q'",
    ),
    "validity of one number": (
        "bits: [4, 14]",
        "bits: [4]",
        "27:15: valid.bits: must be [low, high]",
    ),
    "duplicate key": (
        "    unit: pJ",
        "    unit: pJ\n    unit: fJ",
        "10:5: parameters.energy.unit: key 'unit' stands twice, first in line 9; "
        "remove one of them",
    ),
    "text that is a list": (
        "title: a converter",
        "title: [a]",
        "3:8: title: must be text",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_one_line_with_its_position(case: str, write: Write) -> None:
    old, new, expected = FAULTS[case]
    path = write(old, new)
    with pytest.raises(ConfigError) as caught:
        load_card(str(path))
    assert str(caught.value) == f"{path}:{expected}"
    assert caught.value.exit_code == 2


def test_all_faults_of_a_card_are_shown_at_once(write: Write) -> None:
    text = CARD.replace("unit: pJ", "unit: pj").replace("sigma: 0.5", "sigma: -1")
    with pytest.raises(ConfigError) as caught:
        load_card(str(write(text=text)))
    assert [(p.line, p.path) for p in caught.value.problems] == [
        (9, "parameters.energy.unit"),
        (17, "parameters.noise.sigma"),
    ]


@pytest.mark.parametrize(
    ("block", "line", "words"),
    [
        ("references: |\n  @misc{a, title={b}\n  @misc{c, title={d}}\n", 34, "malformed BibTeX"),
        ("references: |\n  @misc{a, title={b}}\n  @misc{a, title={c}}\n", 35, "Duplicate"),
        ("references: |\n  @misc{, title={b}}\n", 34, "BibTeX entry without a key"),
    ],
)
def test_malformed_references(write: Write, block: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_card(str(write(text=CARD + block)))
    assert [(p.line, words in p.what) for p in caught.value.problems] == [(line, True)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must hold 'key: value' lines"),
        ("- 1\n", "must hold 'key: value' lines"),
        ("name: x\nkind: adc\ntitle: t\n", "missing key 'parameters'"),
        ("name: x\nkind: adc\ntitle: t\nparameters: {}\n", "at least one parameter"),
        ("name: x\nkind: adc\ntitle: t\nparameters: [1]\n", "at least one parameter"),
        ("name: [x\n", "is not valid YAML"),
    ],
)
def test_files_that_are_no_cards(write: Write, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_card(str(write(text=text)))


def test_unknown_cards(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean 'adc/survey_andrulis_2024'\?"):
        load_card("adc/survey_andrulis")
    with pytest.raises(InputError, match=r"x\.yaml: there is no such card file"):
        load_card(str(tmp_path / "x.yaml"))


def test_a_folder_is_no_card(tmp_path: Path) -> None:
    (tmp_path / "y.yaml").mkdir()
    with pytest.raises(InputError, match=r"y\.yaml: there is no such card file"):
        load_card(str(tmp_path / "y.yaml"))


def test_every_shipped_card_loads_under_its_own_name() -> None:
    from imssa_sim.files import locate

    cards = list_cards()
    assert [card.name for card in cards] == list(locate.card_names())
    assert len(cards) >= 20
    for card in cards:
        for entry in card.parameters.values():
            # The rule of the ledger: a number has a source or is called assumed.
            assert entry.scaled is None or entry.sources or entry.status == "assumed"


def test_cards_by_kind() -> None:
    cards = list_cards()
    assert sorted(card.name for kind in KINDS for card in list_cards(kind)) == [
        card.name for card in cards
    ]
    for kind in KINDS:
        assert list_cards(kind) == tuple(card for card in cards if card.kind == kind)
    assert list_cards("nothing") == ()


def test_the_default_cards_of_the_schema_exist_and_have_the_right_kind() -> None:
    from imssa_sim.config import BusConfig, DacConfig, DigitalConfig, MemoryConfig

    for section, kind in (
        (DacConfig(), "dac"),
        (DigitalConfig(), "digital"),
        (MemoryConfig(), "memory"),
        (BusConfig(), "bus"),
    ):
        assert load_card(section.card).kind == kind
