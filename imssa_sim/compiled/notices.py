"""What the user should know about compiling: said once, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

Listener = Callable[[str], None]

_listeners: list[Listener] = []
_said: set[str] = set()
_lock = Lock()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hand each new message to ``listener`` within a ``with`` block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def say(kind: str, message: str) -> None:
    """Hand a message to the listeners, if none of its kind was heard in this process before."""
    with _lock:
        if kind in _said or not _listeners:
            return
        _said.add(kind)
        heard = list(_listeners)
    for listener in heard:
        listener(message)
