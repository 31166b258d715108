"""Area and leakage of every component of a chip, and the cost of writing its weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.components.parameters import Number, Parameters
from imssa_sim.components.path import ComponentPath
from imssa_sim.components.registry import component_of
from imssa_sim.components.terms import ComponentCost, ProgrammingCost, Term
from imssa_sim.costs.card_prices import CardPrices
from imssa_sim.costs.pricing import Pricing
from imssa_sim.mapping.partition import chip_of

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.mapping.program import Stage


class ComponentPrices(Pricing):
    """Prices of components; parameters as for `Pricing`."""

    @cached_property
    def components(self) -> tuple[ComponentCost, ...]:
        """Area and leakage of every component of the chip."""
        found: dict[tuple[str, str], ComponentCost] = {}
        users: dict[str, set[str]] = {}
        for stage in self.program.stages:
            for action in stage.actions:
                users.setdefault(action.component, set()).add(stage.path)
                cost, key = self._component(action, stage), (action.component, action.kind)
                if cost is not None and (key not in found or _larger(cost, found[key])):
                    found[key] = cost
        listed = [
            cost if len(users[cost.component]) == 1 else _shared(cost) for cost in found.values()
        ]
        around = [c for cost in listed if cost.kind == "array" for c in around_arrays(self, cost)]
        built = self._built((*listed, *around, *self._bypasses()))
        return (*built, *self._weight_store(), *self._idle_tiles())

    def _built(self, found: Sequence[ComponentCost]) -> Sequence[ComponentCost]:
        """Return what is on the chip: in passes, all parts use the same tiles and what is at them.

        Of each kind there is as much as the part takes that takes most area of it; it is listed
        under that part's paths.
        """
        passes, layers = self.hardware.partition.passes, len(self.program.network.layers)
        if passes == 1:
            return found
        areas: dict[str, dict[int, float]] = {}
        parts: list[int | None] = []
        for c in found:
            path = ComponentPath(c.component)
            own = path.layer_number is not None or path.parent in self.tiles
            part = chip_of(path, layers, passes) if own else None
            parts.append(part)
            if part is not None:
                sums = areas.setdefault(c.kind, {})
                sums[part] = sums.get(part, 0.0) + float(np.mean(c.area.value))
        largest = {kind: max(sums, key=lambda p: sums[p]) for kind, sums in areas.items()}
        return [
            c
            for c, part in zip(found, parts, strict=True)
            if part is None or part == largest[c.kind]
        ]

    def _component(self, action: Action, stage: Stage) -> ComponentCost | None:
        pair = component_of(action.kind).size(action, self, stage)
        if pair is None:
            return None
        # Registers hold states; sequences that take turns have some each.
        copies = self.hardware.interleave if action.kind == "register" else 1
        return many(action.component, action.kind, stage.path, action.instances * copies, pair)

    def _bypasses(self) -> Iterator[ComponentCost]:
        for bypass in self.program.bypasses:
            pair = self.memory_pair(bypass.bytes)
            yield many(f"{bypass.target}.{bypass.part}", "buffer", bypass.target, 1, pair)

    def _weight_store(self) -> Iterator[ComponentCost]:
        if self.weight_bytes:
            pair = self.memory_pair(self.weight_bytes)
            yield many("chip.vector.weights", "memory", "", 1, pair)

    def _idle_tiles(self) -> Iterator[ComponentCost]:
        """Tiles of a chip of fixed size that the Program leaves empty."""
        idle = self.program.tiles_available - self.program.tiles_needed
        if idle <= 0:
            return
        tile = self.hardware.chip.tile
        for kind, each in (("dac", tile.rows), ("array", 1), ("adc", self.hardware.adc.per_tile)):
            example = self._first(kind)
            cost = None if example is None else self._component(*example)
            if cost is not None:
                scaled = _scaled(f"chip.idle_tiles.{kind}", cost, idle * each)
                yield scaled
                if kind == "array":
                    yield from around_arrays(self, scaled)

    def _first(self, kind: str) -> tuple[Action, Stage] | None:
        for stage in self.program.stages:
            for action in stage.actions:
                if action.kind == kind:
                    return action, stage
        return None

    @property
    def writing_modelled(self) -> bool:
        """Whether the cell's card says what writing takes."""
        return "write_pulses" in self.card(self.hardware.chip.tile.cell)

    @cached_property
    def programming(self) -> tuple[ProgrammingCost, ...]:
        """Writing all cells of the tiles once, by the card's mean number of pulses.

        Empty if the card has no write pulses.
        """
        tile = self.hardware.chip.tile
        cell = self.card(tile.cell)
        if not self.writing_modelled:
            return ()
        costs = []
        for use in self.program.use:
            tiles = self.tiles[use.path]
            total = self.tile_conductance(tiles) * tiles.tiles

            def energy(p: Parameters, total: float = total, cells: int = use.cells) -> Number:
                if "write_energy" in p.card:
                    return p["write_pulses"] * p["write_energy"] * cells
                voltage = (p["write_set_voltage"] + p["write_reset_voltage"]) / 2
                return p["write_pulses"] * voltage**2 * total * p["write_time"]

            turns = {"none": use.cells, "tiles": use.cells / use.tiles, "rows": tile.rows}

            def time(
                p: Parameters, turns: float = turns[self.hardware.programming.parallel]
            ) -> Number:
                return turns * p["write_pulses"] * (p["write_time"] + p["write_verify_time"])

            pulses = round(use.cells * cell["write_pulses"].si)
            costs.append(
                ProgrammingCost(
                    f"{use.path}.array",
                    use.path,
                    use.cells,
                    pulses,
                    self.term(cell, energy),
                    self.term(cell, time).value,
                )
            )
        return tuple(costs)


def around_arrays(prices: CardPrices, arrays: ComponentCost) -> Iterator[ComponentCost]:
    """Yield line drivers with their decoders, sample-and-hold, and control of a set of tiles."""
    tile, number = prices.hardware.chip.tile, arrays.instances
    card, digital = prices.card(tile.array), prices.card(prices.hardware.digital.card)
    lines = tile.rows + tile.columns
    drivers = prices.pair(
        card,
        lambda p: p["driver_area"] * prices.hardware.chip.technology**2,
        lambda p: p["driver_leakage"],
        ("driver",),
    )
    samplers = prices.term(card, lambda p: p["sample_area"], ("sample", "area")), Term(0.0, ())
    control = prices.pair(
        digital, lambda p: p["control_area"], lambda p: p["control_power"], ("control",)
    )
    path, stage = arrays.component, arrays.stage
    yield many(path, "driver", stage, number * lines, drivers)
    yield many(path, "sample_hold", stage, number * tile.columns, samplers)
    yield many(path, "control", stage, number, control)


def many(
    component: str, kind: str, stage: str, instances: int, pair: tuple[Term, Term]
) -> ComponentCost:
    """Return area and leakage of equal components from those of one."""
    area, leakage = (Term(np.multiply(t.value, instances), t.uses) for t in pair)
    return ComponentCost(component, kind, stage, instances, area, leakage)


def _scaled(component: str, cost: ComponentCost, instances: int) -> ComponentCost:
    factor = instances / cost.instances
    area, leakage = (Term(np.multiply(t.value, factor), t.uses) for t in (cost.area, cost.leakage))
    return ComponentCost(component, cost.kind, "", instances, area, leakage)


def _larger(a: ComponentCost, b: ComponentCost) -> bool:
    return float(np.mean(a.area.value)) > float(np.mean(b.area.value))


def _shared(cost: ComponentCost) -> ComponentCost:
    return ComponentCost(cost.component, cost.kind, "", cost.instances, cost.area, cost.leakage)
