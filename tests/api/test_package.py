"""What ``import imssa_sim`` gives, and what it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import imssa_sim

HEAVY = ("numpy", "pandas", "numba", "matplotlib", "pydantic", "scipy", "typer", "rich")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = f"import imssa_sim, sys; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented() -> None:
    assert dir(imssa_sim) == sorted(imssa_sim.__all__)
    for name in set(imssa_sim.__all__) - {"__version__"}:
        item = getattr(imssa_sim, name)
        assert callable(item)
        assert item.__doc__
        assert f"`{name}`" in (imssa_sim.__doc__ or "")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = imssa_sim.nothing


def test_names_stay_what_they_are_when_modules_are_imported() -> None:
    import imssa_sim.api.run
    import imssa_sim.sweeps.execute

    assert callable(imssa_sim.run)
    assert callable(imssa_sim.sweep)


def test_type_checkers_see_the_names_where_they_are() -> None:
    stub = ast.parse(Path(imssa_sim.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    seen = {
        name.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    (names,) = (ast.literal_eval(n.value) for n in stub.body if isinstance(n, ast.Assign))
    assert names == imssa_sim.__all__
    assert set(seen) == set(names) - {"__version__"}
    for name, module in seen.items():
        assert getattr(import_module(module or ""), name) is getattr(imssa_sim, name)
