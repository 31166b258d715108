"""Settings common to all tests: reproducible, without network, without traces on the disk."""

import importlib.util
import os
import signal
import sys
import threading

os.environ.setdefault("MPLBACKEND", "Agg")

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Derandomised: the same examples on every machine. No deadline: other work may share the machine.
settings.register_profile(
    "project",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("project")

# Processes that tests start and interrupt inherit whether SIGINT is ignored, as behind nohup.
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    and threading.current_thread() is threading.main_thread()
):
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A small workload with cards of its own, so that tests do not hang on the shipped cards.
Write = Callable[..., Path]

WORKLOAD = """\
workload: small
description: two layers
seed: 7
model:
  layers: 2
  width: 8
  state: 4
  classes: 10
data:
  name: sdigits
bits:
  default: 8
  A: 6
hardware:
  chip:
    clock: 1 GHz
    tile:
      rows: 64
      columns: 64
      cell: ./cell.yaml
  adc:
    card: ./adc.yaml
    bits: 7
    rate: 100 MHz
  dac:
    card: ./dac.yaml
  digital: {card: ./digital.yaml}
  memory: {card: ./memory.yaml}
  bus: {card: ./bus.yaml}
evaluate:
  samples: all
  time_since_programming: 1 h
"""

CARD = """\
name: {kind}
kind: {kind}
title: a {kind} for tests
parameters:
  energy: {{value: 1.5, unit: pJ, status: assumed, range: [1, 2]}}
  area: {{value: 30, unit: um^2, status: measured, source: shafiee2016isaac, locator: Table 6}}
"""


@pytest.fixture(autouse=True)
def _no_ambient_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's data folder must not change what a test sees."""
    monkeypatch.delenv("IMSSA_DATA", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one card of each kind that a workload needs."""
    for kind in ("cell", "adc", "dac", "digital", "memory", "bus", "gpu"):
        (tmp_path / f"{kind}.yaml").write_text(CARD.format(kind=kind), encoding="utf-8")
    return tmp_path


@pytest.fixture
def write_workload(folder: Path) -> Write:
    """Write the workload with some of its lines replaced, and return its path."""

    def write(replace: dict[str, str] | None = None, text: str = WORKLOAD) -> Path:
        for old, new in (replace or {}).items():
            assert old in text, f"the workload has no {old!r}"
            text = text.replace(old, new)
        path = folder / "small.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def tiny() -> dict[str, Any]:
    """A workload that runs in a tenth of a second, as a mapping."""
    return {
        "workload": "tiny",
        "model": {"layers": 1, "width": 8, "state": 4, "classes": 10},
        "data": {"name": "sdigits"},
        "calibration": {"samples": 16},
        "hardware": {
            "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
            "adc": {"card": "adc/survey_andrulis_2024"},
            "dac": {"card": "dac/pwm_40nm"},
            "effects": {"ir_drop": False},
        },
        "evaluate": {"samples": 6, "chips": 2, "threads": 1},
        "baselines": ["gpu/jetson_nano_10w"],
    }


@pytest.fixture(scope="session")
def random_networks():
    """The module tests/random_networks.py, whichever way pytest was started."""
    name = "imssa_tests_random_networks"
    if name not in sys.modules:
        path = Path(__file__).parents[0] / "random_networks.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package with entry points and modules on the path, until the test ends."""

    def put(name: str, points: dict[str, dict[str, str]], **modules: str) -> None:
        place = tmp_path / f"package_{name}"
        info = place / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = []
        for group, names in points.items():
            lines += [f"[{group}]", *(f"{key} = {value}" for key, value in names.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for module, code in modules.items():
            (place / f"{module}.py").write_text(code, encoding="utf-8")
        monkeypatch.syspath_prepend(str(place))

    before = set(sys.modules)
    yield put
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
