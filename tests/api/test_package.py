"""What ``import imssa_sim`` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

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
