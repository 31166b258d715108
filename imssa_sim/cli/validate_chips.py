"""``validate-chips``: published figures of whole chips beside ours."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from imssa_sim.costs.chips import validate_chips
from imssa_sim.costs.chips.page import page as markdown
from imssa_sim.costs.chips.page import text_table
from imssa_sim.errors import InputError


def validate(chips: list[str], page: Path | None, *, as_json: bool) -> None:
    """Print the table, or JSON, or write the page.

    Raises
    ------
    InputError
        For an unknown chip, or a page that cannot be written.
    """
    figures = validate_chips(chips)
    if page is not None:
        try:
            page.write_text(markdown(figures), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{page}: cannot be written: {error.strerror}") from None
    elif as_json:
        print(json.dumps([asdict(f) | {"error": f.error} for f in figures], indent=1))
    else:
        print(text_table(figures))
