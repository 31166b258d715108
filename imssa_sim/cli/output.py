"""What goes to standard output, whatever is at its other end."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PLAIN = {
    "µ": "u", "μ": "u", "Ω": "ohm", "σ": "sigma", "ν": "nu", "Σ": "sum", "Δ": "delta",
    "±": "+-", "×": "x", "·": "*", "→": "->", "≤": "<=", "≥": ">=", "≈": "~", "−": "-",
    "²": "2", "³": "3", "⁻": "-", "¹": "1", "°": "deg ", "½": "1/2",
    "–": "-", "—": "-", "…": "...", "─": "-", "━": "-", "│": "|", "╴": "-",
    "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ",
}  # fmt: skip
_HANDLER = "imssa_sim.plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding does not know by what stands for it in plain text."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(_PLAIN.get(letter, "?") for letter in unknown), error.end


def prepare_streams() -> None:
    """Let standard output and error replace what their encoding does not know.

    A standard output that was closed before the start becomes one that refuses what is written:
    otherwise the first file opened would take its place.
    """
    codecs.register_error(_HANDLER, _plain)
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_HANDLER)


@contextmanager
def print_last(folder: Path) -> Iterator[None]:
    """Print the end of work that is stored already.

    Raises
    ------
    InputError
        If nobody takes it; names ``folder``, where it is.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        raise InputError(
            f"standard output cannot be written: {error.strerror or error}; all results are whole "
            f"in '{folder}'"
        ) from None


def output_refuses(error: OSError) -> bool:
    """Return whether an error is one of writing: the disk is full, or standard output was closed.

    Errors of opening a file name it, and are not.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    if error.errno != errno.EBADF or error.filename is not None:
        return False
    try:
        os.write(sys.stdout.fileno(), b"")
    except OSError:
        return True
    return False


def discard_output() -> None:
    """Let what is still to be written to standard output go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
