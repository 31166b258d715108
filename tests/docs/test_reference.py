"""Pages that are made from the schema and the decisions, and the notebooks' code."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from imssa_sim.config import RunConfig
from imssa_sim.config.walk import all_paths

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.md"))


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_up_to_date(made):
    remedy = "run python docs/make_reference.py"
    assert made.WORKLOAD.read_text("utf-8") == made.workload_page(), remedy
    assert made.DECISIONS.read_text("utf-8") == made.decisions_page(), remedy


def test_every_key_of_the_schema_is_there(made):
    page = made.workload_page()
    for path in all_paths(RunConfig):
        section, _, key = path.rpartition(".")
        part = page.split(f"## `{section}`\n" if section else "## Top level\n")[1].split("\n## ")[0]
        assert f"| `{key}`" in part, path


def test_there_are_five_notebooks_in_the_index():
    index = (DOCS / "index.md").read_text("utf-8")
    assert len(NOTEBOOKS) == 5
    assert all(f"notebooks/{notebook.stem}" in index for notebook in NOTEBOOKS)


def test_every_page_is_in_the_index():
    index = (DOCS / "index.md").read_text("utf-8").splitlines()
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= set(index)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_nothing_deeper_than_the_package(notebook):
    cells = re.findall(r"```\{code-cell\}\n(.*?)```", notebook.read_text("utf-8"), re.S)
    assert cells
    for node in ast.walk(ast.parse("\n".join(cells))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        assert not any(name.startswith("imssa_sim.") for name in names)
