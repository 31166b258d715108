"""The report of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.page import arrivals, fit, provenance, sections
from imssa_sim.report.page.document import Chapter, document, fold
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.record import EVALUATED

if TYPE_CHECKING:
    from imssa_sim.report.record import Record


def run_page(record: Record) -> str:
    """Return the report of a run as one HTML file."""
    title = str(record.config["workload"])
    found = [
        *_evaluated(record),
        *_course(record),
        Chapter("energy", "Energy", sections.energy(record), sections.energy_lead(record)),
        Chapter("latency", "Latency", sections.latency(record), sections.latency_lead(record)),
        *_arrivals(record),
        Chapter("timeline", "Timeline", sections.timeline(record), sections.TIMELINE),
        Chapter("use", "Utilisation", sections.utilisation(record), sections.UTILISATION),
        Chapter("area", "Area", sections.area(record)),
        *_sensitivity(record),
        Chapter("provenance", "Provenance", sections.provenance_of(record), sections.PROVENANCE),
        *_baselines(record),
        Chapter("configuration", "Configuration", sections.configuration(record),
                sections.configuration_lead(record)),
        Chapter("statistics", "All statistics", provenance.statistics(record),
                "Each opens to the accounts, counts and card entries that it comes from."),
        Chapter("references", "References", provenance.references(record)),
    ]  # fmt: skip
    return document(f"{title} · imssa_sim", head(record), found, foot(record))


def _evaluated(record: Record) -> list[Chapter]:
    if "regression.samples" in record.values:
        return [Chapter("fit", "R² and errors", fit.goodness(record), fit.GOODNESS)]
    if not any(name in record.values for name in EVALUATED):
        return []
    return [Chapter("accuracy", "Accuracy", sections.accuracy(record), sections.ACCURACY)]


def head(record: Record) -> Markup:
    """Return title, description and key figures of a run."""
    config = record.config
    about = (
        f"{config['model.layers']} layers, H = {config['model.width']}, N = {config['model.state']}"
        f", {config['hardware.mapping.kernel']} on {config['hardware.chip.tile.cell']}"
    )
    return element(
        "div",
        element("h1", str(config["workload"])),
        element("p", str(config.get("description") or ""), class_="about"),
        element("p", about, class_="about"),
        [
            element("p", element("strong", f"Extrapolated: {stat.description}"), class_="about")
            for stat in record.stats
            if stat.name == "extrapolated"
        ],
        sections.key_figures(record),
        class_="head",
    )


def foot(record: Record) -> Markup:
    """Return what ran, where, and the screen that ended it."""
    manifest = record.manifest
    libraries = ", ".join(f"{name} {v}" for name, v in manifest["libraries"].items())
    lines = [
        manifest["data"]["message"],
        f"seed {manifest['seed']}, imssa_sim {manifest['imssa_sim']}, python {manifest['python']}, "
        f"{libraries}; {manifest['platform']}",
        " ".join(manifest["command"]),
    ]
    return element(
        "div",
        [element("p", line) for line in lines],
        fold("The screen that ended the run", element("pre", record.summary())),
    )


def _course(record: Record) -> list[Chapter]:
    if "stream" not in record.tables:
        return []
    return [Chapter("stream", "Accuracy over time", sections.stream(record))]


def _arrivals(record: Record) -> list[Chapter]:
    if "input" not in record.tables:
        return []
    return [Chapter("arrivals", "Arrivals", arrivals.arrivals(record), arrivals.LEAD)]


def _sensitivity(record: Record) -> list[Chapter]:
    if record.uncertainty is None:
        text = "Run with --uncertainty to see what the totals hang on: the run did not ask for it."
        return [Chapter("sensitivity", "Sensitivity", element("p", text, class_="hint"))]
    content = sections.sensitivity(record.uncertainty)
    return [Chapter("sensitivity", "Sensitivity", content, sections.SENSITIVITY)]


def _baselines(record: Record) -> list[Chapter]:
    content = sections.baselines(record)
    return [] if content is None else [Chapter("gpu", "GPUs", content, sections.BASELINES)]
