"""What the benchmarks take from the package is there, also where a run of minutes would need it."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.py"))


def taken(module: str, name: str) -> object:
    """Return what ``from module import name`` gives; one that needs PyTorch is left out."""
    try:
        found = importlib.import_module(module)
        return getattr(found, name) if hasattr(found, name) else importlib.import_module(
            f"{module}.{name}"
        )  # fmt: skip
    except ModuleNotFoundError as error:
        if error.name == "torch":
            return None
        raise


@pytest.mark.parametrize("script", SCRIPTS)
def test_names_are_there(script):
    tree = ast.parse((FOLDER / script).read_text(encoding="utf-8"))
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("imssa_sim"):
            for alias in node.names:
                found = taken(node.module, alias.name)
                if isinstance(found, ModuleType):
                    modules[alias.asname or alias.name] = found
    absent = [
        f"{script}:{node.lineno}: {node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if node.value.id in modules and not hasattr(modules[node.value.id], node.attr)
    ]  # fmt: skip
    assert not absent
