"""The command ``import-checkpoint``: assumptions in print, refusals with exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.cli.main import main

pytest.importorskip("torch")
REFS = Path(__file__).parents[1] / "foreign" / "data"
FILE = str(REFS / "qs4d_a_float_post.pt")
IO = str(REFS / "qs4d_a_float_post.npz")


def test_assumptions_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "a.safetensors"
    words = ["import-checkpoint", FILE, "-o", str(target), "--family", "qs4d"]
    assert main([*words, "--set", "model.norm_position=post", "--check", IO]) == 0
    out = capsys.readouterr().out
    assert "model.norm_position: post (as named)" in out
    assert "model.norm_epsilon: 1e-05 (assumed" in out
    assert "largest deviation" in out
    assert "qs4d, 2 layers, H = 16, N = 16, 1 inputs, 10 outputs" in out
    assert (
        "model: {layers: 2, width: 16, state: 16, classes: 10, norm: batch, family: qs4d, " in out
    )
    assert f"checkpoint: {target}}}" in out
    assert main([*words, "--set", "model.norm_position=post"]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "names and shapes fit more than one network"),
        (["--set", "norm_position=pre"], "write model.NAME=VALUE"),
        (["--map", "encoder"], "write OLD=NEW"),
        (["--check", "none.npz"], "there is no such file to check with"),
        (["--set", "model.norm_position=pre", "--check", IO], "gives the outputs of"),
    ],
)
def test_refusals(
    tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "a.safetensors"
    assert main(["import-checkpoint", FILE, "-o", str(target), *words]) == 2
    assert message in capsys.readouterr().err
    assert not target.exists()
