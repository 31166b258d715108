from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from imssa_sim.config.schema import ModelConfig
from imssa_sim.errors import InputError
from imssa_sim.model.checkpoint import (
    load_checkpoint,
    save_checkpoint,
    structure_of_config,
)
from imssa_sim.model.initialise import random_network
from imssa_sim.model.structure import Structure
from imssa_sim.model.tensors import network_from_tensors, tensors_of
from imssa_sim.reference.forward import forward

SIZES: dict[str, Any] = {"layers": 2, "width": 6, "state": 8, "inputs": 3, "classes": 4}
STRUCTURE = Structure(**SIZES)
Tensors = dict[str, np.ndarray]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, random_network(**SIZES, seed=1), {"seed": 1, "note": "µS ✓"})
    return path


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("norm", ["layer", "batch", "none"])
@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_round_trip_keeps_function_and_structure(
    tmp_path: Path, bidirectional: bool, norm: Any, method: Any
) -> None:
    network = random_network(
        **SIZES,
        bidirectional=bidirectional,
        norm=norm,
        norm_position="pre",
        discretisation=method,
        initialisation="lin",
    )
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network, {"seed": 3})
    checkpoint = load_checkpoint(path)
    assert Structure.of(checkpoint.network) == Structure.of(network)
    assert checkpoint.metadata["seed"] == 3
    inputs = np.random.default_rng(0).normal(size=(2, 20, 3))
    np.testing.assert_allclose(
        forward(checkpoint.network, inputs), forward(network, inputs), rtol=1e-4, atol=1e-5
    )
    first, second = tensors_of(network), tensors_of(checkpoint.network)
    assert list(first) == list(second)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_names_and_shapes_are_the_reference_implementations(stored: Path) -> None:
    tensors = load_file(stored)
    assert tensors["s4_layers.1.kernel.C"].shape == (6, 4, 2)
    assert tensors["s4_layers.1.output_linear.0.weight"].shape == (12, 6, 1)
    assert {a.dtype for a in tensors.values()} == {np.dtype(np.float32)}
    assert set(tensors) == set(STRUCTURE.shapes())


def test_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    network = random_network(**SIZES)
    contents = set()
    for i in range(8):
        path = tmp_path / f"{i}.safetensors"
        save_checkpoint(path, network, {"b": 1, "a": 2, "c": {"e": 1}})
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_input_weights_are_kept(tmp_path: Path) -> None:
    network = random_network(**SIZES)
    tensors: Tensors = dict(tensors_of(network))
    rng = np.random.default_rng(0)
    for i in range(2):
        tensors[f"s4_layers.{i}.kernel.B"] = rng.normal(size=(6, 4, 2)).astype(np.float32)
    path = tmp_path / "b.safetensors"
    save_file(tensors, path)
    B = load_checkpoint(path).network.layers[1].kernel.B
    assert B is not None
    np.testing.assert_allclose(B.imag, tensors["s4_layers.1.kernel.B"][..., 1])


def test_existing_file_is_replaced_in_one_step(stored: Path) -> None:
    save_checkpoint(stored, random_network(**SIZES, seed=2), {"seed": 2})
    assert load_checkpoint(stored).metadata["seed"] == 2
    assert [p.name for p in stored.parent.iterdir()] == ["net.safetensors"]


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write the checkpoint"):
        save_checkpoint(tmp_path / "no" / "net.safetensors", random_network(**SIZES), {})


@pytest.mark.parametrize("keep", [0, 4, 7, 100, 3000, -1])
def test_truncated_file(stored: Path, keep: int) -> None:
    content = stored.read_bytes()
    stored.write_bytes(content[:keep])
    with pytest.raises(InputError, match="not a safetensors file, or truncated"):
        load_checkpoint(stored, STRUCTURE)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="this is a folder"):
        load_checkpoint(tmp_path)


def _rename(t: Tensors) -> None:
    t["s4_layers.0.kernel.log_at"] = t.pop("s4_layers.0.kernel.log_dt")


def _drop(t: Tensors) -> None:
    del t["norms.1.bias"]


def _add(t: Tensors) -> None:
    t["s4_layers.7.E"] = np.zeros(3, np.float32)


def _reshape(t: Tensors) -> None:
    t["s4_layers.1.kernel.C"] = np.zeros((6, 5, 2), np.float32)


def _nan(t: Tensors) -> None:
    t["decoder.weight"][1, 2] = np.nan


def _infinite(t: Tensors) -> None:
    t["s4_layers.0.D"][:2] = -np.inf


def _integer(t: Tensors) -> None:
    t["encoder.bias"] = np.zeros(6, np.int32)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_rename, r"missing tensor 's4_layers.0.kernel.log_dt' of shape \(6,\).*'s4_layers.0.*at'"),
        (_drop, "missing tensor 'norms.1.bias'"),
        (_add, "unexpected tensor 's4_layers.7.E'"),
        (_reshape, r"'s4_layers.1.kernel.C' must have shape \(6, 4, 2\), found \(6, 5, 2\)"),
        (_nan, "'decoder.weight' holds 1 values that are not finite"),
        (_infinite, "'s4_layers.0.D' holds 2 values that are not finite"),
        (_integer, "'encoder.bias' must hold floating-point numbers, found int32"),
    ],
)
def test_damaged_tensors_are_named(
    stored: Path, damage: Callable[[Tensors], None], message: str
) -> None:
    tensors = load_file(stored)
    described = {"format": "imssa_sim.s4d/1", "network": STRUCTURE.as_dict()}
    damage(tensors)
    save_file(tensors, stored, {"imssa_sim": json.dumps(described)})
    with pytest.raises(InputError, match=message) as caught:
        load_checkpoint(stored)
    assert str(caught.value).startswith(str(stored))


def test_all_faults_are_listed_but_not_without_end(stored: Path) -> None:
    tensors = load_file(stored)
    for name in list(tensors):
        if name.startswith("s4_layers"):
            tensors[name] = np.full_like(tensors[name], np.nan)
    save_file(tensors, stored)
    with pytest.raises(InputError) as caught:
        load_checkpoint(stored)
    lines = str(caught.value).splitlines()
    assert len(lines) == 9
    assert lines[-1].endswith("… and 6 more")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layers", 3), ("width", 8), ("state", 16), ("inputs", 1), ("classes", 10),
        ("bidirectional", True), ("norm", "batch"), ("norm_position", "pre"),
        ("discretisation", "bilinear"),
    ],
)  # fmt: skip
def test_disagreement_with_the_workload_names_the_key(stored: Path, key: str, value: Any) -> None:
    expected = structure_of_config(ModelConfig(**(SIZES | {key: value})))
    with pytest.raises(InputError, match=rf"model.{key} is {value}, but this checkpoint has"):
        load_checkpoint(stored, expected)


def test_file_without_metadata_takes_the_workloads_word(stored: Path) -> None:
    save_file(load_file(stored), stored)
    config = ModelConfig(**SIZES, norm_position="pre", discretisation="bilinear")
    network = load_checkpoint(stored, structure_of_config(config)).network
    assert (network.norm_position, network.discretisation) == ("pre", "bilinear")
    assert load_checkpoint(stored).network.norm_position == "post"
    with pytest.raises(InputError, match=r"model\.width is 12"):
        load_checkpoint(stored, structure_of_config(ModelConfig(**(SIZES | {"width": 12}))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "are no JSON"),
        ("[1]", "must be a JSON object"),
        ('{"format": "imssa_sim.s4d/1"}', "does not describe a network"),
        ('{"format": "imssa_sim.s4d/1", "network": {"size": 1}}', "does not describe a network"),
    ],
)
def test_bad_metadata(stored: Path, text: str, message: str) -> None:
    save_file(load_file(stored), stored, {"imssa_sim": text})
    with pytest.raises(InputError, match=message):
        load_checkpoint(stored)


def test_something_else_than_a_network(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"encoder.weights": np.zeros((2, 2), np.float32)}, path)
    with pytest.raises(InputError, match=r"'encoder.weight'; the nearest name in it is 'encoder"):
        load_checkpoint(path)
    with pytest.raises(InputError, match="must have 2 dimensions"):
        network_from_tensors({"encoder.weight": np.zeros(3)}, "x")
