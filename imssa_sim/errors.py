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
        if likeness >= _ALIKE:
            return pool[-index]
    return ""


_ALIKE = 0.6


def _likeness(a: str, b: str) -> tuple[float, int]:
    """Return the share of common text regardless of case, and equal characters in place."""
    ratio = difflib.SequenceMatcher(None, a.casefold(), b.casefold()).ratio()
    return ratio, sum(x == y for x, y in zip(a, b, strict=False))
