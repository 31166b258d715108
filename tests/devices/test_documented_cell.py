"""The worked example of docs/physics.md, run as it stands there."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.devices.cell import load_cell

PAGE = Path(__file__).parents[2] / "docs" / "physics.md"


@pytest.fixture
def blocks():
    text = PAGE.read_text(encoding="utf-8").split("## A cell of one's own")[1]
    return dict(re.findall(r"```(python|toml|yaml)\n(.*?)```", text, flags=re.S))


def test_the_example_works(blocks, tmp_path, install):
    (tmp_path / "my_cell.yaml").write_text(blocks["yaml"], encoding="utf-8")
    stated = tomllib.loads(blocks["toml"])["project"]["entry-points"]
    install("documented", stated, my_cells=blocks["python"])
    cell = load_cell(str(tmp_path / "my_cell.yaml"))
    g = np.array([1e-6, 25e-6, 100e-6])
    np.testing.assert_allclose(cell.programming.sigma(g), [0.2e-6, 1e-6, 2e-6])
    np.testing.assert_allclose(cell.program(g, np.ones(3)), [1.2e-6, 26e-6, 102e-6])
