"""``fit-card``: from measurements of memory cells to a card."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.api.fit_card import fit_card as fit


def fit_card(data: Path, output: Path) -> None:
    """Fit a card, write it with its figure, and print what was found.

    Raises
    ------
    InputError
        For what is wrong with the measurements, or an output that exists.
    """
    done = fit(data, output)
    print(done.summary())
    print(f"card       {output}, figure {output.with_suffix('.png')}")
