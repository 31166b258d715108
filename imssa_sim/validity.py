"""Models outside of the range in which they hold: refused, or used on purpose and told of."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from imssa_sim.errors import ValidityError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_used: ContextVar[dict[str, None] | None] = ContextVar("used beyond validity", default=None)


@contextmanager
def extrapolating(wanted: bool) -> Iterator[Mapping[str, None]]:
    """Let models of cards be used beyond their ranges within a ``with`` block, if wanted.

    Gives the messages of `beyond` so far, each once, as keys.
    """
    found: dict[str, None] = {}
    token = _used.set(found if wanted else None)
    try:
        yield found
    finally:
        _used.reset(token)


def beyond(message: str, remedy: str) -> None:
    """Tell that a card is used outside of its range.

    Raises
    ------
    ValidityError
        With message and remedy, unless extrapolation is wanted.
    """
    found = _used.get()
    if found is None:
        raise ValidityError(f"{message}; {remedy}, or --extrapolate on your own account")
    found[message] = None
