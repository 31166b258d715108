"""Objects by name, those of other packages included.

A registry holds what this package has under names, and finds what other packages add through an
entry point group (docs/extending.md). An entry point is imported when its object is asked for, so
that a broken or slow plugin costs nothing to who does not use it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from imssa_sim.errors import InputError, nearest

Item = TypeVar("Item")


def unknown(what: str, name: object, known: Iterable[str]) -> InputError:
    """Return the error of a name that is not known, with the nearest one and all of them."""
    names = tuple(known)
    close = nearest(name, names)
    hint = f"; did you mean '{close}'?" if close else ""
    return InputError(f"unknown {what} '{name}'{hint} (one of {', '.join(names)})")


@lru_cache(maxsize=64)
def _points(group: str, places: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    return tuple(sorted(entry_points(group=group), key=lambda point: point.name))


def plugin_names(group: str, prefix: str = "") -> tuple[str, ...]:
    """Return the names that other packages have put into a group, without importing them.

    Parameters
    ----------
    group : str
        Entry point group.
    prefix : str
        Only names that begin with it; they are returned without it.
    """
    names = (point.name for point in _points(group, tuple(sys.path)))
    return tuple(
        dict.fromkeys(name.removeprefix(prefix) for name in names if name.startswith(prefix))
    )


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "a package without a name"


class Registry(Generic[Item]):
    """Objects of one kind by name: this package's own, and those of other packages.

    Parameters
    ----------
    what : str
        The kind, as a message names it: ``"data set"``.
    group : str
        Entry point group in which other packages name theirs: ``"imssa_sim.data"``.
    own : mapping, optional
        Objects of this package; `add` and `register` add more.
    prefix : str
        What the names of the entry points begin with, where kinds share a group.
    """

    def __init__(
        self, what: str, group: str, own: Mapping[str, Item] | None = None, prefix: str = ""
    ) -> None:
        self.what = what
        self.group = group
        self.prefix = prefix
        self._own: dict[str, Item] = dict(own or {})

    def add(self, name: str, item: Item) -> Item:
        """Put an object of this package under a name, and return it.

        Raises
        ------
        ValueError
            If the name is taken.
        """
        if name in self._own:
            raise ValueError(f"there are two {self.what}s '{name}'")
        self._own[name] = item
        return item

    def names(self) -> tuple[str, ...]:
        """Return all names: this package's in their order, then those of others, sorted."""
        return tuple(dict.fromkeys((*self._own, *plugin_names(self.group, self.prefix))))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __getitem__(self, name: str) -> Item:
        """Return the object of a name.

        Raises
        ------
        InputError
            The name is unknown (the nearest is told) or given twice, or its package cannot be
            imported.
        """
        points = [
            point
            for point in _points(self.group, tuple(sys.path))
            if point.name == self.prefix + name
        ]
        # One distribution can be found in two folders of the path: that is still one object.
        if len({point.value for point in points}) + (name in self._own) > 1:
            owners = ["imssa_sim"] if name in self._own else []
            owners += sorted({_distribution(point) for point in points})
            raise InputError(
                f"{self.what} '{name}' is defined more than once, by {' and '.join(owners)} "
                f"(entry point group {self.group}); uninstall one, or give it another name"
            )
        if name in self._own:
            return self._own[name]
        if not points:
            raise unknown(self.what, name, self.names())
        return self._load(points[0])

    def _load(self, point: EntryPoint) -> Item:
        try:
            loaded: Item = point.load()
        except Exception as error:  # whatever a foreign module does at its import
            raise InputError(
                f"{self.what} '{point.name}' of {_distribution(point)} cannot be imported from "
                f"{point.value}: {type(error).__name__}: {error}; "
                "mend the package, or uninstall it"
            ) from error
        return loaded
