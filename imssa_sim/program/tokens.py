"""Work on tokens that stand for themselves: in slices that fit the caches, on threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim import threads

if TYPE_CHECKING:
    from collections.abc import Callable

SLICE = 2048
"""Tokens that are worked on at a time where each stands for itself."""


def by_tokens(work: Callable[[slice], None], tokens: int) -> None:
    """Do ``work`` on slices of the tokens: on threads, and few enough at a time for the caches."""
    parts = [slice(at, at + SLICE) for at in range(0, tokens, SLICE)]
    if len(parts) == 1 or threads.current() == 1:
        for part in parts:
            work(part)
        return
    with threads.use_threads():
        for _ in threads.ordered_map(work, parts):
            pass
