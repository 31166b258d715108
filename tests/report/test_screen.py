"""The screen at the end of a run, as far as names of any length go."""

from __future__ import annotations

import pytest

from imssa_sim.report.screen import WIDTH, Paragraph


@pytest.mark.parametrize("label", ["", "accuracy", "imssa_two_class", "a" * 40])
def test_a_label_is_set_apart_from_its_text(label: str) -> None:
    lines = Paragraph(label, "word " * 60).lines(WIDTH)
    assert lines[0].startswith(f"{label} ")
    assert all(len(line) <= WIDTH for line in lines)
    assert "".join(lines).count("word") == 60
