"""Bibliography: entries as they stand, citations of what was used."""

from pathlib import Path

import pytest

from imssa_sim.cards import citations, cite_cards, load_card, parse_bibtex, references
from imssa_sim.errors import ConfigError, InputError

TEXT = """\
A comment with an @ sign and {braces}.

@Article{one2020,
  author = {One, A. and {Two Words}, B.},
  title  = "A {Title}, with commas",
  year   = 2020,
}
@misc{two-2021, title = {Second,
   on two lines}}
"""


def test_parse() -> None:
    found = parse_bibtex(TEXT, "x.bib")
    assert list(found) == ["one2020", "two-2021"]
    assert found["one2020"].type == "article"
    assert found["one2020"].fields["title"] == "A {Title}, with commas"
    assert found["one2020"].fields["author"] == "One, A. and {Two Words}, B."
    assert found["one2020"].fields["year"] == "2020"
    assert found["two-2021"].fields["title"] == "Second, on two lines"
    assert found["two-2021"].text == "@misc{two-2021, title = {Second,\n   on two lines}}"


def test_malformed_entries_have_a_line() -> None:
    with pytest.raises(ConfigError, match=r"x\.bib:11:1: malformed BibTeX: Unexpected block start"):
        parse_bibtex(TEXT + "\n@misc{three, title = {a}\n@misc{four, title={b}}", "x.bib", 1)
    with pytest.raises(ConfigError, match=r"x\.bib:10:1: malformed BibTeX: Duplicate entry key"):
        parse_bibtex(TEXT + "@misc{one2020, title={b}}", "x.bib")
    with pytest.raises(ConfigError, match=r"x\.bib:5:1: .* field title stands twice"):
        parse_bibtex("@misc{x, title = {a}, title = {b}}", "x.bib", 5)


def test_a_malformed_entry_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError):
        parse_bibtex("@misc{three, title = {a}\n@misc{four, title={b}}", "x.bib")
    assert capfd.readouterr() == ("", "")


def test_the_bibliography_is_well_formed() -> None:
    found = references()
    assert len(found) >= 20
    for key, reference in found.items():
        assert reference.fields.get("title"), key
        assert reference.fields.get("author"), key
        assert 1900 < int(reference.fields["year"]) < 2100, key
        assert reference.text.count("{") == reference.text.count("}"), key
        assert "others" not in reference.fields["author"], key
        if reference.type in ("article", "inproceedings"):
            assert {"doi", "eprint"} & set(reference.fields), key


def test_citations_are_the_text_of_the_entries_each_once() -> None:
    text = citations(["wan2022neurram", "shafiee2016isaac", "wan2022neurram"])
    found = references()
    expected = [found["wan2022neurram"].text, found["shafiee2016isaac"].text]
    assert text == "\n\n".join(expected) + "\n"
    assert list(parse_bibtex(text, "x")) == ["wan2022neurram", "shafiee2016isaac"]
    assert citations([]) == ""


def test_unknown_keys_suggest_the_nearest() -> None:
    with pytest.raises(InputError, match=r"'wan2022'; did you mean 'wan2022neurram'\?"):
        citations(["wan2022"])


def test_citing_cards_with_their_own_references(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nkind: adc\ntitle: t\n"
        "parameters: {energy: {value: 1, unit: pJ, status: measured, source: mine2026}}\n"
        "references: |\n  @misc{mine2026, title = {Mine}}\n"
    )
    text = cite_cards([load_card(str(path)), load_card("adc/survey_andrulis_2024")], [])
    found = list(parse_bibtex(text, "x"))
    assert found[0] == "mine2026"
    assert "andrulis2024adc" in found
    methods = list(parse_bibtex(cite_cards([]), "x"))
    assert "gu2022s4d" in methods
