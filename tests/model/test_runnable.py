"""Networks that cannot be quantised are refused by name, before anything else is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imssa_sim.cli.main import main
from imssa_sim.errors import InputError
from imssa_sim.model.checkpoint import save_checkpoint
from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Composition
from imssa_sim.model.runnable import check_runnable

SIZES: dict[str, Any] = {"layers": 1, "width": 4, "state": 4, "inputs": 1, "classes": 3}


@pytest.mark.parametrize("family", ["s4d", "s4block", "s5", "lru"])
def test_families_run(tmp_path: Path, family: str) -> None:
    save_checkpoint(tmp_path / "a.safetensors", random_network(**SIZES, family=family), {})
    check_runnable(tmp_path / "a.safetensors")
    check_runnable(None)


def test_other_blocks_run(tmp_path: Path) -> None:
    made = Composition(activation="none", residual=False)
    save_checkpoint(tmp_path / "a.safetensors", random_network(**SIZES, composition=made), {})
    check_runnable(tmp_path / "a.safetensors")


def test_real_modes_are_refused_by_name(tmp_path: Path) -> None:
    network = random_network(**SIZES, family="s4block")
    layers = tuple(
        replace(layer, kernel=replace(layer.kernel, real_modes=True)) for layer in network.layers
    )
    save_checkpoint(tmp_path / "a.safetensors", replace(network, layers=layers), {})
    with pytest.raises(InputError, match=r"has real modes\. So far"):
        check_runnable(tmp_path / "a.safetensors")


def test_files_that_do_not_say_what_they_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pt").write_bytes(b"")
    with pytest.raises(InputError, match=r"import-checkpoint .* finds out"):
        check_runnable(tmp_path / "a.pt")
    setting = f"model.checkpoint={tmp_path / 'a.pt'}"
    assert main(["validate", "sdigits", "--set", setting]) == 2
    assert "it does not say which network it holds" in capsys.readouterr().err
    (tmp_path / "b.safetensors").write_bytes(b"junk")
    with pytest.raises(InputError, match="not a safetensors file, or truncated"):
        check_runnable(tmp_path / "b.safetensors")
