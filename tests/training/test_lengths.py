"""Training on padded sequences: their true steps alone take part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.config.schema import ModelConfig
from imssa_sim.errors import InputError
from imssa_sim.model.initialise import network_of_config
from imssa_sim.reference.forward import forward

torch = pytest.importorskip("torch", reason="training needs PyTorch")

STEPS = 7
LENGTHS = np.array([7, 2, 4, 1, 4])


def inputs(filling: float, features: int = 2) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((len(LENGTHS), STEPS, features))
    x[np.arange(STEPS) >= LENGTHS[:, None]] = filling
    return x.astype(np.float32)


MODELS: dict[str, dict[str, Any]] = {
    "mean": {},
    "last": {"pooling": "last", "norm": "none"},
    "each step": {"pooling": "none"},
    "both directions": {"bidirectional": True, "norm_position": "pre"},
    "one state": {"family": "s5", "bidirectional": True},
    "batch norm": {"norm": "batch"},
}


def module_of(name: str) -> Any:
    from imssa_sim.training.torch_network import NetworkModule

    sizes: dict[str, Any] = {"layers": 2, "width": 6, "state": 4, "inputs": 2, "classes": 3}
    network = network_of_config(ModelConfig(**(sizes | MODELS[name])), seed=1)
    return network, NetworkModule(network)


@pytest.mark.parametrize("name", MODELS)
def test_a_module_gives_what_the_float_reference_gives(name: str) -> None:
    network, module = module_of(name)
    module.eval()
    with torch.no_grad():
        found = module(torch.from_numpy(inputs(50.0)), torch.from_numpy(LENGTHS)).numpy()
    wanted = forward(network, inputs(0.0), lengths=LENGTHS)
    if wanted.ndim == 3:
        found = np.where((np.arange(STEPS) < LENGTHS[:, None])[..., None], found, 0)
    np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("name", ["both directions", "batch norm", "each step"])
def test_padding_reaches_neither_gradients_nor_statistics(name: str) -> None:
    from imssa_sim.training.fit import decisions

    found = []
    for filling in (0.0, 50.0):
        _, module = module_of(name)
        module.train()
        lengths, labels = torch.from_numpy(LENGTHS), torch.tensor([0, 1, 2, 0, 1])
        results = module(torch.from_numpy(inputs(filling)), lengths)
        logits, each, _ = decisions(results, labels, lengths)
        assert len(each) == (LENGTHS.sum() if name == "each step" else len(LENGTHS))
        torch.nn.functional.cross_entropy(logits, each).backward()
        found.append(
            [p.grad for p in module.parameters() if p.grad is not None] + list(module.buffers())
        )
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


CONFIG = """
name: ragged
model: {layers: 1, width: 6, state: 4, inputs: 2, classes: 2}
data: {name: arrays, path: mine.npz}
train: {epochs: 2, batch: 3, dropout: 0}
"""


def trained(folder: Path, *overrides: str) -> Any:
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train

    (folder / "t.yaml").write_text(CONFIG)
    config = load_train_config(folder / "t.yaml", overrides)
    return train(config, folder / "out.safetensors", fresh=True, report=lambda line: None)


def stored(folder: Path, filling: float) -> None:
    folder.mkdir(exist_ok=True)
    arrays = {}
    for part in ("train", "validation", "test"):
        arrays |= {f"x_{part}": inputs(filling), f"lengths_{part}": LENGTHS}
        arrays |= {f"y_{part}": np.arange(len(LENGTHS)) % 2}
    np.savez(folder / "mine.npz", **arrays)


def test_a_training_does_not_depend_on_the_padding(tmp_path: Path) -> None:
    losses = []
    for place, filling in (("a", 0.0), ("b", np.nan)):
        stored(tmp_path / place, filling)
        result = trained(tmp_path / place)
        losses.append([(r.train_loss, r.validation_loss) for r in result.history])
    assert losses[0] == losses[1]
    network = result.checkpoint.network
    logits = forward(network, inputs(0.0), lengths=LENGTHS)
    right = float((logits.argmax(axis=1) == np.arange(len(LENGTHS)) % 2).mean())
    assert result.checkpoint.metadata["accuracy"]["test"] == pytest.approx(right)


def test_targets_of_padded_steps_enter_no_scaling(tmp_path: Path) -> None:
    x = inputs(0.0)
    targets = np.random.default_rng(3).normal(4, 2, (len(LENGTHS), STEPS))
    true = np.arange(STEPS) < LENGTHS[:, None]
    arrays: dict[str, Any] = {}
    for part in ("train", "validation", "test"):
        arrays |= {f"x_{part}": x, f"lengths_{part}": LENGTHS}
        arrays |= {f"y_{part}": np.where(true, targets, np.nan)}
    np.savez(tmp_path / "mine.npz", **arrays)
    sizes = "layers: 1, width: 6, state: 4, inputs: 2"
    model = f"model={{{sizes}, task: regression, outputs: 1, pooling: none}}"
    result = trained(tmp_path, model)
    assert result.checkpoint.metadata["targets"]["mean"] == pytest.approx([targets[true].mean()])
    assert np.isfinite(result.checkpoint.metadata["r2"]["train"])


@pytest.mark.parametrize("section", ["quantise={bits: 8}", "prune={kernels: 0.2}"])
def test_what_reads_one_length_refuses_padding(tmp_path: Path, section: str) -> None:
    stored(tmp_path, 0.0)
    trained(tmp_path)
    start = f"model.checkpoint={tmp_path / 'out.safetensors'}"
    with pytest.raises(InputError, match=r"sequences of one length.* data\.padding: zeros"):
        from imssa_sim.training.load import load_train_config
        from imssa_sim.training.trainer import train

        config = load_train_config(tmp_path / "t.yaml", (start, section))
        train(config, tmp_path / "other.safetensors", report=lambda line: None)
