"""Write the reference of workload and sweep files, and the index of decisions.

``python docs/make_reference.py`` writes docs/reference/workload.md from the schema, and
docs/decisions/index.md from the decisions; a test fails while a page differs.
"""

from __future__ import annotations

import re
import typing
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from imssa_sim.config import RunConfig
from imssa_sim.config.fields import CardReference, CostOnlyMark, Quantity, Section
from imssa_sim.config.walk import marks, section_of
from imssa_sim.units import format_exact, si_unit

DOCS = Path(__file__).parent
WORKLOAD = DOCS / "reference" / "workload.md"
DECISIONS = DOCS / "decisions" / "index.md"
_HEAD = re.compile(r"# (\d{4})\. (.+)\n\n\*(\w+(?: by \d{4})?), (\d{4}-\d\d-\d\d)\.\*\n")


def workload_page() -> str:
    """Return the reference of workload files: a table a section."""
    lines = [
        "# Workload files, key by key",
        "",
        "Made from the schema by `docs/make_reference.py`. Quantities are texts with a unit; "
        "[decision 0002](../decisions/0002-configuration.md) shows a whole file with comments. "
        "Keys marked with ¢ change costs and times at most. A sweep file names a `workload` and "
        "varies these keys, by their dotted paths, in `set`, `grid` or `list`, with `seeds`; "
        "`accuracy: false` runs its points for their costs alone.",
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
    DECISIONS.write_text(decisions_page(), encoding="utf-8")
