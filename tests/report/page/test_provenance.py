"""What each account rests on: its largest parts, entries, sources, and every statistic's value."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from imssa_sim.report.page.provenance import bookings, references, shown_value, trust

PARTS = (5e-9, 1e-9, 3e-9, 2e-9, 4e-9, 6e-9)


def made() -> Any:
    rows = [
        {"account": "dynamic", "kind": "word_line", "action": "charge", "component": f"c{n}",
         "count": 10, "energy": joules, "assumed": joules / 4}
        for n, joules in enumerate((*PARTS, 1e-9))
    ]  # fmt: skip
    rows[-1]["component"] = "c1"
    rows += [
        {"account": "leakage", "kind": "adc", "action": "leak", "component": "c0", "count": 0,
         "energy": 11e-9, "assumed": 0.0},
        {"account": "programming", "kind": "array", "action": "program", "component": "c0",
         "count": 2, "energy": 9e-6, "assumed": 9e-6},
        {"account": "dynamic", "kind": "bus", "action": "transfer", "component": "c0", "count": 3,
         "energy": 0.0, "assumed": 0.0},
    ]  # fmt: skip
    sources = [
        {"account": "dynamic", "kind": "word_line", "action": "charge", "card": "a/b",
         "entry": "cell_area", "value": "4 1", "status": "derived", "source": "k1 k2",
         "locator": "Table 2"},
    ]  # fmt: skip
    by_status = {"measured": 6e-9, "fitted": 0.0, "derived": 1e-9, "assumed": 13e-9}
    values = {f"energy.status.{status}": joules for status, joules in by_status.items()}
    return SimpleNamespace(
        table={"ledger": rows, "sources": sources}.__getitem__,
        values=values | {"energy.inference": 33e-9},
        citations="@article{k1,\n title = {{A title}},\n author = {A. Uthor},\n year = {2020},\n"
        " doi = {10.1/x}\n}\n@misc{k0,\n title = {Other},\n note = {n}\n}\n",
    )


def test_accounts_with_their_largest_parts() -> None:
    found = str(bookings(made()))
    heads = re.findall(r'account-head">(.*?)</summary>', found)
    words = [" ".join(re.sub(r"<[^>]*>", " ", head).split()) for head in heads]
    assert words == [
        "word line charge dynamic 22 nJ 66.7% 25% assumed", "adc leakage 11 nJ 33.3%",
        "array program programming 9 µJ once a chip 100% assumed",
    ]  # fmt: skip
    assert re.findall(r'<i style="width:([\d.]+)%">', found) == ["100.0", "50.0", "0.0"]
    assert re.findall(r'<details id="([\w-]+)"', found) == ["kind-word_line", "kind-leakage"]
    assert (
        "<p>70 × 314.3 pJ, of 6 components: c5 6 nJ, c0 5 nJ, c4 4 nJ, c2 3 nJ and 2 more</p>"
    ) in found
    assert "<p>c0 11 nJ</p>" in found
    row = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", found.split("<tbody>")[1].split("</tbody>")[0])
    assert row[:3] == ["a/b", "cell area", "4"]
    assert row[3] == '<span class="status derived">derived</span>'
    assert row[4] == '<span><a href="#ref-k1">k1</a> <a href="#ref-k2">k2</a> Table 2</span>'
    assert found.count("No number of a card: from what was executed.") == 2


def test_trust() -> None:
    found = str(trust(made()))
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", found)]
    assert widths == pytest.approx([30, 0, 5, 65])
    assert re.findall(r"<b>([^<]+)</b>", found) == ["30%", "65%"]
    assert (
        'aria-label="energy by status: 30% measured, 0% fitted, 5% derived, 65% assumed"' in found
    )
    assert 'data-tip="assumed: 13 nJ, 65.0%"' in found


def test_references() -> None:
    found = str(references(made()))
    assert re.findall(r'id="ref-(\w+)"', found) == ["k0", "k1"]
    assert '<a href="https://doi.org/10.1/x" rel="noreferrer">doi:10.1/x</a>' in found
    assert "A. Uthor. A title. 2020. " in found
    assert found.count("<a ") == 1


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2e-9, "J", "2 nJ"), (3e-6, "m2", "3 mm²"), (1234567.0, "1", "1.23457e+06"),
        (1234, "", "1,234"), (5.5, "TOPS/W", "5.5 TOPS/W"), (None, "J", "–"),
        ("a word", "", "a word"),
        (7, "-", "7"),
    ],
)  # fmt: skip
def test_values_for_people(value: Any, unit: str, text: str) -> None:
    assert shown_value(value, unit) == text
