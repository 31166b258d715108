"""Write the reference of workload, sweep and search files, and the index of decisions.

``python docs/make_reference.py`` writes docs/reference/workload.md from the schema, sweep.md and
search.md from the keys that their readers know, and docs/decisions/index.md from the decisions; a
test fails while a page differs.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from imssa_sim.config import RunConfig
from imssa_sim.config.fields import CardReference, CostOnlyMark, Quantity, Section
from imssa_sim.config.walk import marks, section_of
from imssa_sim.files.keys import FileKey
from imssa_sim.searches import plan as search_keys
from imssa_sim.sweeps import plan as sweep_keys
from imssa_sim.units import format_exact, si_unit

DOCS = Path(__file__).parent
WORKLOAD = DOCS / "reference" / "workload.md"
SWEEP = DOCS / "reference" / "sweep.md"
SEARCH = DOCS / "reference" / "search.md"
DECISIONS = DOCS / "decisions" / "index.md"
_HEAD = re.compile(r"# (\d{4})\. (.+)\n\n\*(\w+(?: by \d{4})?), (\d{4}-\d\d-\d\d)\.\*\n")


def workload_page() -> str:
    """Return the reference of workload files: a table a section."""
    lines = [
        "# Workload files, key by key",
        "",
        "Made from the schema by `docs/make_reference.py`. Quantities are texts with a unit; "
        "[decision 0002](../decisions/0002-configuration.md) shows a whole file with comments. "
        "Keys marked with ¢ change costs and times at most. [Sweep files](sweep.md) and "
        "[search files](search.md) vary these keys by their dotted paths.",
    ]
    _section(RunConfig, "", lines)
    return "\n".join([*lines, ""])


def _section(section: type[Section], path: str, lines: list[str]) -> None:
    title = f"`{path}`" if path else "Top level"
    text = " ".join((section.__doc__ or "").split("\n\n")[0].split())
    lines += ["", f"## {title}", "", text, "", "| key | takes | default |", "|---|---|---|"]
    inner = []
    for name, field in section.model_fields.items():
        held = section_of(field)
        if held is not None:
            inner.append((held, f"{path}.{name}" if path else name))
            lines.append(f"| `{name}` | a section, below | |")
            continue
        free = " ¢" if any(isinstance(m, CostOnlyMark) for m in marks(field)) else ""
        lines.append(f"| `{name}`{free} | {_takes(field)} | {_default(field)} |")
    for held, below in inner:
        _section(held, below, lines)


def _takes(field: FieldInfo) -> str:
    for mark in marks(field):
        if isinstance(mark, Quantity):
            return f"{mark.dimension} [{si_unit(mark.dimension)}]"
        if isinstance(mark, CardReference):
            return f"card of kind {mark.kind}"
    return _words(field.annotation)


def _words(annotation: object) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _words(arguments[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if annotation is type(None):
        return "null"
    if origin in (list, tuple):
        return f"list of {_words(arguments[0])}"
    if arguments:
        return " or ".join(dict.fromkeys(map(_words, arguments)))
    names = {int: "whole number", float: "number", str: "text", bool: "true, false"}
    return names.get(annotation, "text")  # type: ignore[call-overload,no-any-return]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined or value is None:
        return "" if value is PydanticUndefined else "null"
    for mark in marks(field):
        if isinstance(mark, Quantity) and isinstance(value, float):
            return format_exact(value, mark.dimension)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else ""


def sweep_page() -> str:
    """Return the reference of sweep files."""
    about = (
        "A sweep runs a workload at many points: every combination of a `grid`, or each entry of "
        "a `list`. Paths and values are those of [workload files](workload.md); "
        "[this guide](../scaling.md) says where the points run."
    )
    return _keys_page("Sweep files, key by key", "imssa_sim.sweeps.plan", about, sweep_keys.KEYS)


def search_page() -> str:
    """Return the reference of search files."""
    about = (
        "A search turns knobs of a workload towards objectives, within constraints. Paths and "
        "values are those of [workload files](workload.md); [this guide](../search.md) has an "
        "example."
    )
    return _keys_page(
        "Search files, key by key", "imssa_sim.searches.plan", about, search_keys.KEYS
    )


def _keys_page(title: str, module: str, about: str, keys: Mapping[str, FileKey]) -> str:
    return "\n".join([
        f"# {title}", "",
        f"Made by `docs/make_reference.py` from `{module}.KEYS`, which the reader of these files "
        f"goes by. {about}", "",
        "| key | takes | default |", "|---|---|---|",
        *(f"| `{name}` | {key.takes} | {key.default} |" for name, key in keys.items()), "",
    ])  # fmt: skip


def decisions_page() -> str:
    """Return the index of decisions with their status and date."""
    rows, files = [], []
    for file in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        found = _HEAD.match(file.read_text("utf-8"))
        if found is None:
            raise ValueError(f"{file.name}: begin with '# NNNN. Title' and '*Accepted, DATE.*'")
        number, title, status, date = found.groups()
        rows.append(f"| {number} | [{title}]({file.name}) | {status.lower()} | {date} |")
        files.append(file.stem)
    return "\n".join([
        "# Decisions", "", "What another engineer would question, and why it is so.", "",
        "| | decision | status | since |", "|---|---|---|---|", *rows, "",
        "```{toctree}", ":hidden:", "", *files, "```", "",
    ])  # fmt: skip


if __name__ == "__main__":
    WORKLOAD.parent.mkdir(exist_ok=True)
    WORKLOAD.write_text(workload_page(), encoding="utf-8")
    SWEEP.write_text(sweep_page(), encoding="utf-8")
    SEARCH.write_text(search_page(), encoding="utf-8")
    DECISIONS.write_text(decisions_page(), encoding="utf-8")
