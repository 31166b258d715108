"""What a comparison of chips shows: table, screen."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.comparison.chips import ChipOutcome, ChipsCompared
    from imssa_sim.config import Base

WIDTH = 80
NAME = 10
"""Columns of the first column."""
TERA = 1e12


def rows_of(comparison: ChipsCompared) -> list[dict[str, Any]]:
    """Return one row a chip, in SI; numbers that are not there are NaN.

    ``chip``, ``title``; accuracy on the chip from 0 to 1 with its 95 % interval, and that of the
    quantised network; ``latency`` [s], ``energy`` per inference [J], ``area`` [m²]; TOPS/W by both
    rules; ``tiles`` that the network takes, and that the chip was built with; its node [m] and
    supply [V]. Then the same with digital parts at the common node (``…_at_node``), the digital
    shares before, and the share of the energy that rests on assumed numbers. ``changed`` is what
    was laid over the chip, ``lacks`` what is not from its data, ``assumed`` which of its settings
    are, ``error`` why there are no numbers.
    """
    return [_row(comparison, outcome) for outcome in comparison.outcomes]


def _row(comparison: ChipsCompared, outcome: ChipOutcome) -> dict[str, Any]:
    nan = float("nan")
    result, a, scaled, base = outcome.result, outcome.accuracy, outcome.scaled, outcome.base
    chip = result.loaded.config.hardware.chip if result else None
    ledger = result.ledger if result else None

    def efficiency(rule: Any, energy: float | None = None) -> float:
        if ledger is None:
            return nan
        return ledger.operations(rule) / (ledger.energy if energy is None else energy) / TERA

    return {
        "chip": outcome.name,
        "title": base.title if base else "",
        "accuracy": a.value if a else nan,
        "accuracy_low": a.low if a else nan,
        "accuracy_high": a.high if a else nan,
        "accuracy_quantised": nan if outcome.digital is None else outcome.digital,
        "latency": result.timing.end_to_end if result else nan,
        "energy": ledger.energy if ledger else nan,
        "area": ledger.area if ledger else nan,
        "tops_per_watt_useful": efficiency("useful"),
        "tops_per_watt_array": efficiency("array"),
        "tiles": result.program.tiles_needed if result else nan,
        "tiles_built": base.tiles if base and base.tiles else nan,
        "technology": chip.technology if chip else nan,
        "supply": chip.supply if chip else nan,
        "energy_at_node": scaled.energy if scaled else nan,
        "area_at_node": scaled.area if scaled else nan,
        "tops_per_watt_useful_at_node": efficiency("useful", scaled.energy if scaled else nan),
        "tops_per_watt_array_at_node": efficiency("array", scaled.energy if scaled else nan),
        "digital_energy_share": scaled.digital_energy if scaled else nan,
        "digital_area_share": scaled.digital_area if scaled else nan,
        "assumed_energy_share": ledger.assumed_share if ledger else nan,
        "changed": " ".join(comparison.changed),
        "lacks": "; ".join(base.lacks) if base else "",
        "assumed": ", ".join(assumed_of(base)) if base else "",
        "error": outcome.error,
    }


def assumed_of(base: Base) -> list[str]:
    """Return the settings of a chip that no source states, by their paths below ``hardware``."""
    return [path for path, source in base.sources.items() if source.status == "assumed"]


def name_of(outcome: ChipOutcome) -> str:
    """Return the name of a chip without its folder."""
    return outcome.name.rsplit("/", 1)[-1].removesuffix(".yaml")


def node_text(comparison: ChipsCompared) -> str:
    """Return the node and supply to which digital parts are scaled."""
    node = comparison.node
    return f"{format_si(node.technology, 'm')}, {node.supply:g} V"


def screen(comparison: ChipsCompared, width: int = WIDTH) -> str:
    """Return tables and what each chip lacks as text for a terminal of 80 columns or more."""
    parts = (_head, _costs, _efficiency, _failed, _lacks)
    lines = [line for part in parts for line in part(comparison, width)]
    return "\n".join(line.rstrip() for line in lines)


def _head(comparison: ChipsCompared, width: int) -> Iterator[str]:
    config, ideal = comparison.loaded.config, comparison.ideal
    chips = f"{comparison.chips} instance{'s' if comparison.chips > 1 else ''} of each chip"
    number = len(comparison.outcomes) - 1
    yield "─" * width
    yield from _wrapped(
        f"{config.workload} on {number} published chip{'s' if number != 1 else ''}: "
        f"{comparison.sequences} sequences on {chips} in {comparison.seconds:.0f} s; "
        + (f"float {ideal.value:.1%}, " if ideal else "")
        + f"guessing {comparison.guessing:.1%}"
        + ("; interrupted" if comparison.interrupted else ""),
        width,
    )
    if comparison.changed:
        yield from _wrapped(f"laid over every chip: {', '.join(comparison.changed)}", width)
    yield "─" * width


def _ran(comparison: ChipsCompared) -> list[tuple[ChipOutcome, dict[str, Any]]]:
    return [(o, _row(comparison, o)) for o in comparison.outcomes if o.result is not None]


def _costs(comparison: ChipsCompared, width: int) -> Iterator[str]:
    yield (
        f"{'chip':<{NAME}}{'tiles':>6}{'of':>6}  {'accuracy, 95 %':<17}"
        f"{'latency':>12}{'energy/inf.':>13}{'area':>13}"
    )
    for outcome, row in _ran(comparison):
        built = f"{row['tiles_built']:.0f}" if row["tiles_built"] == row["tiles_built"] else "-"
        a = outcome.accuracy
        share = f"{a.value:>6.1%} {100 * a.low:.1f}–{100 * a.high:.1f}" if a else "-"
        yield (
            f"{_named(outcome)}{row['tiles']:>6.0f}{built:>6}  {share:<17}"
            f"{format_si(row['latency'], 's'):>12}{format_si(row['energy'], 'J'):>13}"
            f"{format_si(row['area'], 'm^2'):>13}"
        )
    yield ""


def _efficiency(comparison: ChipsCompared, width: int) -> Iterator[str]:
    yield from _wrapped(
        "TOPS/W counting useful and array MACs: as they are, with the share of the energy that is "
        f"digital; and with the digital parts at {node_text(comparison)} (Stillmaker and Baas), "
        "where converters, cells, drivers, memories and all times stay as they are",
        width,
    )
    yield (
        f"{'chip':<{NAME}}{'node':>6}{'useful':>9}{'array':>9}{'digital':>9}"
        f"{'energy':>10}{'area':>11}{'useful':>8}{'array':>8}"
    )
    for outcome, row in _ran(comparison):
        here = (
            f"{_named(outcome)}{format_si(row['technology'], 'm'):>6}"
            f"{_digits(row['tops_per_watt_useful']):>9}{_digits(row['tops_per_watt_array']):>9}"
        )
        if outcome.scaled is None:
            yield f"{here}{'-':>9}{'-':>10}{'-':>11}{'-':>8}{'-':>8}"
            continue
        yield (
            f"{here}{row['digital_energy_share']:>9.0%}{format_si(row['energy_at_node'], 'J'):>10}"
            f"{format_si(row['area_at_node'], 'm^2'):>11}"
            f"{_digits(row['tops_per_watt_useful_at_node']):>8}"
            f"{_digits(row['tops_per_watt_array_at_node']):>8}"
        )
    yield ""


def _failed(comparison: ChipsCompared, width: int) -> Iterator[str]:
    for outcome in comparison.outcomes:
        if outcome.error:
            how = "not scaled" if outcome.result else "cannot hold this network"
            yield from _wrapped(f"{name_of(outcome)}: {how}: {outcome.error}", width)
    if any(o.error for o in comparison.outcomes):
        yield ""


def _lacks(comparison: ChipsCompared, width: int) -> Iterator[str]:
    shown = [(o, o.base) for o in comparison.outcomes if o.base is not None and o.result]
    if not shown:
        return
    yield "not from the chips' data:"
    common = set.intersection(*(set(base.lacks) for _, base in shown)) if len(shown) > 1 else set()
    if common:
        yield from _wrapped(f"all: {'; '.join(t for t in shown[0][1].lacks if t in common)}", width)
    for outcome, base in shown:
        said = [text for text in base.lacks if text not in common]
        if settings := assumed_of(base):
            said.append(f"assumed settings: {', '.join(settings)}")
        yield from _wrapped(f"{name_of(outcome)} ({_rests(outcome)}): {'; '.join(said)}", width)


def _rests(outcome: ChipOutcome) -> str:
    """Return how much of a chip's energy is assumed, and whether it was built that large."""
    assert outcome.result is not None  # chosen so
    ledger, program = outcome.result.ledger, outcome.result.program
    text = f"{ledger.assumed_share:.0%} of the energy on assumed numbers"
    built = outcome.base.tiles if outcome.base else None
    if built and program.tiles_needed > built:
        text += f"; {program.tiles_needed} tiles, where {built} were built"
    return text


def _named(outcome: ChipOutcome) -> str:
    name = name_of(outcome)
    return f"{name if len(name) < NAME else name[: NAME - 1]:<{NAME}}"


def _digits(value: float) -> str:
    return f"{value:.3g}" if value >= 0.01 else f"{value:.2g}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
