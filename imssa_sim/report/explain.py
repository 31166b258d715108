"""Where a statistic of a run comes from: accounts, counts, card entries and their sources."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from imssa_sim.registry import unknown
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imssa_sim.report.record import Record

Line = dict[str, Any]
SMALLEST_SHARE = 0.01
"""Components with a smaller share of the statistic are put together."""

FORMULAS = {
    "power.average": "energy.inference / time.end_to_end",
    "edp": "energy.inference * time.end_to_end",
    "tops_per_watt.useful": "ops.useful / energy.inference",
    "tops_per_watt.array": "ops.array / energy.inference",
    "tops_per_mm2.useful": "ops.useful / time.end_to_end / area",
    "tops_per_mm2.array": "ops.array / time.end_to_end / area",
    "time.throughput": "1 / time.sequence_interval",
    "energy.assumed_share": "energy.status.assumed / energy.inference",
}
"""Statistics that are worked out from others."""


def explain_statistic(record: Record, name: str) -> str:
    """Return where a statistic of a run comes from, as an indented tree.

    Raises
    ------
    InputError
        The run has no such statistic.
    """
    stats = {stat.name: stat for stat in record.stats}
    if name not in stats:
        raise unknown("statistic", name, tuple(stats))
    stat = stats[name]
    lines = [f"{name} = {_shown(stat.value, stat.unit)}  # {stat.description}"]
    if name in FORMULAS:
        formula = FORMULAS[name]
        if "passes.batch" in stats:  # a batch shares the time
            formula = formula.replace("/ time.end", "* passes.batch / time.end")
        lines.append(f"  = {formula}")
        operands = (word for word in formula.split() if word in stats)
        lines += [f"    {n} = {_shown(stats[n].value, stats[n].unit)}" for n in operands]
    else:
        lines += _tree(record, name)
    return "\n".join(lines)


def _tree(record: Record, name: str) -> Iterator[str]:
    chosen = _energies(record, name)
    if chosen:
        yield from _accounts(record, chosen, "J")
    elif name == "area" or name.startswith("area."):
        kind = name.removeprefix("area").removeprefix(".")
        rows = [
            {"account": "area", "kind": r["kind"], "action": "area", "component": r["component"],
             "count": r["instances"], "value": r["area"]}
            for r in record.table("area") if kind in ("", r["kind"])
        ]  # fmt: skip
        yield from _accounts(record, rows, "m^2")
    elif name.startswith("time."):
        yield from _times(record)
    elif name.startswith("accuracy."):
        yield from _counted(record, name)
    elif name.startswith("regression."):
        yield from _squared(record, name)
    yield f"  {record.manifest['data']['message']}"
    yield f"  seed {record.manifest['seed']}, imssa_sim {record.manifest['imssa_sim']}"


def _energies(record: Record, name: str) -> list[Line]:
    """Return the rows of the ledger that make up an energy; none if it is no such statistic."""
    rows = record.table("ledger")
    status = name.removeprefix("energy.status.")
    if name != status:
        return [_line(r, r[status]) for r in rows if r["account"] != "programming" and r[status]]
    return [_line(r, r["energy"]) for r in rows if _belongs(r, name)]


def _belongs(row: Line, name: str) -> bool:
    """Tell whether a row of the ledger is part of an energy."""
    match name:
        case "energy.inference":
            return bool(row["account"] != "programming")
        case "energy.array.real_inputs":
            return (row["kind"], row["action"]) == ("array", "read")
        case "programming.energy":
            return bool(row["action"] == "program")
        case "calibration.energy":
            return bool(row["action"] == "calibrate")
        case _ if row["account"] == "programming":
            return name == "energy.account.programming"
        case _:
            names = f"energy.account.{row['account']}", f"energy.{row['layer']}.{row['kind']}"
            return name in names


def _line(row: Line, value: float) -> Line:
    return {
        "account": row["account"], "kind": row["kind"], "action": row["action"],
        "component": row["component"], "count": row["count"], "value": value,
    }  # fmt: skip


def _accounts(record: Record, rows: Sequence[Line], unit: str) -> Iterator[str]:
    total = math.fsum(row["value"] for row in rows)
    for account, of_account in _grouped(rows, "account"):
        yield f"  {account} {_share(of_account, total, unit)}"
        for kind, of_kind in _grouped(of_account, "kind"):
            for action, lines in _grouped(of_kind, "action"):
                yield from _booking(record, (account, kind, action), lines, total, unit)


def _booking(
    record: Record, booking: tuple[str, str, str], lines: list[Line], total: float, unit: str
) -> Iterator[str]:
    account, kind, action = booking
    what = kind if account in ("leakage", "area") else f"{kind} {action}"
    count = sum(line["count"] for line in lines)
    value = math.fsum(line["value"] for line in lines)
    each = f": {count:,} × {format_si(value / count, unit)}" if count else ""
    yield f"    {what} {_share(lines, total, unit)}{each}"
    parts = _grouped(lines, "component")
    large = [part for part in parts if _sum(part[1]) >= SMALLEST_SHARE * total]
    for component, own in large if len(parts) > 1 else parts:
        times = sum(line["count"] for line in own)
        yield (
            f"      {component} {format_si(_sum(own), unit)}" + (f" ({times:,})" if times else "")
        )
    if len(large) < len(parts) and len(parts) > 1:
        yield f"      and {len(parts) - len(large)} components below {SMALLEST_SHARE:.0%}"
    entries = [
        r for r in record.table("sources") if (r["account"], r["kind"], r["action"]) == booking
    ]
    for entry in entries:
        source = ", ".join(str(entry[n]) for n in ("source", "locator") if entry[n] != "")
        yield (
            f"      < {entry['card']} {entry['entry']} = {entry['value']}".removesuffix(" 1")
            + f" ({entry['status']}{f': {source}' if source else ''})"
        )
    if not entries:
        yield f"      < {_EXECUTED.get((kind, action), 'no number of a card')}"


_EXECUTED = {
    ("array", "read"): "the codes and conductances that were executed",
    ("array", "program"): "the write-verify loop that was simulated",
    ("array", "reprogram"): "the write-verify loop that was simulated",
    ("array", "area"): "no number of a card",
}


def _times(record: Record) -> Iterator[str]:
    """Yield what the first token waits for, stage by stage."""
    yield f"  bottleneck: {record.values['time.bottleneck']}"
    yield "  the first time step, stage by stage:"
    for stage, rows in _grouped(
        [row | {"value": row["service_s"]} for row in record.table("latency")], "stage", False
    ):
        parts: dict[str, float] = {}
        for row in rows:
            what = f"{row['kind']} {row['action']}"
            parts[what] = parts.get(what, 0.0) + row["service_s"]
        waiting = math.fsum(row["waiting_s"] for row in rows)
        detail = ", ".join(f"{what} {format_si(time, 's')}" for what, time in parts.items())
        late = f", waiting {format_si(waiting, 's')}" if waiting else ""
        yield f"    {stage} {format_si(_sum(rows), 's')}: {detail}{late}"


def _counted(record: Record, name: str) -> Iterator[str]:
    """Yield how many predictions were right, of each execution that an accuracy is about."""
    about = name.removeprefix("accuracy.").removeprefix("analog.")
    chips = about in ("mean", "deviation", "draw")
    rows = record.table("predictions")
    for column in rows[0] if rows else ():
        if column == about or (chips and column.startswith("chip")):
            given = [row for row in rows if row[column] >= 0]
            right = sum(row[column] == row["labels"] for row in given)
            yield f"  {column}: {right} of {len(given)} right (predictions.csv)"


def _squared(record: Record, name: str) -> Iterator[str]:
    """Yield squared errors of the executions that a measure of a regression is about."""
    parts = name.split(".")
    chips = parts[-1] in ("mean", "deviation") or parts[-2:-1] == ["analog"]
    rows = record.table("predictions")
    output = parts[1].removeprefix("output")
    if output.isdecimal():
        rows = [row for row in rows if row["output"] == int(output)]
    for column in rows[0] if rows else ():
        if column in parts or (chips and column.startswith("chip")):
            errors = [row[column] - row["targets"] for row in rows if not math.isnan(row[column])]
            squares = math.fsum(error * error for error in errors)
            yield f"  {column}: squared errors {squares:.6g} of {len(errors)} (predictions.csv)"


def _grouped(rows: Sequence[Line], key: str, largest: bool = True) -> list[tuple[str, list[Line]]]:
    """Return rows by a key, the largest value first."""
    groups: dict[str, list[Line]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return sorted(groups.items(), key=lambda g: -_sum(g[1])) if largest else list(groups.items())


def _sum(rows: Sequence[Line]) -> float:
    return math.fsum(row["value"] for row in rows)


def _share(rows: Sequence[Line], total: float, unit: str) -> str:
    value = _sum(rows)
    return f"{format_si(value, unit)} ({value / total:.1%})" if total else format_si(value, unit)


def _shown(value: Any, unit: str) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if unit in ("", "1", "tick", "TOPS/W", "TOPS/mm2"):
        return f"{value:,} {unit if unit != '1' else ''}".rstrip()
    return format_si(float(value), {"m2": "m^2"}.get(unit, unit))
