"""Which SI prefix numbers are shown with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def engineering(values: Iterable[float]) -> tuple[float, str]:
    """Return factor and SI prefix that bring the largest of ``values`` into 1 … 1000."""
    largest = max((abs(value) for value in values), default=0.0)
    prefixes = ((1e-15, "f"), (1e-12, "p"), (1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""))
    for factor, prefix in prefixes:
        if largest < 1000 * factor:
            return factor, prefix
    return (1e3, "k") if largest < 1e6 else (1e6, "M")


def scale_of(values: Iterable[float], unit: str) -> tuple[float, str]:
    """Return the number to divide ``values`` by, and the unit in which they then are.

    Parameters
    ----------
    values : iterable of float
        In ``unit``.
    unit : {"J", "s", "m2", "%", ""}
        ``%``: of shares 0 to 1.
    """
    if unit == "%":
        return 0.01, "%"
    if unit == "m2":
        return 1e-6, "mm²"
    if not unit:
        return 1.0, ""
    factor, prefix = engineering(values)
    return factor, prefix + unit
