"""imssa_sim: cycle-accurate simulation of S4D networks on memristive in-memory hardware.

A run takes a workload (a file, the name of one that comes along, or its content as a mapping) to
accuracy, latency, energy and area:

>>> import imssa_sim
>>> run = imssa_sim.run("sdigits", set={"evaluate.chips": 1})  # doctest: +SKIP
>>> run  # doctest: +SKIP
<Run sdigits: accuracy, chip 98.6%, latency 12.32 µs, energy per inference 620.9 nJ, area 2.666 mm²>
>>> run["energy.inference"], run.energy, run.figure("energy")  # doctest: +SKIP

- `run` runs a workload and returns a `Run`: ``accuracy``, ``timing``, ``energy``, ``area``,
  ``stats``, ``ledger``, ``layers``, ``predictions`` as pandas, ``figure(name)``, ``save(dir)``.
- `write_report` writes a report of runs or a sweep as one HTML file that opens offline.
- `open_run` reads a `Run` back from the directory that it was stored in.
- `why` finds what the accuracy on the chip dies of, and what brings it back at which cost: a `Why`
  with ``findings``, ``table``, ``figure()``.
- `sweep` runs a workload over many values and returns a DataFrame.
- `search` finds the values that are best in several objectives under constraints: a `Search` with
  ``front``, ``knee``, ``importances``, ``figure()``.
- `compare_chips` runs one network on published chips: a `ChipComparison` with ``table``,
  ``figure()``.
- `chip` gives a programmed `Chip`: call it on sequences, read its conductances, let time pass,
  write it again.
- `Crossbar` is one array by itself, used like a matrix: ``crossbar @ x``, slices, ``.T``, and what
  they take.
- `fit_card` makes the card of a memory cell from measurements.
- `load_network` and `from_torch` give other people's networks as functions of sequences
  (docs/import.md).
- `ImssaError` is the base of all errors that are raised on purpose: `InputError` for what was
  given, `ValidityError` for a model outside of the range in which it holds.

All quantities are in SI. Nothing is imported before it is used. The command line
(``python -m imssa_sim``) calls the same functions.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.2.0"
__all__ = [
    "Chip",
    "ChipComparison",
    "Crossbar",
    "ImssaError",
    "InputError",
    "Run",
    "Search",
    "ValidityError",
    "Why",
    "__version__",
    "chip",
    "compare_chips",
    "fit_card",
    "from_torch",
    "load_network",
    "open_run",
    "run",
    "search",
    "sweep",
    "why",
    "write_report",
]

_HOMES = {
    "Chip": "api.chip",
    "ChipComparison": "api.compare_chips",
    "Crossbar": "api.crossbar",
    "ImssaError": "errors",
    "InputError": "errors",
    "Run": "api.result",
    "Search": "api.search",
    "ValidityError": "errors",
    "Why": "api.why",
    "chip": "api.chip",
    "compare_chips": "api.compare_chips",
    "fit_card": "api.fit_card",
    "from_torch": "foreign.network",
    "load_network": "foreign.network",
    "open_run": "api.result",
    "run": "api.run",
    "search": "api.search",
    "sweep": "api.sweep",
    "why": "api.why",
    "write_report": "api.report",
}
"""Name -> module of the package that has it; for type checkers the same in ``__init__.pyi``."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
