"""Elements of HTML and SVG as text; whatever is not markup already is escaped."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_VOID = ("br", "input", "link", "meta")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | int | float | None
Attribute = str | int | float | bool | None


def element(tag: str, /, *children: Child | Iterable[Child], **attributes: Attribute) -> Markup:
    """Return an element.

    Parameters
    ----------
    tag : str
    *children : text, markup, number, or an iterable of them
        None is left out.
    **attributes : text or number
        ``class_`` and ``for_`` lose their underscore, other underscores become hyphens; None and
        False are left out, True stands without a value.
    """
    given = "".join(
        f" {_name(key)}" + ("" if value is True else f'="{_value(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{tag}{given}>")
    return Markup(f"<{tag}{given}>{join(children)}</{tag}>")


def join(children: Iterable[Child | Iterable[Child]]) -> Markup:
    """Return children one after the other."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str | int | float):
            parts.append(html.escape(_text(child), quote=False))
        elif child is not None:
            parts.append(join(child))
    return Markup("".join(parts))


def _name(key: str) -> str:
    if key in ("viewBox", "preserveAspectRatio"):
        return key
    return key.rstrip("_").replace("_", "-")


def _value(value: Attribute) -> str:
    return html.escape(_text(value), quote=True)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
