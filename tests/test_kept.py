"""What a process keeps: the results used last, nothing where finding failed."""

from __future__ import annotations

import pytest

from imssa_sim.kept import Kept


def test_what_was_used_last_is_held() -> None:
    kept: Kept[str] = Kept(2)
    found: list[str] = []

    def find(name: str) -> str:
        return kept.of((name,), lambda: found.append(name) or name.upper())  # type: ignore[func-returns-value]

    assert [find(name) for name in "abacab"] == list("ABACAB")
    assert found == ["a", "b", "c", "b"]  # b went unused longer than a when c came


def test_nothing_is_held_where_finding_failed() -> None:
    kept: Kept[int] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.of("one", lambda: 1 // 0)
    assert kept.of("one", lambda: 2) == 2
    assert kept.of("one", lambda: 3) == 2
