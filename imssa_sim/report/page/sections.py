"""The sections of a run's report, each drawn from the run's tables and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.page import flow, provenance
from imssa_sim.report.page import timeline as drawn
from imssa_sim.report.page.bars import BarSegment, Span, legend, spans, stacked
from imssa_sim.report.page.document import chip, fold, table
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.page.scales import Scale, decades, fitted
from imssa_sim.report.page.sunburst import sunburst
from imssa_sim.report.record import EVALUATED
from imssa_sim.report.tables import energy_of_record
from imssa_sim.simulation.intervals import wilson
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imssa_sim.report.record import Record

ACCURACY = "Dots are shares of the test sequences, bars their 95 % Wilson intervals."
TIMELINE = (
    "The first time steps through the chip: occupancy (a colour a step), use of each component, "
    "and steps that wait before each stage. Grey: not recorded, later steps come by there too."
)
UTILISATION = "Share of the end-to-end time in which each component is in use."
PROVENANCE = (
    "Every account down to the card entries it rests on, with their status and source. A share is "
    "of the energy per inference."
)
SENSITIVITY = "Each entry alone at both ends of its range; grey: the total over all draws."
BASELINES = "The same network on a GPU, by the roofline and launch times of its card."
DRIVERS = 12
SMALLEST_SHARE = 0.005
"""Kinds with a smaller share of the energy are drawn as one."""


def number(record: Record, name: str) -> float | None:
    """Return a statistic that is a number."""
    value = record.values.get(name)
    return float(value) if isinstance(value, int | float) else None


def percent(value: float) -> str:
    """Return a share for an axis."""
    return f"{100 * value:.4g}%"


def key_figures(record: Record) -> Markup:
    """Return the numbers that matter first, as cards."""
    regression = "regression.samples" in record.values
    cards = [_r2_card(record) if regression else _accuracy_card(record)]
    for name, words, unit, more in (
        ("time.end_to_end", "latency", "s", _of(record, "time.interval", "s", "a step every {}")),
        ("energy.inference", "energy per inference", "J", _assumed(record)),
        ("power.average", "average power", "W", ""),
        ("tops_per_watt.useful", "TOPS/W, useful MACs", "", _of(record, "tops_per_watt.array", "",
                                                                 "{} counting array MACs")),
        ("area", "area", "m^2", _of(record, "tiles.needed", "", "{} tiles")),
    ):  # fmt: skip
        value = number(record, name)
        if value is not None:
            text = format_si(value, unit) if unit else f"{value:.4g}"
            cards.append(_card(words, text, more))
    return element("dl", cards, class_="cards")


def _card(words: str, text: str, more: str | Markup) -> Markup:
    main, _, unit = text.partition(" ")
    return element(
        "div", element("dt", words),
        element("dd", main, element("small", f" {unit}") if unit else None),
        element("dd", more, class_="more") if more else None,
    )  # fmt: skip


def _of(record: Record, name: str, unit: str, words: str) -> str:
    value = number(record, name)
    if value is None:
        return ""
    return words.format(format_si(value, unit) if unit else f"{value:.4g}")


def _assumed(record: Record) -> str:
    share = number(record, "energy.assumed_share")
    return "" if share is None else f"{share:.0%} on assumed numbers"


def _accuracy_card(record: Record) -> Markup:
    mean, quantised = number(record, "accuracy.analog.mean"), number(record, "accuracy.digital")
    if mean is None:
        ran = any(name in record.values for name in EVALUATED)
        return _card("accuracy", "–", "no chip ran" if ran else "costs alone")
    more = "" if quantised is None else f"{quantised:.1%} quantised"
    return _card("accuracy on the chip", f"{100 * mean:.1f} %", more)


def _r2_card(record: Record) -> Markup:
    mean, error = (number(record, f"regression.{m}.analog.mean") for m in ("r2", "rmse"))
    alone = number(record, "regression.outputs") == 1
    more = f"RMSE {error:.4g}" if alone and error is not None else ""
    return _card("R² on the chip", "–" if mean is None else f"{mean:.4g}", more)


def accuracy(record: Record) -> Markup:
    """Return accuracies of all executions with their intervals."""
    samples = int(number(record, "accuracy.samples") or 1)
    each = int(number(record, "accuracy.analog.samples") or samples)
    chips = [n for n in record.values if n.startswith("accuracy.analog.chip")]
    rows = []
    for name, words, count, colour in (
        ("accuracy.float", "float", samples, PALETTE[8]),
        ("accuracy.digital", "quantised", samples, PALETTE[7]),
        *((n, n.removeprefix("accuracy.analog.").replace("chip", "chip "), each, PALETTE[0])
          for n in chips),
    ):  # fmt: skip
        value = number(record, name)
        if value is not None:
            share = wilson(value, count)
            text = f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"
            rows.append(Span(words, share.low, share.high, share.value, text, colour))
    guess = 1 / int(record.config["model.classes"])
    ends = [end for row in rows for end in (row.low, row.high)]
    scale = fitted(ends, 0.15)
    scale = Scale(max(0.0, scale.low), min(1.0, scale.high))
    note = f"{samples} test sequences, {each} on each chip; guessing gives {guess:.1%}."
    low, high = (number(record, f"accuracy.analog.{end}") for end in ("low", "high"))
    if low is not None and high is not None:
        note += f" For further chips and sequences, 95 % interval {low:.1%} to {high:.1%}."
    marks = [(guess, f"guessing {guess:.1%}")] if scale.low <= guess <= scale.high else []
    return element(
        "div", spans(rows, scale, percent, "accuracies", marks), element("p", note, class_="hint")
    )


def stream(record: Record) -> Markup:
    """Return accuracy against time since programming."""
    points: dict[float, list[float]] = {}
    for row in record.table("stream"):
        points.setdefault(row["clock_s"], []).append(row["accuracy"])
    ends = [a for found in points.values() for a in found]
    scale = fitted(ends, 0.1)
    rows = [
        Span(format_si(time, "s"), min(found), max(found), sum(found) / len(found),
             f"{sum(found) / len(found):.1%}")
        for time, found in sorted(points.items())
    ]  # fmt: skip
    return spans(rows, scale, percent, "accuracy against time since programming, over the chips")


def energy_lead(record: Record) -> str:
    """Return what the energy is made of, in a sentence."""
    total = number(record, "energy.inference") or 0.0
    accounts = [
        f"{name.rsplit('.', 1)[1].replace('_', ' ')} {float(value) / total:.0%}"
        for name, value in record.values.items()
        if name.startswith("energy.account.") and "programming" not in name
        and isinstance(value, int | float) and value > 0 and total
    ]  # fmt: skip
    once = number(record, "programming.energy")
    more = "" if once is None else f"; programming the chip once takes {format_si(once, 'J')}"
    return f"{format_si(total, 'J')} per inference: {', '.join(accounts)}{more}."


def energy(record: Record) -> Markup:
    """Return the energy as rings, and as bars a layer."""
    whole = energy_of_record(record)
    shown = whole.gathered(SMALLEST_SHARE)
    rows = []
    for layer, values in zip(shown.layers, shown.energy, strict=True):
        segments = [
            BarSegment(kind, float(value),
                    f"{layer}, {kind.replace('_', ' ')}: {format_si(float(value), 'J')}, "
                    f"{float(value) / shown.total:.1%}", "" if kind == "other" else f"kind-{kind}")
            for kind, value in zip(shown.kinds, values, strict=True)
        ]  # fmt: skip
        rows.append((layer, segments))
    numbers = [
        [layer, *(format_si(float(v), "J") if v else "–" for v in values)]
        for layer, values in zip(whole.layers, whole.energy, strict=True)
    ]
    head = ["layer", *(kind.replace("_", " ") for kind in whole.kinds)]
    as_table = table(head, numbers, "energy per inference by layer and component kind",
                     numbers=range(1, len(head)))  # fmt: skip
    return element(
        "div",
        element(
            "div", element("figure", sunburst(shown)),
            element("div", element("h3", "By layer"),
                    stacked(rows, "J", "energy by layer and component kind"),
                    legend(shown.kinds)),
            class_="two",
        ),
        fold("As a table", as_table),
    )  # fmt: skip


def latency_lead(record: Record) -> str:
    """Return the times of a run in a sentence."""
    first, step, end = (
        number(record, f"time.{n}") for n in ("first_output", "interval", "end_to_end")
    )
    bottleneck = next((s for s in record.stats if s.name == "time.bottleneck"), None)
    why = "" if bottleneck is None else f" Bottleneck: {bottleneck.value}, {bottleneck.description}"
    return (
        f"The first output comes after {format_si(first or 0, 's')}, a step every "
        f"{format_si(step or 0, 's')}, the class after {format_si(end or 0, 's')}.{why}"
    )


def latency(record: Record) -> Markup:
    """Return what the first step waits for, stage by stage."""
    stages: dict[str, list[BarSegment]] = {}
    for row in record.table("latency"):
        words = f"{flow.below_chip(row['component'])}: {row['action']}"
        own = stages.setdefault(flow.below_chip(row["stage"]), [])
        if row["waiting_s"]:
            tip = f"waiting for {words}, {format_si(row['waiting_s'], 's')}"
            own.append(BarSegment("waiting", row["waiting_s"], tip))
        tip = f"{words}, {format_si(row['service_s'], 's')}"
        own.append(BarSegment(row["kind"], row["service_s"], tip))
    kinds = dict.fromkeys(s.kind for segments in stages.values() for s in segments if s.value)
    return element(
        "div", stacked(list(stages.items()), "s", "latency of one step by stage"), legend(kinds)
    )


def timeline(record: Record) -> Markup:
    """Return the first steps: occupancy, use and queues over one axis."""
    rows = flow.occupied(record)
    if not rows:
        return element("p", "The run stored no timeline.", class_="hint")
    end = max(row.end for row in rows)
    mean = {
        name.removeprefix("utilisation."): float(value)
        for name, value in record.values.items()
        if name.startswith("utilisation.") and isinstance(value, int | float)
    }
    steps = len({row.token for row in rows})
    waiting = drawn.waiting(flow.queues(rows, flow.order_of(record, rows)), end)
    groups = [
        element("h3", f"Occupancy, the first {steps} steps"), *drawn.occupancy(rows, end),
        element("h3", "Use, with the share over a whole sequence"),
        *drawn.use(flow.lanes(rows, end), end, mean),
        element("h3", "Steps that wait before a stage"), *waiting,
    ]  # fmt: skip
    return drawn.zoomed(end, groups, "timeline of the first steps")


def utilisation(record: Record) -> Markup:
    """Return the share of time in which each component is in use, the busiest first."""
    shares = {
        flow.below_chip(name.removeprefix("utilisation.")): float(value)
        for name, value in record.values.items()
        if name.startswith("utilisation.") and isinstance(value, int | float)
    }
    busiest = sorted(shares.items(), key=lambda item: -item[1])
    rows = [
        Span(name, 0.0, share, None, f"{share:.1%}", "var(--accent)") for name, share in busiest
    ]
    shown = spans(rows[:DRIVERS], Scale(0.0, 1.0), percent, "utilisation, the busiest first")
    rest = rows[DRIVERS:]
    if not rest:
        return shown
    more = spans(rest, Scale(0.0, 1.0), percent, "utilisation of the others")
    return element("div", shown, fold(f"{len(rest)} more components", more))


def area(record: Record) -> Markup:
    """Return the area by kind of component."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in record.table("area"):
        kinds.setdefault(row["kind"], []).append(row)
    total = sum(row["area"] for rows in kinds.values() for row in rows) or 1.0
    parts = []
    for kind, rows in sorted(kinds.items(), key=lambda item: -sum(r["area"] for r in item[1])):
        value = sum(row["area"] for row in rows)
        tip = f"{kind.replace('_', ' ')}: {format_si(value, 'm^2')}, {value / total:.1%}"
        parts.append(BarSegment(kind, value, tip))
    rows_ = [("chip", parts)]
    rows_ += [
        (str(row["layer"]), _area_of(record, str(row["layer"]))) for row in record.table("layers")
    ]
    return element(
        "div", stacked([r for r in rows_ if r[1]], "m^2", "area by layer and component kind"),
        legend([part.kind for part in parts if part.value > SMALLEST_SHARE * total]),
    )  # fmt: skip


def _area_of(record: Record, layer: str) -> list[BarSegment]:
    sums: dict[str, float] = {}
    for row in record.table("area"):
        if row["layer"] == layer:
            sums[row["kind"]] = sums.get(row["kind"], 0.0) + row["area"]
    return [
        BarSegment(kind, value, f"{layer}, {kind.replace('_', ' ')}: {format_si(value, 'm^2')}")
        for kind, value in sorted(sums.items(), key=lambda item: -item[1])
    ]


def provenance_of(record: Record) -> Markup:
    """Return how far the energy is to be trusted, and what each account rests on."""
    words = "Energy by the weakest status of what it rests on"
    return element(
        "div", element("h3", words), provenance.trust(record), provenance.bookings(record)
    )


def sensitivity(tree: Mapping[str, Any]) -> Markup:
    """Return what moves energy and area."""
    parts = []
    for total, unit in (("energy", "J"), ("area", "m^2")):
        interval, drivers = tree["intervals"][total], tree["drivers"][total][:DRIVERS]
        rows = [
            Span("all draws", interval["low"], interval["high"], interval["nominal"],
                 f"{format_si(interval['low'], unit)} – {format_si(interval['high'], unit)}",
                 "var(--quiet)")
        ]  # fmt: skip
        rows += [
            Span(f"{d['card']} {d['entry'].replace('_', ' ')}", min(d["low"], d["high"]),
                 max(d["low"], d["high"]), None,
                 f"{format_si(d['low'], unit)} – {format_si(d['high'], unit)}", PALETTE[1])
            for d in drivers
        ]  # fmt: skip
        models = tree["adc_models_with_all_entries_at_their_medians"]
        centres = [centre[total] for centre in models.values()]
        if len(centres) > 1:
            text = f"{format_si(min(centres), unit)} – {format_si(max(centres), unit)}"
            name = f"which of {len(centres)} ADC cost models"
            rows.append(Span(name, min(centres), max(centres), None, text, PALETTE[2]))
        scale = fitted([end for row in rows for end in (row.low, row.high)])
        marks = [(interval["nominal"], f"the cards' own numbers: "
                  f"{format_si(interval['nominal'], unit)}")]  # fmt: skip
        show = _shown(unit)
        parts += [
            element("h3", f"What moves the {total}"),
            spans(rows, scale, show, f"what moves the {total}", marks),
        ]
    level, draws = tree["level"], tree["draws"]
    parts.append(element("p", f"{level:.0%} intervals of {draws:,} draws.", class_="hint"))
    return element("div", parts, class_="wide-names")


def _shown(unit: str) -> Any:
    return lambda value: format_si(value, unit, 3)


def baselines(record: Record) -> Markup | None:
    """Return the chip beside GPUs, in energy and latency."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in record.values.items():
        if name.startswith("baseline."):
            card, mode, batch, what = name.split(".", 4)[1:]
            found.setdefault(f"{card} {mode} {batch}", {})[what] = value
    if not found:
        return None
    chip_row: dict[str, Any] = {
        "energy": record.values["energy.inference"], "latency": record.values["time.end_to_end"],
        "tops_per_watt": record.values["tops_per_watt.useful"], "bound": "",
    }  # fmt: skip
    rows: dict[str, dict[str, Any]] = {"this chip": chip_row, **found}
    parts = []
    for key, words, unit in (("energy", "Energy per inference", "J"), ("latency", "Latency", "s")):
        scale = decades(float(row[key]) for row in rows.values())
        drawn_rows = [
            Span(_gpu(name), scale.low, float(row[key]), float(row[key]),
                 format_si(float(row[key]), unit), PALETTE[0 if name == "this chip" else 8])
            for name, row in rows.items()
        ]  # fmt: skip
        parts.append(
            element("div", element("h3", words), spans(drawn_rows, scale, _shown(unit), words))
        )
    head = ("", "latency of a batch", "energy", "TOPS/W", "bound by", "chip's advantage")
    chip_energy = float(chip_row["energy"] or 1.0)
    cells: list[list[str | Markup]] = [
        [
            _gpu(name), format_si(float(row["latency"]), "s"), format_si(float(row["energy"]), "J"),
            f"{float(row['tops_per_watt']):.3g}", str(row["bound"]),
            "" if name == "this chip" else f"×{float(row['energy']) / chip_energy:,.0f} energy",
        ]
        for name, row in rows.items()
    ]  # fmt: skip
    return element(
        "div", element("div", parts, class_="two even"),
        fold("As a table", table(head, cells, "chip and GPUs", numbers=(1, 2, 3, 5))),
    )  # fmt: skip


def _gpu(name: str) -> str:
    words = {"recurrent": "recur.", "convolution": "conv."}
    card, *rest = name.replace("batch", "× ").split(" ", 1)
    return " ".join([card.replace("_", " "), *(" ".join(words.get(w, w) for w in r.split(" "))
                                               for r in rest)])  # fmt: skip


def configuration_lead(record: Record) -> str:
    """Return how many values come from where."""
    if "settings" not in record.tables:
        return "The run was stored by a version that did not note where values come from."
    origins = [row["origin"] for row in record.table("settings")]
    return (
        f"{len(origins)} values: {origins.count('file')} from the workload, "
        f"{origins.count('override')} overridden, {origins.count('default')} defaults."
    )


def configuration(record: Record) -> Markup:
    """Return every setting, with where it comes from."""
    if "settings" not in record.tables:
        rows: list[list[str | Markup]] = [[k, str(v), ""] for k, v in record.config.items()]
    else:
        rows = [
            [str(r["setting"]), str(r["value"]), element("span", chip(str(r["origin"])), " ",
                                                         _file(str(r["place"])))]
            for r in record.table("settings")
        ]  # fmt: skip
    return table(("setting", "value", "from"), rows, "settings", searched=True)


def _file(place: str) -> Markup:
    return element("small", place.rsplit("/", 1)[-1], title=place)
