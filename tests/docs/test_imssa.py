"""The page on the array of IMSSA does what it says."""

import re
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).resolve().parents[2] / "docs" / "imssa.md"


def test_the_published_array_is_made_by_the_lines_of_the_page() -> None:
    (_, code) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), made)
    level = made["level"]
    assert level.shape == (60, 60)
    assert np.bincount(level.ravel()).tolist() == [3380, 56, 164]
    for row, cells in (
        (0, ".T.Y....................................................Y.Y."),
        (3, ".YT.....................................................Y..Y"),
        (55, "......................................................T..Y.."),
        (59, "...Y...Y...Y...Y...Y...Y...Y...Y...Y...Y...Y...Y...Y...Y...."),
    ):
        assert "".join(".TY"[cell] for cell in level[row]) == cells
