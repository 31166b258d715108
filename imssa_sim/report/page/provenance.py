"""What each account rests on: its bookings, the card entries they use, and the sources."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imssa_sim.cards.bibliography import parse_bibtex
from imssa_sim.report.explain import explain_statistic
from imssa_sim.report.page.document import chip, fold, searchable, table
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imssa_sim.report.record import Record

SMALLEST = 0.08
"""Share of a bar from which a part carries its number."""
STATUSES = ("measured", "fitted", "derived", "assumed")


def trust(record: Record) -> Markup:
    """Return the energy by the weakest status of what it rests on, as one bar."""
    values = {s: float(record.values.get(f"energy.status.{s}") or 0.0) for s in STATUSES}
    total = sum(values.values()) or 1.0
    bar = [
        element(
            "span",
            [element("b", f"{value / total:.0%}"), element("span", f"\u00a0{status}")]
            if value / total > SMALLEST
            else None,
            class_=f"seg {status}",
            style=f"width:{100 * value / total:.2f}%",
            data_tip=f"{status}: {format_si(value, 'J')}, {value / total:.1%}",
        )
        for status, value in values.items()
    ]
    words = ", ".join(f"{value / total:.0%} {status}" for status, value in values.items())
    return element("div", bar, class_="trust", role="img", aria_label=f"energy by status: {words}")


def bookings(record: Record) -> Markup:
    """Return what opens for each account, kind and action: counts, parts, entries, sources."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in record.table("ledger"):
        groups.setdefault((row["account"], row["kind"], row["action"]), []).append(row)
    entries: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in record.table("sources"):
        entries.setdefault((row["account"], row["kind"], row["action"]), []).append(row)
    total = float(record.values["energy.inference"] or 0.0)
    ordered = sorted(
        groups.items(), key=lambda item: (item[0][0] == "programming", -_energy(item[1]))
    )
    most = max(_energy(rows) for key, rows in ordered if key[0] != "programming")
    named: set[str] = set()
    found = []
    for key, rows in ordered:
        if _energy(rows) <= 0:
            continue
        account, kind, _ = key
        shown = account if account in ("leakage", "reprogramming") else kind
        first = account != "programming" and shown not in named
        if first:
            named.add(shown)
        found.append(
            _booking(key, rows, entries.get(key, []), total, most, shown if first else None)
        )
    return element("div", found, class_="accounts")


def _booking(
    key: tuple[str, str, str], rows: list[dict[str, Any]], entries: list[dict[str, Any]],
    total: float, most: float, anchor: str | None,
) -> Markup:  # fmt: skip
    account, kind, action = key
    energy, count = _energy(rows), sum(row["count"] for row in rows)
    name = kind if account == "leakage" else f"{kind} {action}"
    share = "once a chip" if account == "programming" else f"{energy / total:.1%}"
    assumed = math.fsum(row["assumed"] for row in rows) / energy
    width = 0.0 if account == "programming" else 100 * energy / most
    head = element(
        "span", element("b", name.replace("_", " ")), element("small", account),
        element("i", style=f"width:{width:.1f}%"),
        element("span", format_si(energy, "J"), class_="num"),
        element("span", share, class_="num"),
        element("span", f"{assumed:.0%} assumed" if assumed >= 0.005 else "", class_="num warn"),
        class_="account-head",
    )  # fmt: skip
    parts = [
        element("p", f"{count:,} × {format_si(energy / count, 'J')}, of "
                + f"{len({row['component'] for row in rows})} components: "
                + _largest(rows))  if count else element("p", _largest(rows)),
        _entries(entries) if entries else
        element("p", "No number of a card: from what was executed.", class_="hint"),
    ]  # fmt: skip
    return fold(head, element("div", parts, class_="account"), f"kind-{anchor}" if anchor else None)


def _largest(rows: list[dict[str, Any]]) -> str:
    parts: dict[str, float] = {}
    for row in rows:
        parts[row["component"]] = parts.get(row["component"], 0.0) + row["energy"]
    best = sorted(parts.items(), key=lambda item: -item[1])[:4]
    more = f" and {len(parts) - len(best)} more" if len(parts) > len(best) else ""
    return ", ".join(f"{name} {format_si(value, 'J')}" for name, value in best) + more


def _entries(entries: list[dict[str, Any]]) -> Markup:
    rows = [
        [
            str(entry["card"]), str(entry["entry"]).replace("_", " "),
            str(entry["value"]).removesuffix(" 1"),
            chip(str(entry["status"])), _cited(str(entry["source"]), str(entry["locator"])),
        ]
        for entry in entries
    ]  # fmt: skip
    head = ("card", "entry", "value", "status", "source")
    return table(head, rows, "card entries that it rests on")


def _cited(sources: str, locator: str) -> Markup:
    links = [element("a", key, href=f"#ref-{key}") for key in sources.split()]
    parts: list[str | Markup] = []
    for link in links:
        parts += [link, " "]
    return element("span", parts, locator)


def references(record: Record) -> Markup:
    """Return the works that the run rests on."""
    found = parse_bibtex(record.citations, "citations.bib")
    items = []
    for key, work in sorted(found.items()):
        doi = work.fields.get("doi", "")
        link = element("a", f"doi:{doi}", href=f"https://doi.org/{doi}", rel="noreferrer")
        words = [work.fields.get(name, "") for name in ("author", "title", "year")]
        text = ". ".join(word.strip("{}") for word in words if word)
        items.append(element("li", element("b", key), " ", text, ". ", link if doi else None,
                             id=f"ref-{key}"))  # fmt: skip
    return element("ul", items, class_="references")


def statistics(record: Record) -> Markup:
    """Return all statistics; each opens to where it comes from."""
    rows = [
        element(
            "details",
            element(
                "summary", element("code", stat.name),
                element("span", shown_value(stat.value, stat.unit), class_="num"),
                element("small", stat.description),
            ),
            element("pre", explain_statistic(record, stat.name)),
            data_row=True,
        )
        for stat in record.stats
    ]  # fmt: skip
    return searchable(element("div", rows, class_="stats"), "statistics", len(rows))


def shown_value(value: Any, unit: str) -> str:
    """Return a statistic for people."""
    if not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if unit in ("J", "s", "W", "m2"):
        return format_si(float(value), {"m2": "m^2"}.get(unit, unit))
    return f"{value:,.6g} {unit}".removesuffix(" 1").removesuffix(" -").rstrip()


def _energy(rows: Iterable[dict[str, Any]]) -> float:
    return math.fsum(row["energy"] for row in rows)
