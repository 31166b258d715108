"""Exceptions of the package, their exit codes, and the wording of problems in input files.

Every exception can be rebuilt from its ``args`` (``type(e)(*e.args)``), because SimPy re-raises
failed events that way and because exceptions cross process boundaries by pickling.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


class ImssaError(Exception):
    """Base of all errors that the package raises on purpose.

    Parameters
    ----------
    message : str
        What is wrong, where, the nearest valid name, and how to mend it.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, message: str = "", *details: object) -> None:
        super().__init__(message, *details)
        self.message = message

    def __str__(self) -> str:
        return self.message


class InputError(ImssaError):
    """Something that the user gave (a file, a value, an option, data) cannot be used."""

    exit_code = 2


class ValidityError(ImssaError):
    """A model was asked for an answer outside the range in which it is known to hold."""

    exit_code = 3


class InternalError(ImssaError):
    """An invariant of the package itself is broken."""

    exit_code = 4


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in an input file or an override.

    Attributes
    ----------
    what : str
        The fault, in words, without its position.
    file : str
        File name as the user knows it, or an override such as ``--set a.b=8``.
    line, column : int or None
        Position counted from 1; None where the problem has no position (a file that is missing).
    path : str
        Dotted path of the key, empty for the whole file.
    suggestion : str
        Nearest valid name, or empty.
    remedy : str
        How to mend it, or empty.
    """

    what: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    path: str = ""
    suggestion: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        where = self.file
        if self.line is not None:
            where += f":{self.line}:{1 if self.column is None else self.column}"
        text = ": ".join(part for part in (where, self.path, self.what) if part)
        if self.suggestion:
            text += f"; did you mean '{self.suggestion}'?"
            return f"{text} {self.remedy}".rstrip()
        return f"{text}; {self.remedy}" if self.remedy else text


class ConfigError(InputError):
    """One or more problems in a workload file, a card or an override, all of them shown.

    Parameters
    ----------
    problems : iterable of Problem
        At least one; ``str()`` gives one line for each, in the order of their positions.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = tuple(problems)
        ordered = tuple(sorted(found, key=lambda p: (p.file, p.line or 0, p.column or 0, p.path)))
        super().__init__("\n".join(map(str, ordered)))
        self.problems = ordered
        self.args = (ordered,)


def nearest(name: object, candidates: Iterable[str]) -> str:
    """Return the candidate that most resembles ``name``, or an empty string if none is close.

    Close is what shares six tenths of its letters, in their order, and begins alike or is a part
    or at most two edits away: words that share an ending alone are no slip of the same word.

    Parameters
    ----------
    name : object
        The unknown name; anything but a string resembles nothing.
    candidates : iterable of str
        The valid names.
    """
    if not isinstance(name, str):
        return ""
    pool = list(dict.fromkeys(candidates))
    # A card is often given without its folder: the last parts of the names are compared too.
    tails = [c.rsplit("/", 1)[-1] for c in pool]
    for wanted, texts in ((name, pool), (name.rsplit("/", 1)[-1], tails)):
        scored = [(*_likeness(wanted, text), -index) for index, text in enumerate(texts)]
        likeness, _, index = max(scored, default=(0.0, 0, 0))
        if likeness >= _ALIKE and _slip(wanted.casefold(), texts[-index].casefold()):
            return pool[-index]
    return ""


_ALIKE = 0.6
_EDITS = 2


def _slip(a: str, b: str) -> bool:
    """Return whether one word may stand for the other by a slip of the hand or of memory."""
    return a[:2] == b[:2] or a in b or b in a or _edits(a, b) <= _EDITS


def _edits(a: str, b: str) -> int:
    """Return how many letters are to be put in, taken out, replaced or swapped with the next."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i in range(1, len(a) + 1):
        row = [i]
        for j in range(1, len(b) + 1):
            best = min(last[j] + 1, row[-1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def _likeness(a: str, b: str) -> tuple[float, int]:
    """Return the share of common text regardless of case, and equal characters in place."""
    low, lower = a.casefold(), b.casefold()
    ratio = difflib.SequenceMatcher(None, low, lower).ratio()
    if low[:1] == lower[:1] and abs(len(low) - len(lower)) <= 1 and _edits(low, lower) == 1:
        ratio = max(ratio, 1 - 1 / max(len(low), len(lower)))
    return ratio, sum(x == y for x, y in zip(a, b, strict=False))
