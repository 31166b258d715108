"""Write docs/plausibility.md: energy and area of arrays here beside those of measured chips.

    python docs/make_plausibility.py

A test fails while the page differs from what the runs and the cards give.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.cards import load_card
from imssa_sim.config import load_config
from imssa_sim.files import locate
from imssa_sim.simulation.run import simulate
from imssa_sim.validation.runs import times_of_map

if TYPE_CHECKING:
    from imssa_sim.simulation.result import RunResult

PAGE = Path(__file__).parent / "plausibility.md"
DRIVE = ("dac", "word_line", "driver")
CELLS = ("array", "bit_line", "sample_hold")
INTRODUCTION = """\
# Plausibility: arrays beside silicon

Made by `python docs/make_plausibility.py` from runs for their costs alone and from the cards of
published chips; a test fails while this page differs.

An *array MAC* is a driven word line times a converted column (for HERMES and NeuRRAM: a weight).
Energies are dynamic energy and what leaks during a product (runs of `workloads/chips/`) or during
the whole inference (networks). *Array* counts cells with their lines, *drivers* those of word
lines, *converters* the ADCs; *all-in* of a network counts everything that the chip does for it,
vector units, buffers and leakage among it.
"""
NOTES = """\
## What this says

* **Converters decide.** A column of HERMES or NeuRRAM is converted once for 256 or 128 products,
  and its conversion, with bias, reference and control, is most of their energy or half of it. The
  card of the networks here, a regression over the best published converters, has 1.1 pJ at 6 bits
  and 32 nm where HERMES' column takes 49 pJ at 8 bits and 14 nm; measured converters of 6.2 to
  6.4 effective bits take 34 fJ a step, 2.6 to 2.8 pJ. So an array MAC of `sdigits` is cheaper
  than HERMES' although its node is older: the model of the converter and the resolution make the
  difference. The screen of a run says what other models would make of it.
* **Cells of the networks take little**, because a tenth of them holds a weight and the others are
  never formed, and because the longest pulse is 31 ns; full arrays with pulses of 127 ns (HERMES)
  and of 4 us (NeuRRAM) take a hundred times as much and more. ISAAC's and PUMA's MACs are of 16
  bits: eight cells a weight, 15 bits of the input.
* **All-in is not array.** Most energy of a small network is vector units, requantisers, leakage.
  It must not be set beside a chip's peak efficiency, which counts none of them.
* **Areas a cell** of HERMES and NeuRRAM are those of their papers, spread over the cells (the
  cards rest on them); ISAAC's is a cell of 4 F² with a converter for 16,384 of them.
"""


@dataclass(frozen=True)
class Row:
    """A line: energies per array MAC [J] and per conversion [J], area per cell [m²]."""

    name: str
    node: float
    array: float
    drivers: float
    converters: float
    all_in: float | None
    conversion: float
    cell: float | None

    def text(self) -> str:
        """Return it as a row of a table."""
        parts = (self.array, self.drivers, self.converters)
        total = math.fsum(parts)
        return (
            f"| {self.name} | {self.node * 1e9:.0f} nm | "
            + " | ".join(f"{part * 1e15:.3g}" for part in (*parts, total))
            + f" | {'–' if self.all_in is None else f'{self.all_in * 1e15:.3g}'}"
            + f" | {self.conversion * 1e12:.3g}"
            + f" | {'–' if self.cell is None else f'{self.cell * 1e12:.3g}'} |"
        )


def of_run(name: str, result: RunResult, *, network: bool) -> Row:
    """Return the line of a run; of products the linear maps alone."""
    ledger, steps = result.ledger, result.program.sequence_length
    paths = tuple(f"{use.path}." for use in result.program.use)
    macs = ledger.array_macs / (1 if network else steps)
    energy: dict[str, float] = {}
    conversions = 0.0
    for row in ledger.rows:
        if row.account == "dynamic" and row.component.startswith(paths):
            energy[row.kind] = energy.get(row.kind, 0.0) + row.energy / (1 if network else steps)
            if row.action == "convert":
                conversions += row.count / (1 if network else steps)
    time = ledger.elapsed if network else times_of_map(result, paths[0])[0]
    area = 0.0
    for part in ledger.areas:
        if part.component.startswith(paths):
            energy[part.kind] = energy.get(part.kind, 0.0) + part.leakage * time
            area += part.area if part.kind in (*DRIVE, *CELLS, "adc", "control") else 0.0
    cells = sum(use.cells for use in result.program.use)

    def each(kinds: tuple[str, ...]) -> float:
        return math.fsum(energy.get(kind, 0.0) for kind in kinds) / macs

    return Row(
        name, result.loaded.config.hardware.chip.technology, each(CELLS), each(DRIVE),
        each(("adc",)), ledger.energy / ledger.array_macs if network else None,
        energy["adc"] / conversions, area / cells,
    )  # fmt: skip


def rows() -> Iterator[Row]:
    """Yield networks, products on published chips, and what these chips publish."""
    for name in ("sdigits", "keywords"):
        result = simulate(load_config(name), accuracy=False)
        yield of_run(f"`{name}`", result, network=True)
    for chip, settings, words in (
        ("hermes_64", (), "HERMES, one phase"),
        ("hermes_64", ("hardware.dac.phases=4",), "HERMES, four phases"),
        ("neurram", (), "NeuRRAM, 7 b out, 5 b in, one phase"),
        ("isaac_ce", (), "ISAAC, 16 b, 2 b a cell"),
        ("puma", (), "PUMA, 16 b, 2 b a cell"),
    ):
        path = locate.workloads() / "chips" / f"{chip}.yaml"
        result = simulate(load_config(path, settings), accuracy=False)
        yield of_run(f"{words} (run)", result, network=False)


def published() -> Iterator[str]:
    """Yield what the chips publish, per MAC of a weight."""
    card = load_card("chips/hermes_64")
    macs = card["cores"].si * card["rows"].si * card["columns"].si
    for mode in ("short", "long"):
        phases = card[f"phases_{mode}"].si
        total = card[f"published_energy_{mode}"].si / macs
        conversions = total * card["rows"].si / phases
        yield (
            f"| HERMES, {phases:.0f} phase{'s' if phases > 1 else ''} | 14 nm | {total * 1e15:.3g} "
            f"| {conversions * 1e12:.3g} |"
        )
    card = load_card("chips/neurram")
    for place, case in enumerate(card["cases"].table):
        outputs, inputs, _ = (int(x) for x in case)
        parts = ("word_line_energy", "neuron_energy", "input_energy")
        total = 2 * math.fsum(card[part].array[place] for part in parts)
        column = total * card["rows"].si / card["cells_per_weight"].si
        yield (
            f"| NeuRRAM, {outputs} b out, {inputs} b in | 130 nm | {total * 1e15:.3g} "
            f"| {column * 1e12:.3g} |"
        )


def page() -> str:
    """Return the page."""
    head = (
        "| | node | array [fJ/MAC] | drivers | converters | sum | all-in | conversion [pJ] | "
        "area [µm²/cell] |"
    )
    lines = [head, "| --- " * 9 + "|", *(row.text() for row in rows())]
    stated = [
        "| published | node | array, drivers, converters [fJ/MAC] | per column read [pJ] |",
        "| --- | --- | --- | --- |",
        *published(),
    ]
    return "\n".join([INTRODUCTION, *lines, "", *stated, "", NOTES])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
