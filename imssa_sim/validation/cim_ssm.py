"""CIM-SSM: the share of the converters, from a network of a size like that of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from imssa_sim.cards import Card
from imssa_sim.config import load_config
from imssa_sim.files import locate
from imssa_sim.simulation.run import simulate
from imssa_sim.validation.figure import Figure, FigureMaker


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = FigureMaker(card)
    yield c.figure(
        "ADC share of power, a network of assumed size", _share(), "published_adc_power_share",
        "run", stand_ins=True,
        note="4 layers of 128 channels instead of the paper's network; drivers, rate and number of "
        "the converters are assumed",
    )  # fmt: skip


@cache
def _share() -> float:
    """Return what converters take of the energy of all parts of the chip."""
    loaded = load_config(locate.workloads() / "chips" / "cim_ssm.yaml")
    kinds = simulate(loaded, accuracy=False).ledger.by_kind()
    return float(kinds["adc"] / sum(kinds.values()))
