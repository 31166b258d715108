"""Named arrays of files: wrappings, choices between entries, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.foreign.arrays import named, read_arrays

ONE = np.ones(2, np.float32)


def names(found: dict[str, Any], **renamed: str) -> set[str]:
    return set(named(found, "x", renamed).arrays)


def test_wrappers_and_common_prefixes_are_left_out() -> None:
    found = {"model._orig_mod.encoder.weight": ONE, "model.s4_layers.0.module.D": ONE}
    assert names(found) == {"encoder.weight", "s4_layers.0.D"}
    assert named(found, "x", {}).notes == ("names begin with 'model.', which was left out",)
    assert names({"params/encoder/kernel": ONE, "batch_stats/norm/mean": ONE}) == {
        "encoder.kernel",
        "norm.mean",
    }
    assert names({"kernel.C": ONE, "kernel.B": ONE}) == {"kernel.C", "kernel.B"}


def test_renaming_takes_arrays_and_first_parts() -> None:
    found = {"a.b.weight": ONE, "a.b.bias": ONE, "c": ONE}
    assert names(found, **{"a.b": "encoder", "c": "D"}) == {"encoder.weight", "encoder.bias", "D"}
    with pytest.raises(InputError, match="two arrays would be called 'c'"):
        names(found, **{"a.b.weight": "c"})


def test_numbers_only() -> None:
    assert named({"a": np.array([1 + 2j])}, "x", {}).arrays["a"].tolist() == [[1.0, 2.0]]
    for bad in (np.ones(2, np.int8), np.array(["a"]), np.array([None])):
        with pytest.raises(InputError, match="not floating-point numbers"):
            named({"a": bad}, "x", {})
    with pytest.raises(InputError, match="there are no arrays in it"):
        named({"norms.0.num_batches_tracked": ONE}, "x", {})


def test_npz_files(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, inputs=ONE, outputs_float64=ONE, meta_json="{}", D=ONE)
    assert set(read_arrays(path, {}).arrays) == {"D"}
    np.savez(path, **{"param:params/D": ONE, "x": ONE})
    assert set(read_arrays(path, {}).arrays) == {"D"}
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r"not an \.npz file of plain arrays"):
        read_arrays(path, {})
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(InputError, match=r"not an \.npz file of plain arrays"):
        read_arrays(path, {})


def test_weights_are_found_among_the_entries_of_a_script(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path, weights = tmp_path / "a.pt", {"kernel.C": torch.ones(2), "D": torch.ones(2)}
    for content in (
        {"best": weights, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}},
        {"model": weights, "ema": weights},
        weights,
    ):
        torch.save(content, path)
        assert set(read_arrays(path, {}).arrays) == {"kernel.C", "D"}
    torch.save({"epoch": 3}, path)
    with pytest.raises(InputError, match="it holds no tensors; it has epoch"):
        read_arrays(path, {})
    with pytest.raises(InputError, match="there is no such checkpoint"):
        read_arrays(tmp_path / "b.pt", {})
    with pytest.raises(InputError, match="this is a folder"):
        read_arrays(tmp_path, {})
