"""Accuracies of a workload's changes with their intervals, and what each change costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.ablation.variations import NONE
from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import canvas, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from imssa_sim.ablation.study import Outcome, Study

GROUPS = {
    "effect off": ("without an effect", PALETTE[0]),
    "effect alone": ("with one effect alone", PALETTE[4]),
    "age": ("age of the chip", PALETTE[9]),
    "mapping": ("mapping", PALETTE[3]),
    "array": ("array", PALETTE[2]),
    "converters": ("converters", PALETTE[1]),
    "together": ("together", PALETTE[12]),
}
"""Part -> its words and colour."""


@look
def why_figure(study: Study) -> Figure:
    """Draw one dot a change, in its group, with energy, latency and area on the right."""
    groups = [(part, _of(study, part)) for part in GROUPS]
    groups = [(part, found) for part, found in groups if found]
    lanes = sum(len(found) + 1.4 for _, found in groups)
    figure, axes = canvas(8.2, 1.6 + 0.185 * lanes)
    place, ticks, labels = 0.0, [], []
    for part, found in groups:
        words, colour = GROUPS[part]
        axes.text(-0.008, place, words, color=colour, fontsize=9, fontweight="bold", va="center",
                  ha="right", transform=axes.get_yaxis_transform())  # fmt: skip
        for outcome in found:
            place += 0.5 + 0.5 * _label(outcome).count("\n") + 0.5
            _dot(axes, outcome, place, colour)
            if outcome.variation and outcome.variation.built:
                _costs(axes, study, outcome, place)
            ticks.append(place)
            labels.append(_label(outcome))
        place += 1.4
    _references(axes, study)
    axes.set_yticks(ticks, labels, fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(place - 0.6, -1.6)
    axes.set_xlim(-2, 102)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("accuracy on the chip [%], 95 % intervals")
    for column, name in enumerate(("energy", "latency", "area")):
        axes.text(1.06 + 0.1 * column, -0.9, name, fontsize=7.5, ha="center", va="center",
                  color="#4D4D4D", transform=axes.get_yaxis_transform())  # fmt: skip
    axes.set_title(f"What the accuracy of {study.loaded.config.workload} dies of", pad=26)
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize=8, borderaxespad=0.2,
        handlelength=1.4,
    )  # fmt: skip
    return figure


def _of(study: Study, part: str) -> list[Outcome]:
    if part == "together":
        return [o for o in study.path if o.accuracy]
    return [o for o in study.outcomes if o.variation and o.variation.part == part and o.accuracy]


def _label(outcome: Outcome) -> str:
    assert outcome.variation is not None  # a change's
    words = outcome.variation.words
    if outcome.variation.part == "effect alone" and words == NONE:
        return "no effect at all"
    return words.replace(" + ", "\n+ ")


def _dot(axes: Axes, outcome: Outcome, place: float, colour: str) -> None:
    a = outcome.accuracy
    assert a is not None  # chosen so
    axes.plot([100 * a.low, 100 * a.high], [place, place], color=colour, linewidth=1.6, alpha=0.55,
              solid_capstyle="round")  # fmt: skip
    axes.plot([100 * a.value], [place], "o", color=colour, markersize=4.6)


def _costs(axes: Axes, study: Study, outcome: Outcome, place: float) -> None:
    base = study.base
    ratios = (
        outcome.energy / base.energy,
        outcome.latency / base.latency,
        outcome.area / base.area,
    )
    for column, ratio in enumerate(ratios):
        colour = PALETTE[3] if ratio > 1.1 else PALETTE[2] if ratio < 0.9 else "#808080"
        axes.text(1.06 + 0.1 * column, place, f"×{ratio:.2f}", fontsize=7, ha="center",
                  va="center", color=colour, transform=axes.get_yaxis_transform())  # fmt: skip


def _references(axes: Axes, study: Study) -> None:
    base = study.base.accuracy
    assert base is not None  # the workload ran
    axes.axvspan(100 * base.low, 100 * base.high, color="#4D4D4D", alpha=0.12, linewidth=0)
    axes.axvline(
        100 * base.value, color="#4D4D4D", linewidth=1.2, label=f"as it is {base.value:.1%}"
    )
    axes.axvline(100 * study.guessing, color="#999999", linestyle=":", linewidth=1.2,
                 label=f"guessing {study.guessing:.1%}")  # fmt: skip
    if study.digital is not None:
        axes.axvline(100 * study.digital.value, color=PALETTE[7], linestyle="--", linewidth=1,
                     label=f"quantised {study.digital.value:.1%}")  # fmt: skip
