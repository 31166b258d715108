"""Checkpoints of the reference implementation, written here from its published description.

The block below is the minimal S4D that the authors describe (arXiv 2206.11893, appendix A):
dt = exp(log_dt), A = -exp(log_A_real) + i A_imag, K = 2 Re sum_n C (exp(dt A) - 1)/A exp(dt A l),
FFT convolution, + D u, GELU, 1x1 convolution H -> 2H, GLU, residual, LayerNorm, mean, decoder.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.config.schema import ModelConfig
from imssa_sim.errors import InputError
from imssa_sim.model.checkpoint import load_checkpoint, structure_of_config
from imssa_sim.reference.forward import forward

torch = pytest.importorskip("torch", reason="the reference implementation needs PyTorch")
nn = torch.nn

SIZES: dict[str, Any] = {"layers": 3, "width": 16, "state": 8, "inputs": 3, "classes": 10}


def reference_model(prenorm: bool, seed: int = 0) -> Any:
    class Kernel(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self, h: int, n: int) -> None:
            super().__init__()
            log_dt = torch.rand(h) * (np.log(0.1) - np.log(0.001)) + np.log(0.001)
            self.C = nn.Parameter(torch.view_as_real(torch.randn(h, n // 2, dtype=torch.cfloat)))
            self.register_parameter("log_dt", nn.Parameter(log_dt))
            self.log_A_real = nn.Parameter(torch.log(0.5 * torch.ones(h, n // 2)))
            self.A_imag = nn.Parameter(np.pi * torch.arange(n // 2).repeat(h, 1).float())

        def forward(self, length: int) -> Any:
            dt = torch.exp(self.log_dt)
            C = torch.view_as_complex(self.C)
            A = -torch.exp(self.log_A_real) + 1j * self.A_imag
            dtA = A * dt.unsqueeze(-1)
            K = dtA.unsqueeze(-1) * torch.arange(length)
            C = C * (torch.exp(dtA) - 1.0) / A
            return 2 * torch.einsum("hn, hnl -> hl", C, torch.exp(K)).real

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self, h: int, n: int) -> None:
            super().__init__()
            self.D = nn.Parameter(torch.randn(h))
            self.kernel = Kernel(h, n)
            self.activation = nn.GELU()
            self.dropout = nn.Dropout1d(0.1)
            self.output_linear = nn.Sequential(nn.Conv1d(h, 2 * h, kernel_size=1), nn.GLU(dim=-2))

        def forward(self, u: Any) -> Any:
            length = u.size(-1)
            k = self.kernel(length)
            k_f, u_f = torch.fft.rfft(k, n=2 * length), torch.fft.rfft(u, n=2 * length)
            y = torch.fft.irfft(u_f * k_f, n=2 * length)[..., :length]
            y = y + u * self.D.unsqueeze(-1)
            return self.output_linear(self.dropout(self.activation(y)))

    class Model(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            h = SIZES["width"]
            self.encoder = nn.Linear(SIZES["inputs"], h)
            self.s4_layers = nn.ModuleList(Block(h, SIZES["state"]) for _ in range(3))
            self.norms = nn.ModuleList(nn.LayerNorm(h) for _ in range(3))
            self.dropouts = nn.ModuleList(nn.Dropout1d(0.1) for _ in range(3))
            self.decoder = nn.Linear(h, SIZES["classes"])

        def forward(self, x: Any) -> Any:
            x = self.encoder(x).transpose(-1, -2)
            for layer, norm, dropout in zip(self.s4_layers, self.norms, self.dropouts, strict=True):
                z = x
                if prenorm:
                    z = norm(z.transpose(-1, -2)).transpose(-1, -2)
                x = dropout(layer(z)) + x
                if not prenorm:
                    x = norm(x.transpose(-1, -2)).transpose(-1, -2)
            return self.decoder(x.transpose(-1, -2).mean(dim=1))

    torch.manual_seed(seed)
    model = Model().eval()
    with torch.no_grad():  # trained networks have norms that do something
        for norm in model.norms:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_()
    return model


@pytest.mark.parametrize("prenorm", [False, True])
@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod."]
)
@pytest.mark.parametrize("mode", ["convolution", "recurrent"])
def test_logits_of_the_reference_implementation(
    tmp_path: Path, prenorm: bool, prefix: str, mode: Any
) -> None:
    model = reference_model(prenorm)
    state = {prefix + name: value for name, value in model.state_dict().items()}
    path = tmp_path / "ckpt.pth"
    torch.save({"model": state, "acc": 88.1, "epoch": 3}, path)
    position = "pre" if prenorm else "post"
    config = ModelConfig(**SIZES, norm_position=position)
    checkpoint = load_checkpoint(path, structure_of_config(config))
    assert (checkpoint.metadata["acc"], checkpoint.metadata["epoch"]) == (88.1, 3)
    inputs = np.random.default_rng(1).normal(size=(4, 200, 3)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(forward(checkpoint.network, inputs, mode), expected, atol=1e-4)


def test_bare_state_dict_and_half_precision(tmp_path: Path) -> None:
    model = reference_model(False)
    state = {k: v.to(torch.bfloat16) for k, v in model.state_dict().items()}
    torch.save(state, tmp_path / "a.pt")
    network = load_checkpoint(tmp_path / "a.pt").network
    np.testing.assert_array_equal(
        network.decoder_bias, state["decoder.bias"].float().numpy().astype(float)
    )


def test_arguments_beside_the_weights_are_let_through(tmp_path: Path) -> None:
    state = reference_model(False).state_dict()
    torch.save({"model": state, "args": argparse.Namespace(lr=0.01)}, tmp_path / "a.pt")
    network = load_checkpoint(tmp_path / "a.pt").network
    np.testing.assert_array_equal(network.decoder_bias, state["decoder.bias"].numpy().astype(float))


def test_bfloat16_safetensors_are_read(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = {k: v.to(torch.bfloat16) for k, v in reference_model(False).state_dict().items()}
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pt")
    one, other = (load_checkpoint(tmp_path / f"a.{end}").network for end in ("safetensors", "pt"))
    inputs = np.random.default_rng(1).normal(size=(2, 30, 3)).astype(np.float32)
    np.testing.assert_array_equal(forward(one, inputs), forward(other, inputs))


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_numbers_of_eight_bits_are_refused_by_name(tmp_path: Path, dtype: str) -> None:
    from safetensors.torch import save_file

    state = dict(reference_model(False).state_dict())
    state["decoder.bias"] = state["decoder.bias"].to(getattr(torch, dtype))
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"'decoder.bias' is stored as F8_E"):
        load_checkpoint(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.to(torch.float8_e4m3fn), "'decoder.bias' is stored as float8_e4m3fn"),
        (lambda x: x.to_sparse(), "sparse_coo"),
        (lambda x: x.to("meta"), "on meta"),
    ],
)
def test_tensors_that_are_no_arrays_are_refused_by_name(
    tmp_path: Path, change: Any, message: str
) -> None:
    state = dict(reference_model(False).state_dict())
    state["decoder.bias"] = change(state["decoder.bias"])
    torch.save({"model": state}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=message):
        load_checkpoint(tmp_path / "a.pt")


def test_missing_and_misshapen_keys_are_named(tmp_path: Path) -> None:
    state = dict(reference_model(False).state_dict())
    del state["s4_layers.2.kernel.A_imag"]
    state["s4_layers.0.D"] = torch.zeros(15)
    torch.save({"model": state, "acc": 0, "epoch": 0}, tmp_path / "a.pt")
    with pytest.raises(InputError) as caught:
        load_checkpoint(tmp_path / "a.pt")
    text = str(caught.value)
    assert "missing tensor 's4_layers.2.kernel.A_imag' of shape (16, 4)" in text
    assert "'s4_layers.0.D' must have shape (16,), found (15,)" in text


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch owned",))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: torch.save({"model": Evil()}, p), "refused"),
        (lambda p: p.write_bytes(pickle.dumps(Evil())), "refused"),
        (lambda p: torch.save([1, 2], p), "found a list"),
        (lambda p: torch.save({"weights": 3}, p), "no state_dict under 'model'.*weights"),
        (lambda p: p.write_bytes(b""), "not a PyTorch checkpoint, or truncated"),
        (lambda p: p.write_bytes(b"hello world, this is text"), "no PyTorch checkpoint|refused"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, make: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pt"
    make(path)
    with pytest.raises(InputError, match=message):
        load_checkpoint(path)
    assert not (tmp_path / "owned").exists()


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"model": reference_model(False).state_dict()}, path)
    for share in (0.3, 0.9, 0.999):
        content = path.read_bytes()
        (tmp_path / "b.pt").write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match="not a PyTorch checkpoint, or truncated"):
            load_checkpoint(tmp_path / "b.pt")


def test_without_pytorch_the_extra_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"imssa_sim\[train\]"):
        load_checkpoint(path)
