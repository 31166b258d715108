"""How a run tells its caller how far it is, without knowing of any screen."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the phases of a run in order."""

    def phase(self, name: str, total: int) -> None:
        """Begin a phase; ``total`` units of work will be reported (0: unknown)."""

    def advance(self, done: int) -> None:
        """Report that ``done`` units of the phase are finished, counted from its beginning."""

    def note(self, message: str) -> None:
        """Something the user should read now (data used, a fallback, a warning)."""


class Silent:
    """A Progress that tells nobody."""

    def phase(self, name: str, total: int) -> None:
        """Ignore the phase."""

    def advance(self, done: int) -> None:
        """Ignore the advance."""

    def note(self, message: str) -> None:
        """Ignore the message."""
