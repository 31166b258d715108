"""Products of matrices on a published chip, out of a run of a workload in ``workloads/chips``.

Each of these workloads has linear maps that fill arrays of the chip; kernels, encoder and decoder
are digital and stay out of the figures. The run maps, times and books them like any other; cells
are priced by their cards' fixed activity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from imssa_sim.components.registry import component_of
from imssa_sim.config import load_config
from imssa_sim.errors import InternalError
from imssa_sim.files import locate
from imssa_sim.simulation.run import simulate
from imssa_sim.timing.durations import durations

if TYPE_CHECKING:
    from imssa_sim.simulation.result import RunResult

READ = ("dac", "word_line", "driver", "array", "bit_line", "sample_hold", "adc")
"""Kinds of the ledger that drive, read and convert."""


@dataclass(frozen=True)
class Product:
    """One product of every linear map of a run.

    Attributes
    ----------
    tiles : int
        Arrays of all maps.
    time : float
        From the first drive to the last conversion of one map [s].
    whole : float
        Until the results of the map, joined and scaled, went over the bus [s].
    dynamic : mapping of str to float
        Energy by kind, all maps [J].
    leakage, area : mapping of str to float
        By kind, all maps [W], [m²].
    """

    tiles: int
    time: float
    whole: float
    dynamic: Mapping[str, float]
    leakage: Mapping[str, float]
    area: Mapping[str, float]

    def energy(self, kinds: Iterable[str] = READ) -> float:
        """Return the energy of a product [J], and what leaks meanwhile, of some kinds."""
        return math.fsum(
            self.dynamic.get(kind, 0.0) + self.leakage.get(kind, 0.0) * self.time for kind in kinds
        )

    def energy_of_all(self) -> float:
        """Return the energy of a product with all that follows it [J], buffers apart."""
        kinds = [*self.dynamic, *self.leakage]
        moved = [kind for kind in dict.fromkeys(kinds) if kind != "buffer"]
        return math.fsum(
            self.dynamic.get(kind, 0.0) + self.leakage.get(kind, 0.0) * self.whole for kind in moved
        )

    def size(self, leave_out: Iterable[str] = ("buffer",)) -> float:
        """Return the area of arrays and what stands behind them [m²], but for some kinds."""
        return math.fsum(area for kind, area in self.area.items() if kind not in leave_out)


@lru_cache(maxsize=64)
def product(workload: str, settings: tuple[str, ...] = ()) -> Product:
    """Run a workload of ``workloads/chips`` for its costs.

    Parameters
    ----------
    workload : str
        Its name.
    settings : tuple of str
        Overrides, ``path=value``.

    Raises
    ------
    ImssaError
        The workload cannot be run.
    """
    loaded = load_config(locate.workloads() / "chips" / f"{workload}.yaml", settings)
    result = simulate(loaded, accuracy=False)
    maps = result.program.linears
    steps = result.program.sequence_length
    paths = tuple(f"{tiles.path}." for tiles in maps)
    dynamic: dict[str, float] = {}
    for row in result.ledger.rows:
        if row.account != "dynamic" or not row.component.startswith(paths):
            continue
        dynamic[row.kind] = dynamic.get(row.kind, 0.0) + row.energy / steps
    leakage: dict[str, float] = {}
    area: dict[str, float] = {}
    for part in result.ledger.areas:
        if part.component.startswith(paths):
            leakage[part.kind] = leakage.get(part.kind, 0.0) + part.leakage
            area[part.kind] = area.get(part.kind, 0.0) + part.area
    return Product(
        sum(tiles.tiles for tiles in maps), *times_of_map(result, paths[0]), dynamic, leakage, area
    )


def times_of_map(result: RunResult, path: str) -> tuple[float, float]:
    """Return the times of drive, read and conversion of one map and of all it does [s]."""
    for stage in result.program.stages:
        reads = [
            action for action in stage.actions
            if component_of(action.kind).reads and action.component.startswith(path)
        ]  # fmt: skip
        if reads:
            table = durations([stage], result.loaded.config.hardware).table
            every = [action for action in stage.actions if action.kind != "buffer"]
            times = (sum(table[action].seconds for action in some) for some in (reads, every))
            return float(next(times)), float(next(times))
    raise InternalError(f"no stage reads {path}")
