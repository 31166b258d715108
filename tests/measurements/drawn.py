"""Synthetic measurements, drawn from the card of a cell."""

from __future__ import annotations

import csv

import numpy as np

from imssa_sim.devices.cell import load_cell


def draw(name, times, *, rows=5000, reads=0, bias=(0.0, 0.0), seed=1):
    """Return (cell, columns): every cell read at every time, targets even over the range."""
    cell, random = load_cell(name), np.random.default_rng(seed)
    cells = rows // len(times)
    target = random.uniform(cell.g_min, cell.g_max, cells)
    written = cell.program(target, random.standard_normal(cells))
    written = written + bias[0] * target + bias[1]
    relaxation, drift = random.standard_normal(cells), random.standard_normal(cells)
    stuck = np.zeros(cells, np.int8)
    if cell.faults is not None:
        stuck = cell.faults.kinds(random.uniform(size=cells))
    places = random.uniform(size=cells)
    columns = {"target [uS]": [], "achieved [uS]": [], "time [s]": [], "cell": []}
    columns |= {f"read{n + 1} [uS]": [] for n in range(reads)}
    for time in times:
        held = cell.after(written, target, time, relaxation=relaxation, drift=drift)
        if cell.faults is not None:
            held = np.where(stuck, cell.faults.conductance(stuck, places), held)
        columns["target [uS]"].append(target * 1e6)
        columns["time [s]"].append(np.full(cells, time))
        columns["cell"].append(np.arange(cells))
        sigma = cell.read_sigma(held, target, time, None) if reads else np.zeros(cells)
        for name in ["achieved [uS]", *(f"read{n + 1} [uS]" for n in range(reads))]:
            columns[name].append((held + sigma * random.standard_normal(cells)) * 1e6)
    return cell, {key: np.concatenate(parts) for key, parts in columns.items()}


def write(path, columns):
    """Write the columns as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(map(repr, c.tolist()) for c in columns.values()), strict=True))
    return path
