"""Reads a value change dump: paths of variables, and their values in time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from vcd.reader import TokenKind, tokenize


def read_dump(path: Path) -> tuple[str, dict[str, list[tuple[int, str]]]]:
    """Return the timescale, and per variable the changes: time, value.

    Values that repeat are left out, those of vectors have no leading zeros.
    """
    scopes: list[str] = []
    names: dict[str, list[str]] = {}
    found: dict[str, list[tuple[int, str]]] = {}
    now, scale = 0, ""
    with path.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.TIMESCALE:
                scale = str(token.timescale)
            elif token.kind is TokenKind.SCOPE:
                scopes.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR:
                name = ".".join([*scopes, token.var.reference])
                names.setdefault(token.var.id_code, []).append(name)
                found[name] = []
            elif token.kind is TokenKind.CHANGE_TIME:
                now = token.time_change
            else:
                change = {
                    TokenKind.CHANGE_SCALAR: lambda t: t.scalar_change,
                    TokenKind.CHANGE_VECTOR: lambda t: t.vector_change,
                    TokenKind.CHANGE_STRING: lambda t: t.string_change,
                }.get(token.kind)
                if change is None:
                    continue
                held = change(token)
                value = str(held.value)
                if value and set(value) == {"z"}:
                    value = "z"
                for name in names[held.id_code]:
                    if not found[name] or found[name][-1][1] != value:
                        found[name].append((now, value))
    return scale, found


def busy_intervals(changes: list[tuple[int, str]]) -> list[tuple[int, int, int]]:
    """Return (token, start, end) of a variable that holds a token's number, or z."""
    found = []
    for (start, value), (end, _) in pairwise(changes):
        if value != "z":
            found.append((int(value), start, end))
    return found
