"""What a screen is made of: paragraphs with a label, rules, gaps."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Paragraph:
    """A labelled paragraph, its text wrapped and indented under itself."""

    label: str
    text: str

    def lines(self, width: int) -> list[str]:
        """Return its lines, at most ``width`` columns wide where words allow."""
        return textwrap.wrap(
            self.text, width, initial_indent=f"{self.label:<10} ", subsequent_indent=" " * 11,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A line from side to side."""

    def lines(self, width: int) -> list[str]:
        """Return it."""
        return ["─" * width]


@dataclass(frozen=True)
class Gap:
    """An empty line."""

    def lines(self, width: int) -> list[str]:
        """Return it."""
        return [""]


class ScreenPart(Protocol):
    """A part of the screen."""

    def lines(self, width: int) -> list[str]:
        """Return its lines, at most ``width`` columns wide where words allow."""
