"""Every ADC cost model over resolution and rate, measured converters on top.

    python benchmarks/adc_models.py [--rate 100e6] [--bits 8] [-o DIR]

prints energy and area per converter over the bits, Walden's and Schreier's figures of merit at the
resolution asked for, and how far the models lie apart; with ``-o`` it saves ``adc_models.csv`` and
``adc_models.png``/``.svg``. Places without a number are outside of a model's range, or too fast
for it.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from pathlib import Path
from typing import NamedTuple

from imssa_sim.cards import Card, list_cards
from imssa_sim.components.adc import AdcPoint, adc_form, check_adc, schreier_fom, walden_fom
from imssa_sim.components.parameters import Parameters
from imssa_sim.errors import ValidityError

BITS = range(3, 13)
RATES = tuple(10 ** (6 + i / 8) for i in range(29))
NODE = 32e-9
ROWS = 128


class Row(NamedTuple):
    """One model at one operating point; energy per conversion, all power included."""

    card: str
    bits: int
    rate: float
    energy: float
    area: float
    measured: bool


def cost(card: Card, bits: int, rate: float) -> Row | None:
    """The model's cost, or None where it does not hold."""
    at = AdcPoint(bits, rate, NODE, ROWS)
    try:
        check_adc(card, at)
    except ValidityError:
        return None
    p, form = Parameters(card), adc_form(card)
    measured = card["form"].text == "point"
    return Row(card.name, bits, rate, float(form.energy(p, at)), float(form.area(p, at)), measured)


def own_point(card: Card) -> Row | None:
    """A measured converter at its own resolution and rate."""
    return cost(card, int(card["bits"].si), card["rate_max"].si)


def show(cards: list[Card], rate: float, bits: int) -> None:
    print(f"pJ per conversion (um^2 per converter) at {rate / 1e6:g} MS/s, {NODE * 1e9:g} nm")
    print("  " + "model".ljust(28) + "".join(f"{b:>14} b" for b in BITS))
    table = {card.name: [cost(card, b, rate) for b in BITS] for card in cards}
    for name, rows in table.items():
        texts = (
            "–" if row is None else f"{row.energy * 1e12:.3g} ({row.area * 1e12:.0f})"
            for row in rows
        )
        print("  " + name.ljust(28) + "".join(text.rjust(16) for text in texts))
    for i, b in enumerate(BITS):
        found = [rows[i].energy for rows in table.values() if rows[i] is not None]
        if b == bits and len(found) > 1:
            print(f"\n{len(found)} models differ {max(found) / min(found):.1f}x at {b} bits")
    sndr = 6.0206 * bits + 10 * math.log10(1.5)
    print(f"\nfigures of merit at {bits} nominal bits: Walden [fJ/step], Schreier [dB]")
    for card in cards:
        row = cost(card, bits, rate)
        if row is not None:
            power = row.energy * rate
            walden = float(walden_fom(power, bits, rate)) * 1e15
            print(f"  {card.name:<28}{walden:8.2f}{schreier_fom(power, sndr, rate / 2):8.1f}")


def save(cards: list[Card], rate: float, bits: int, folder: Path) -> None:
    from matplotlib import pyplot as plt

    from imssa_sim.report.colours import PALETTE

    folder.mkdir(parents=True, exist_ok=True)
    over_bits = [cost(card, b, rate) for card in cards for b in BITS]
    over_rate = [cost(card, bits, r) for card in cards for r in RATES]
    with (folder / "adc_models.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(row for row in over_bits + over_rate if row is not None)
    figure, axes = plt.subplots(2, 2, figsize=(11.5, 7), layout="constrained")
    panels = (("energy", 1e12, "energy per conversion [pJ]"), ("area", 1e12, "area [µm²]"))
    for row, (field, factor, label) in enumerate(panels):
        for column, (rows, along) in enumerate(((over_bits, "bits"), (over_rate, "rate"))):
            _panel(axes[row, column], rows, cards, field, factor, along, PALETTE)
            axes[row, column].set_ylabel(label)
        axes[row, 0].set_xlabel(f"resolution [bit], at {rate / 1e6:g} MS/s")
        axes[row, 1].set_xlabel(f"conversions per second, at {bits} bits")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    figure.suptitle("Published ADC cost models, and measured converters (stars)")
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"adc_models.{suffix}")
    plt.close(figure)


def _panel(axes, rows, cards, field, factor, along, palette) -> None:
    for number, card in enumerate(cards):
        colour = palette[number % len(palette)]
        if card["form"].text == "point":
            point = own_point(card)
            x, y = getattr(point, along), getattr(point, field) * factor
            axes.plot(x, y, "*", markersize=12, color=colour, label=card.name)
            continue
        own = [r for r in rows if r is not None and r.card == card.name]
        x = [getattr(r, along) for r in own]
        marker = "o" if along == "bits" else ""
        axes.plot(
            x, [getattr(r, field) * factor for r in own], marker=marker, markersize=3,
            color=colour, label=card.name,
        )  # fmt: skip
    axes.set_yscale("log")
    if along == "rate":
        axes.set_xscale("log")
    axes.grid(alpha=0.3)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rate", type=float, default=100e6, help="conversions per second")
    parser.add_argument("--bits", type=int, default=8, help="resolution of the figures of merit")
    parser.add_argument("-o", "--output", type=Path, help="folder for CSV and figure")
    options = parser.parse_args(arguments)
    cards = list(list_cards("adc"))
    show(cards, options.rate, options.bits)
    if options.output is not None:
        save(cards, options.rate, options.bits, options.output)
        print(f"\nsaved {options.output}/adc_models.csv, adc_models.png, adc_models.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
