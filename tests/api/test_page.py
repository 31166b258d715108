"""What docs/api.md shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = BLOCKS[number]
    if "search(" in block:
        pytest.importorskip("optuna")
    if "sweep(" in block:  # the same with fewer runs
        block = block.replace("[5, 6, 7, 8]", "[6]").replace("[0, 1, 2]", "[0]")
        block = block.replace("seeds=", "jobs=1, set={'evaluate.samples': 8}, seeds=")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(f"import imssa_sim\n{block}", str(PAGE), "exec"), names)
    assert list(tmp_path.iterdir()) == []
