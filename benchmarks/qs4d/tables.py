"""Tables of docs/qs4d.md from the rows under results/, in Markdown.

    python docs/make_tables.py

puts them into the page; nothing is computed but means and ratios of what stands in the rows.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bits import table as widths_table
from study import RESULTS, read_rows

NOISE = ("0", "0.01", "0.02", "0.03", "0.05", "0.07", "0.1")
"""Deviations of the noise that the page shows; others are in the figure."""


def rows_of(name: str, folder: Path = RESULTS) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def percent(share: str) -> str:
    """Return a share in percent, without the sign."""
    return f"{100 * float(share):.1f}"


def widths(workload: str) -> str:
    """Return accuracies against bits of a workload."""
    return widths_table(read_rows(RESULTS), workload).strip()


def saved() -> str:
    """Return what training saves at the thresholds."""
    ratios = ("effort_ptq_over_qat", "memory_ptq_over_qat", "adc_ptq_over_qat",
              "effort_float_over_qat", "memory_float_over_qat")  # fmt: skip
    head = ("workload", "scale per", "bits PTQ → QAT", "effort", "memory", "ADC",
            "effort, float → QAT", "memory, float → QAT")  # fmt: skip
    return markdown(head, (
        [f"`{r['workload']}`", r["granularity"], f"{r['ptq_threshold']} → {r['qat_threshold']}",
         *(f"{float(r[ratio]):#.3g}" for ratio in ratios)]
        for r in rows_of("thresholds") if r["qat_threshold"]
    ))  # fmt: skip


def sizes() -> str:
    """Return accuracies of networks of several sizes after training."""
    found: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for row in rows_of("size"):
        found.setdefault((row["width"], row["state"]), {})[row["bits"]] = row
    head = ("H", "N", "memory at 8 bits, kbit", "float", *(f"{b} bits" for b in (8, 6, 5, 4)))
    return markdown(head, (
        [*size, f"{float(by_bits['8']['memory']) / 1000:.1f}",
         *(percent(by_bits[bits]["accuracy"]) for bits in ("32", "8", "6", "5", "4"))]
        for size, by_bits in found.items()
    ))  # fmt: skip


def pruning() -> str:
    """Return what is left of a pruned network, in integers and on chips."""
    head = ("bits", "K", "M", "kernels", "modes", "quantised at once", "trained on", "on chips",
            "tiles", "area mm²", "energy µJ", "effort Mbit", "memory kbit")  # fmt: skip
    rows = sorted(rows_of("pruning"), key=lambda row: -int(row["bits"]))
    return markdown(head, (
        [r["bits"], f"{float(r['kernels']):.0%}", f"{float(r['modes']):.0%}", r["kernels_left"],
         r["modes_left"], *(f"{percent(r[key])} %" for key in ("after", "trained", "chip")),
         r["tiles"], f"{float(r['area']) * 1e6:.2f}", f"{float(r['energy']) * 1e6:.3f}",
         f"{float(r['effort']) / 1e6:.1f}", f"{float(r['memory']) / 1e3:.1f}"]
        for r in rows
    ))  # fmt: skip


def noise() -> str:
    """Return accuracies against read noise."""
    found = {(row["network"], row["sigma"]): row["accuracy"] for row in rows_of("noise")}
    head = ("σ [% of range]", "float (12 bits)", "6 bits after training", "6 bits in training",
            "and with noise of 5 %")  # fmt: skip
    return markdown(head, (
        [f"{100 * float(sigma):g}",
         *(percent(found[name, sigma]) for name in ("float", "ptq", "qat", "qat_noise"))]
        for sigma in NOISE
    ))  # fmt: skip


def chips() -> str:
    """Return the networks on the chip."""
    head = ("network", "float", "integers", "chips", "tiles", "area mm²", "energy µJ", "TOPS/W")
    return markdown(head, (
        [r["network"], f"{percent(r['float'])} %", f"{percent(r['integers'])} %",
         f"{percent(r['chip'])} % ({percent(r['chip_spread'])})", r["tiles"],
         f"{float(r['area']) * 1e6:.2f}", f"{float(r['energy']) * 1e6:.3f}",
         f"{float(r['tops_per_watt']):.2f} ({float(r['low']):.2f} to {float(r['high']):.2f})"]
        for r in rows_of("chip") if r["device"] == "IMSSA chip"
    ))  # fmt: skip


def gpus() -> str:
    """Return how many times less energy the chip takes than a Jetson Nano."""
    kinds = ("recurrent batch 1", "convolution batch 1", "convolution batch 32")
    devices = [f"jetson_nano_10w {kind}" for kind in kinds]
    found = {(row["network"], row["device"]): row for row in rows_of("chip")}

    def cell(row: dict[str, str]) -> str:
        low, high = (float(row[key]) for key in ("ratio_low", "ratio_high"))
        return f"{float(row['energy_ratio']):.3g}× ({low:.2g} to {high:.2g})"

    networks = dict.fromkeys(network for network, _ in found)
    return markdown(("network", *devices), (
        [network, *(cell(found[network, f"gpu/{device}"]) for device in devices)]
        for network in networks
    ))  # fmt: skip


TABLES: dict[str, Callable[[], str]] = {
    "saved": saved, "sizes": sizes, "pruning": pruning, "noise": noise, "chips": chips,
    "gpus": gpus,
}  # fmt: skip
"""Tables by the name of their block."""
