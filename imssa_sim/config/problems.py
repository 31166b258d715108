"""Validation errors of pydantic to problems in the words of the project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from imssa_sim.config.fields import Section, shown
from imssa_sim.config.walk import key_advice
from imssa_sim.errors import Problem, nearest
from imssa_sim.files.source import KeyPath

_YAML_1_1_WORDS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a word or text",
    "tuple_type": "a list",
    "model_type": "a section of 'key: value' lines",
    "dict_type": "a section of 'key: value' lines",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def describe(error: ValidationError, root: type[Section]) -> Iterator[tuple[KeyPath, Problem]]:
    """Yield the path and the problem (without its position) of each error."""
    found = error.errors(include_url=False)
    renamed = set()
    for entry in found:
        if entry["type"] == "extra_forbidden":
            close, _ = key_advice(root, entry["loc"])
            renamed.add((*entry["loc"][:-1], close))
    for entry in found:
        path: KeyPath = entry["loc"]
        if entry["type"] == "missing" and path in renamed:
            continue  # it is there under a misspelt name, which is reported
        yield path, _problem(entry["type"], path, entry, root)


def _problem(kind: str, path: KeyPath, entry: Any, root: type[Section]) -> Problem:
    context = entry.get("ctx", {})
    value = entry.get("input")
    if kind == "imssa":
        return Problem(context["what"], suggestion=context["suggestion"], remedy=context["remedy"])
    if kind == "extra_forbidden":
        suggestion, remedy = key_advice(root, path)
        return Problem(f"unknown key '{path[-1]}'", suggestion=suggestion, remedy=remedy)
    if kind == "missing":
        return Problem(f"missing key '{path[-1]}'", remedy="it has no default: add it")
    if kind == "literal_error":
        choices = [c.strip("'") for c in context["expected"].replace(" or ", ", ").split(", ")]
        what = f"{shown(value)} is not one of {', '.join(choices)}"
        return Problem(what, suggestion=nearest(value, choices))
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return Problem(
            f"{shown(value)} is out of range", remedy=f"it must be {words} {context[key]:g}"
        )
    if kind == "string_too_short":
        return Problem("must not be empty")
    if kind in _WANTED:
        remedy = ""
        if kind == "bool_type" and isinstance(value, str):
            word = _YAML_1_1_WORDS.get(value.lower(), "")
            remedy = f"write {word}" if word else ""
        elif kind == "int_type" and isinstance(value, str) and value.strip().isdigit():
            remedy = "remove the quotes"
        return Problem(f"{shown(value)} is not {_WANTED[kind]}", remedy=remedy)
    return Problem(f"{entry['msg']} (given: {shown(value)})")
