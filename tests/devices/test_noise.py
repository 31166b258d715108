"""Forms of read noise: which depend on the conductance right after programming."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.cards import list_cards
from imssa_sim.devices.cell import cell_of

CELLS = [cell for cell in map(cell_of, list_cards("cell")) if cell.read_noise is not None]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_form_says_whether_it_depends_on_what_was_programmed(cell):
    present = np.linspace(cell.g_min, cell.g_max, 50)[1:]
    first, other = (
        cell.read_sigma(present, programmed, 3600.0, None)
        for programmed in (present, present[::-1].copy())
    )
    assert np.array_equal(first, other) != cell.noise_of_programmed


def test_cells_of_both_kinds_were_tried_and_unknown_forms_are_taken_to_depend():
    assert {cell.noise_of_programmed for cell in CELLS} == {False, True}

    class Own:
        """A form of a plugin that says nothing."""

    class Cell(type(CELLS[0])):
        read_noise = Own()

        def __init__(self) -> None:
            pass

    assert Cell().noise_of_programmed
