"""What a search found: tables, screen, workload files of the front."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from imssa_sim.config import dump_resolved
from imssa_sim.config.load import load_config
from imssa_sim.ledger.rows import write_rows
from imssa_sim.searches.goals import ACCURACY
from imssa_sim.searches.plan import SHORT
from imssa_sim.simulation.intervals import Z95
from imssa_sim.sweeps.execute import overrides_of
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imssa_sim.searches.front import Member
    from imssa_sim.searches.plan import SearchPlan
    from imssa_sim.searches.run import Found
    from imssa_sim.searches.trial import Evaluation

WIDTH = 80
SHOWN = 20
"""Points of the front on the screen."""
REASONS = 5
"""Reasons for the end of trials that the screen names."""
_COLUMN = 15


def trial_rows(found: Found) -> list[dict[str, Any]]:
    """Return a row a trial: its number, why it ended, the plan's statistics, its settings.

    Statistics in SI, not a number where none is known; of a trial that is not ``whole`` the costs
    alone, and the accuracy as far as it was measured, with the bounds of its 95 % interval.
    """
    on_front = {point.trial for point in found.front}
    return [
        {
            "trial": number,
            "front": number in on_front,
            "end": record.end,
            **{stat: record.value(stat) for stat in found.plan.stats},
            **_bounds(found.plan, record),
            "evaluations": record.heats,
            "hypervolume": volume,
            **_turned(found.plan, record.settings),
            "error": record.error,
        }
        for (number, record), volume in zip(
            sorted(found.records.items()), found.volumes, strict=True
        )
    ]


def _bounds(plan: SearchPlan, record: Evaluation) -> dict[str, float]:
    if not plan.needs_accuracy:
        return {}
    nan = float("nan")
    low, high = record.share[1:] if record.share else (nan, nan)
    return {f"{ACCURACY}.low": low, f"{ACCURACY}.high": high}


def _turned(plan: SearchPlan, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that knobs made."""
    paths = [path for knob in plan.knobs for path in knob.choices[0]]
    return {path: settings[path] for path in paths}


def write_search(found: Found, folder: Path) -> None:
    """Write ``trials.csv``, ``front.csv``, ``search.txt`` and a workload a point of the front.

    ``front/NNNN.yaml`` has the number of the trial; running it gives the row's statistics.
    """
    rows = trial_rows(found)
    for name, kept in (("trials", rows), ("front", [row for row in rows if row["front"]])):
        if kept:
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                write_rows(file, kept)
    (folder / "search.txt").write_text(screen(found) + "\n", encoding="utf-8")
    place = folder / "front"
    place.mkdir(exist_ok=True)
    wanted = {workload_of(place, point): point for point in found.front}
    for old in set(place.glob("*.yaml")) - set(wanted):
        old.unlink()
    for path, point in wanted.items():
        loaded = load_config(found.plan.workload, overrides_of(point.record.settings))
        path.write_text(dump_resolved(loaded), encoding="utf-8")


def workload_of(place: Path, point: Member) -> Path:
    """Return the workload file of a point."""
    return place / f"{point.trial:04d}.yaml"


def screen(found: Found, width: int = WIDTH) -> str:
    """Return what was found as plain text for a terminal of 80 columns or more."""
    parts = (_head, _front, _importances)
    return "\n".join(line.rstrip() for part in parts for line in part(found, width))


def _head(found: Found, width: int) -> Iterator[str]:
    plan = found.plan
    yield "─" * width
    yield from textwrap.wrap(plan.description or f"search {plan.name}", width)
    ends = Counter(record.end for record in found.records.values())
    whole = ends.pop("whole", 0)
    text = f"{len(found.records)} trials of {plan.size:,} points ({plan.sampler}, seed {plan.seed})"
    if plan.needs_accuracy:
        text += f", {whole} evaluated whole"
    yield from textwrap.wrap(text + ("; interrupted" if found.interrupted else ""), width)
    told = [f"{count} {end}" for end, count in ends.most_common(REASONS)]
    rest = sum(ends.values()) - sum(count for _, count in ends.most_common(REASONS))
    if told:
        yield from textwrap.wrap(", ".join(told + ([f"{rest} other"] if rest else [])), width)
    errors = Counter(r.error for r in found.records.values() if r.error)
    for error, count in errors.most_common(2):
        yield from textwrap.wrap(f"{count} × {error}", width, max_lines=2)
    yield "─" * width


def _front(found: Found, width: int) -> Iterator[str]:
    plan = found.plan
    if not found.front:
        yield from textwrap.wrap(
            "no trial holds all constraints: no front" + _nearest(found), width
        )
        return
    names = [SHORT.get(stat, stat) for stat in plan.stats]
    yield f"{'trial':<7}" + "".join(f"{name[: _COLUMN - 1]:>{_COLUMN}}" for name in names)
    for point in found.front[:SHOWN]:
        mark = "  knee" if found.knee is not None and point == found.knee else ""
        cells = [value_text(point.record.value(s), plan.units[s], s) for s in plan.stats]
        yield f"{point.trial:<7}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells) + mark
        yield from textwrap.wrap(
            _settings(plan, point.record), width, initial_indent="  ", subsequent_indent="  ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
    if len(found.front) > SHOWN:
        yield f"{len(found.front) - SHOWN} more points of the front are in front.csv"
    share = next((p.record.share for p in found.front if p.record.share), None)
    if share:
        half = max(
            (p.record.share[2] - p.record.share[1]) / 2 for p in found.front if p.record.share
        )
        yield f"accuracies ± {100 * half:.1f} points at most (95 %, z = {Z95:.2f})"
    yield ""


def _nearest(found: Found) -> str:
    """Return which constraint most trials break."""
    ends = Counter(r.end for r in found.records.values() if r.end.startswith("breaks"))
    return f"; most often a trial {ends.most_common(1)[0][0]}" if ends else ""


def _settings(plan: SearchPlan, record: Evaluation) -> str:
    parts = []
    for path, value in _turned(plan, record.settings).items():
        parts.append(f"{short_path(plan, path)} {value}")
    return ", ".join(parts)


def short_path(plan: SearchPlan, path: str) -> str:
    """Return the end of a path that tells it from those of other knobs."""
    others = [p for knob in plan.knobs for p in knob.choices[0]]
    words = path.split(".")
    for length in range(min(2, len(words)), len(words)):
        end = ".".join(words[-length:])
        if sum(f".{other}".endswith(f".{end}") for other in others) == 1:
            return end
    return path


def value_text(value: float, unit: str, stat: str = "") -> str:
    """Return a statistic for people."""
    if stat.startswith("accuracy."):
        return f"{value:.1%}"
    if stat.startswith("area") and unit == "m2":
        return f"{value * 1e6:.4g} mm²"
    if unit in ("J", "s", "W"):
        return format_si(value, unit)
    return f"{value:.4g} {unit if unit != '1' else ''}".strip()


def _importances(found: Found, width: int) -> Iterator[str]:
    shown = {stat: shares for stat, shares in found.importances.items() if shares}
    if not shown:
        return
    stats = list(shown)
    yield f"{'share of the variance (fANOVA)':<{width - 12 * len(stats)}}" + "".join(
        f"{SHORT.get(stat, stat)[:11]:>12}" for stat in stats
    )
    names = sorted(
        (knob.name for knob in found.plan.knobs),
        key=lambda name: -max(shares.get(name, 0.0) for shares in shown.values()),
    )
    room = width - 12 * len(stats)
    for name in names:
        yield f"{name[-(room - 1) :]:<{room}}" + "".join(
            f"{shown[stat].get(name, 0.0):>12.0%}" for stat in stats
        )
