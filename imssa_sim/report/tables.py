"""Tables of a run: energy by layer and kind, and one row a layer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.components.path import ComponentPath
from imssa_sim.config.cards import cards_used
from imssa_sim.config.dump import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from imssa_sim.report.record import Record
    from imssa_sim.simulation.result import RunResult

Row = dict[str, "int | float | str"]


@dataclass(frozen=True)
class EnergyTable:
    """Energy per inference by layer and component kind.

    Attributes
    ----------
    layers : tuple of str
        In the order of the flow.
    kinds : tuple of str
        Component kinds, and leakage as one of its own; the largest first.
    energy : float array (layers, kinds)
        [J]
    """

    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    energy: NDArray[np.float64]

    @property
    def total(self) -> float:
        """Energy per inference [J]."""
        return float(self.energy.sum())

    def gathered(self, smallest: float) -> EnergyTable:
        """Return the table with kinds below the share ``smallest`` put into one, ``other``."""
        share = self.energy.sum(axis=0) / self.total
        small = share < smallest
        if small.sum() < 2:
            return self
        kept = tuple(kind for kind, gone in zip(self.kinds, small, strict=True) if not gone)
        other = self.energy[:, small].sum(axis=1, keepdims=True)
        return EnergyTable(
            self.layers, (*kept, "other"), np.hstack([self.energy[:, ~small], other])
        )


def energy_table(result: RunResult) -> EnergyTable:
    """Return the energy per inference by layer and kind."""
    rows = ((r.account, r.layer, r.kind, r.energy) for r in result.ledger.rows)
    return _energy(rows, ordered_layers(result))


def energy_of_record(record: Record) -> EnergyTable:
    """Return the energy per inference by layer and kind, from the tables of a run."""
    rows = ((r["account"], r["layer"], r["kind"], r["energy"]) for r in record.table("ledger"))
    return _energy(rows, [str(row["layer"]) for row in record.table("layers")])


def _energy(rows: Iterable[tuple[str, str, str, float]], order: Sequence[str]) -> EnergyTable:
    """Gather rows (account, layer, kind, energy [J]); ``order`` is that of the flow."""
    cells: dict[tuple[str, str], float] = {}
    for account, layer, kind, energy in rows:
        if account != "programming":
            key = layer, account if account in ("leakage", "reprogramming") else kind
            cells[key] = cells.get(key, 0.0) + energy
    present = {layer for layer, _ in cells}
    layers = tuple(layer for layer in order if layer in present)
    kinds = sorted({kind for _, kind in cells})
    table = np.array([[cells.get((layer, kind), 0.0) for kind in kinds] for layer in layers])
    places = np.argsort(-table.sum(axis=0), kind="stable")
    return EnergyTable(layers, tuple(kinds[place] for place in places), table[:, places])


def layers_table(result: RunResult) -> list[Row]:
    """Return one row a layer: tiles, cells, energy per inference [J], area [m^2], service time."""
    energy = result.ledger.by_layer()
    area = result.ledger.area_by_layer()
    rows: list[Row] = []
    for layer in ordered_layers(result):
        uses = [u for u in result.program.use if ComponentPath(u.path).layer == layer]
        own = [r for r in result.timing.latency if ComponentPath(r.stage).layer == layer]
        rows.append(
            {
                "layer": layer,
                "tiles": sum(use.tiles for use in uses),
                "cells": sum(use.cells for use in uses),
                "cells_used": sum(use.cells_used for use in uses),
                "cells_useful": sum(use.cells_useful for use in uses),
                "energy_J": energy.get(layer, 0.0),
                "area_m2": area.get(layer, 0.0),
                "service_s": float(sum(row.service for row in own)),
                "waiting_s": float(sum(row.waiting for row in own)),
            }
        )
    return rows


def sources_table(result: RunResult) -> list[dict[str, Any]]:
    """Return one row a card entry and what rests on it: account, kind of component, action.

    The value is that of the card to six digits, with its unit.
    """
    cards = {card.name: card for card in cards_used(result.loaded.config).values()}
    rows = []
    for (account, kind, action), uses in result.uses.items():
        for use in uses:
            entry = cards[use.card][use.entry]
            rows.append(
                {
                    "account": account, "kind": kind, "action": action, "card": use.card,
                    "entry": use.entry, "value": f"{_short(entry.value)} {entry.unit}".strip(),
                    "status": use.status, "source": " ".join(use.sources),
                    "locator": entry.locator,
                }
            )  # fmt: skip
    return rows


def settings_table(result: RunResult) -> list[dict[str, Any]]:
    """Return one row a setting: its value as a workload has it, and where it comes from.

    ``origin`` is ``file``, ``base`` (of the hardware), ``override`` or ``default``; ``place`` the
    file with line and column, or the override's text.
    """
    values = flat(plain(result.loaded.config))
    rows = []
    for path, origin in result.loaded.origins.items():
        place = "" if origin.kind == "default" else str(origin)
        value = values.get(path, _section(values, path))
        rows.append(
            {"setting": path, "value": _plain(value), "origin": origin.kind, "place": place}
        )
    return rows


def _section(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    start = f"{path}."
    return {key.removeprefix(start): v for key, v in values.items() if key.startswith(start)}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a tree of settings by dotted path."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        found |= flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return found


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def ordered_layers(result: RunResult) -> list[str]:
    """Return the layers in the order of the flow, then what all share."""
    flow = [ComponentPath(stage.path).layer for stage in result.program.stages]
    found = {*result.ledger.by_layer(), *result.ledger.area_by_layer()}
    return [
        *dict.fromkeys(layer for layer in flow if layer in found),
        *sorted(found - set(flow)),
    ]
