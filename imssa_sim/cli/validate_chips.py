"""``validate-chips``: published figures of whole chips beside ours."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.errors import InputError
from imssa_sim.validation import validate_chips
from imssa_sim.validation.page import page as markdown
from imssa_sim.validation.page import text_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.validation.figure import Figure

KINDS = (".png", ".svg", ".pdf")


def validate(chips: list[str], page: Path | None, figure: Path | None, *, as_json: bool) -> None:
    """Print the table, or JSON, or write the page or the figure.

    Raises
    ------
    InputError
        For an unknown chip, or a page or figure that cannot be written.
    """
    figures = validate_chips(chips)
    if figure is not None:
        draw(figures, figure)
    elif page is not None:
        try:
            page.write_text(markdown(figures), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{page}: cannot be written: {error.strerror}") from None
    elif as_json:
        print(
            json.dumps([asdict(f) | {"case": f.case, "error": f.error} for f in figures], indent=1)
        )
    else:
        print(text_table(figures))


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Draw predicted against published figures.

    Raises
    ------
    InputError
        The file cannot be written, or is of no kind that can be drawn.
    """
    from imssa_sim.report.figures.style import save
    from imssa_sim.report.figures.validation import validation_figure

    if path.suffix not in KINDS:
        raise InputError(f"{path}: a figure is drawn as {', '.join(KINDS)}")
    try:
        save(validation_figure(figures), [path])
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
