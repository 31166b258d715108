"""The frame of a report: one file with its style and its script inside."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from imssa_sim import __version__
from imssa_sim.report.page.markup import Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Sequence

MADE_BY = '<meta name="generator" content="imssa_sim'
"""By this an earlier report is told from other files."""


@dataclass(frozen=True)
class Chapter:
    """A part of a report: its anchor, its heading, what it holds, a sentence below the heading."""

    anchor: str
    heading: str
    content: Markup
    lead: str = ""


def document(title: str, head: Markup, sections: Sequence[Chapter], foot: Markup) -> str:
    """Return the whole page as text.

    Parameters
    ----------
    title : str
    head : Markup
        What stands above all sections.
    sections : sequence of Chapter
    foot : Markup
    """
    links = [element("a", s.heading, href=f"#{s.anchor}") for s in sections]
    body = join(
        [
            element("a", "Skip to the results", href="#main", class_="skip"),
            element("header", element("div", head, class_="wrap"), class_="top"),
            element("nav", element("div", links, class_="wrap"), aria_label="Sections"),
            element("main", [_section(s) for s in sections], id="main", class_="wrap"),
            element("footer", element("div", foot, class_="wrap")),
            element("div", id="tip", role="tooltip", hidden=True),
            element("script", Markup(_static("page.js"))),
        ]
    )
    meta = [
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content=f"imssa_sim {__version__}"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Markup(_static("page.css"))),
    ]
    whole = element("html", element("head", meta), element("body", body), lang="en")
    return f"<!doctype html>\n{whole}\n"


def _section(section: Chapter) -> Markup:
    return element(
        "section",
        element("h2", section.heading, id=f"{section.anchor}-title"),
        element("p", section.lead, class_="lead") if section.lead else None,
        section.content,
        id=section.anchor,
        aria_labelledby=f"{section.anchor}-title",
    )


def _static(name: str) -> str:
    return files("imssa_sim.report.page").joinpath(name).read_text("utf-8")


def table(
    head: Sequence[str], rows: Sequence[Sequence[str | Markup]], caption: str, *,
    numbers: Sequence[int] = (), searched: bool = False,
) -> Markup:  # fmt: skip
    """Return a table; the first column heads its rows.

    Parameters
    ----------
    head : sequence of str
    rows : sequence of rows of text or markup
    caption : str
        For screen readers, and of the field that filters.
    numbers : sequence of int
        Columns that stand to the right.
    searched : bool
        Whether a field filters the rows.
    """
    cells = [
        element(
            "tr",
            (
                element("th" if n == 0 else "td", cell, scope="row" if n == 0 else None,
                        class_="num" if n in numbers else None)
                for n, cell in enumerate(row)
            ),
        )
        for row in rows
    ]  # fmt: skip
    headings = [
        element("th", text, scope="col", class_="num" if n in numbers else None)
        for n, text in enumerate(head)
    ]
    drawn = element(
        "div",
        element(
            "table", element("caption", caption, class_="quiet"),
            element("thead", element("tr", headings)), element("tbody", cells),
        ),
        class_="scroll", tabindex=0, role="region", aria_label=caption,
    )  # fmt: skip
    if not searched:
        return drawn
    return searchable(drawn, caption, len(rows))


def searchable(content: Markup, what: str, rows: int) -> Markup:
    """Return content below a field that filters its rows."""
    field = element(
        "input", type="search", placeholder=f"filter {rows} {what}", aria_label=f"filter {what}",
        data_filter=True,
    )  # fmt: skip
    return element("div", field, content, class_="searched")


def fold(summary: str | Markup, content: Markup, anchor: str | None = None) -> Markup:
    """Return what opens when its summary is clicked."""
    return element("details", element("summary", summary), content, id=anchor)


def chip(status: str) -> Markup:
    """Return a status of a card's entry with its colour."""
    return element("span", status, class_=f"status {status}")
