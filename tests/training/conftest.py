import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def random_networks():
    """The module tests/random_networks.py, whichever way pytest was started."""
    name = "imssa_tests_random_networks"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "random_networks.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
