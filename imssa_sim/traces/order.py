"""Putting what is told in order of its end into order of time, with little memory."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class TimeOrder(Generic[T]):
    """Holds items back until nothing earlier can come; within a tick in the order of arrival."""

    def __init__(self) -> None:
        self._held: list[tuple[int, int, T]] = []
        self._number = 0

    def add(self, time: int, item: T) -> None:
        """Hold an item."""
        heappush(self._held, (time, self._number, item))
        self._number += 1

    def until(self, time: int | None = None) -> Iterator[tuple[int, T]]:
        """Yield what lies before a time (None: everything), in order of time."""
        held = self._held
        while held and (time is None or held[0][0] < time):
            moment, _, item = heappop(held)
            yield moment, item
