"""Results that a process keeps, so that what was found for a key is not found again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Kept(Generic[Item]):
    """The results that were used most recently, by all that they depend on.

    Keys hold contents of files, or their hashes, never their names alone: nothing kept is then
    ever out of date.

    Parameters
    ----------
    most : int
        Results that are held at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: OrderedDict[Hashable, Item] = OrderedDict()
        self._lock = Lock()

    def of(self, key: Hashable, find: Callable[[], Item]) -> Item:
        """Return what is held for a key; where nothing is, what ``find`` gives."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        found = find()
        with self._lock:
            self._held[key] = found
            self._held.move_to_end(key)
            while len(self._held) > self.most:
                self._held.popitem(last=False)
        return found
