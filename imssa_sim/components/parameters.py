"""Parameters of a card as plain numbers, or as draws of them, with a note of what was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.cards import Card
from imssa_sim.cards.entry import Status
from imssa_sim.validity import beyond

FloatArray = NDArray[np.float64]
Number = float | FloatArray
"""A number, or one number per draw of a Monte Carlo run (shape (draws,))."""

Draws = Mapping[tuple[str, str], FloatArray]
"""(card, parameter) -> draws; shape (draws,), or (draws, k) for a parameter that is a list."""

STATUS_ORDER: tuple[Status, ...] = ("measured", "fitted", "derived", "assumed")
"""From the firmest to the weakest footing."""


@dataclass(frozen=True, order=True)
class Use:
    """A card entry that a result rests on."""

    card: str
    entry: str
    status: Status
    sources: tuple[str, ...] = ()


def weakest(uses: tuple[Use, ...]) -> Status:
    """Return the weakest status among card entries; "derived" if there are none."""
    if not uses:
        return "derived"
    return max((use.status for use in uses), key=STATUS_ORDER.index)


class Parameters:
    """Read access to a card's numbers in SI, with a record of the entries that were read.

    Parameters
    ----------
    card : Card
    draws : mapping, optional
        Values that replace those of the card, see `Draws`.
    """

    def __init__(self, card: Card, draws: Draws | None = None) -> None:
        self.card = card
        self.draws: Draws = draws or {}
        self._used: dict[str, None] = {}

    def __getitem__(self, name: str) -> Number:
        """Return a scalar parameter and record its use."""
        self._used[name] = None
        return self.peek(name)

    def __contains__(self, name: object) -> bool:
        return name in self.card

    def peek(self, name: str) -> Number:
        """Return a scalar parameter without recording it.

        For factors that are 1 unless drawn, and for splits of one published number between two
        accounts: the number itself is what the result rests on.
        """
        drawn = self.draws.get((self.card.name, name))
        return self.card[name].si if drawn is None else drawn

    def array(self, name: str) -> FloatArray:
        """Return a list parameter, shape (k,) or (draws, k), and record its use."""
        self._used[name] = None
        drawn = self.draws.get((self.card.name, name))
        return np.asarray(self.card[name].array) if drawn is None else drawn

    def table(self, name: str) -> FloatArray:
        """Return a parameter that is a list of rows, shape (rows, k), and record its use."""
        self._used[name] = None
        return np.asarray(self.card[name].table)

    def text(self, name: str) -> str:
        """Return a parameter that is a word."""
        return self.card[name].text

    @property
    def uses(self) -> tuple[Use, ...]:
        """The entries read so far."""
        entries = (self.card[name] for name in self._used)
        return tuple(Use(self.card.name, e.name, e.status, e.sources) for e in entries)


def check_valid(card: Card, **values: float) -> None:
    """Raise unless each value is within the card's range of validity for that name.

    Raises
    ------
    ValidityError
        States the value, the range and the card.
    """
    for name, value in values.items():
        limits = card.valid.get(name)
        if limits is not None and not limits[0] <= value <= limits[1]:
            beyond(
                f"card '{card.name}' holds for {name} from {limits[0]:g} to {limits[1]:g}, not for "
                f"{value:g}",
                f"take another card of kind '{card.kind}', a value within the range",
            )


def log_interpolate(x: float, xs: FloatArray, ys: FloatArray) -> Number:
    """Interpolate on logarithmic scales, beyond the ends along the last pair.

    Parameters
    ----------
    x : float
        Positive.
    xs : (k,)
        Positive, strictly increasing or decreasing.
    ys : (k,) or (draws, k)
        Positive.

    Returns
    -------
    float or (draws,)
    """
    if len(xs) == 1:  # a single entry, for any x
        return ys[..., 0] if ys.ndim > 1 else float(ys[0])
    order = np.argsort(xs)
    xs, ys = xs[order], ys[..., order]
    right = int(np.clip(np.searchsorted(xs, x), 1, len(xs) - 1))
    left = right - 1
    weight = np.log(x / xs[left]) / np.log(xs[right] / xs[left])
    exact = {0.0: left, 1.0: right}.get(float(weight))
    result = (
        ys[..., exact]
        if exact is not None
        else ys[..., left] ** (1 - weight) * ys[..., right] ** weight
    )
    return result if result.ndim else float(result)
