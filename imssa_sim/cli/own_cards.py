"""Tells the files of cards from other YAML files, without a judgement on either."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = tuple(re.compile(rf"^{key}\s*:", re.MULTILINE) for key in ("kind", "parameters"))


def is_card(path: Path) -> bool:
    """Tell whether a file is meant as a card: it has the keys ``kind`` and ``parameters``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return all(key.search(text) for key in _KEYS)
