"""Pages that are made from the schema and the decisions, and the notebooks' code."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from imssa_sim.config import RunConfig
from imssa_sim.config.walk import all_paths
from imssa_sim.errors import InputError
from imssa_sim.searches.plan import read_search
from imssa_sim.sweeps.plan import read_plan

DOCS = Path(__file__).parents[2] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.md"))
_LISTED = (DOCS / "index.md").read_text("utf-8").split(":caption: How to\n")[1].split("```")[0]
# Who extends the package from outside takes its parts by their modules.
HOW_TO = [DOCS / f"{name}.md" for name in _LISTED.split() if name != "extending"]


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_up_to_date(made):
    remedy = "run python docs/make_reference.py"
    assert made.WORKLOAD.read_text("utf-8") == made.workload_page(), remedy
    assert made.SWEEP.read_text("utf-8") == made.sweep_page(), remedy
    assert made.SEARCH.read_text("utf-8") == made.search_page(), remedy
    assert made.DECISIONS.read_text("utf-8") == made.decisions_page(), remedy


def test_every_key_of_the_schema_is_there(made):
    page = made.workload_page()
    for path in all_paths(RunConfig):
        section, _, key = path.rpartition(".")
        part = page.split(f"## `{section}`\n" if section else "## Top level\n")[1].split("\n## ")[0]
        assert f"| `{key}`" in part, path


@pytest.mark.parametrize("read", [read_plan, read_search], ids=["sweep", "search"])
def test_an_unknown_key_is_told_all_keys_of_the_reference(read, made, tmp_path):
    file = tmp_path / "file.yaml"
    file.write_text("nonsense: 1\n", encoding="utf-8")
    with pytest.raises(InputError) as told:
        read(file)
    page = made.sweep_page() if read is read_plan else made.search_page()
    keys = re.findall(r"^\| `(\w+)` \|", page, re.M)
    assert str(told.value).endswith(f"(known: {', '.join(keys)})")


def test_there_are_five_notebooks_in_the_index():
    index = (DOCS / "index.md").read_text("utf-8")
    assert len(NOTEBOOKS) == 5
    assert all(f"notebooks/{notebook.stem}" in index for notebook in NOTEBOOKS)


def test_every_page_is_in_the_index():
    index = (DOCS / "index.md").read_text("utf-8").splitlines()
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= set(index)


@pytest.mark.parametrize("page", [*NOTEBOOKS, *HOW_TO], ids=lambda path: path.stem)
def test_notebooks_and_how_tos_import_nothing_deeper_than_the_package(page):
    text = page.read_text("utf-8")
    cells = re.findall(r"```\{code-cell\}\n(.*?)```", text, re.S)
    assert bool(cells) == (page in NOTEBOOKS)
    cells += re.findall(r"```python\n(.*?)```", text, re.S)
    for node in ast.walk(ast.parse("\n".join(cells))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        assert not any(name.startswith("imssa_sim.") for name in names)
