"""Networks of other people's code: imported, they give their authors' outputs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim
from imssa_sim.errors import InputError
from imssa_sim.foreign.check import read_check
from imssa_sim.foreign.network import import_checkpoint, load_network
from imssa_sim.model.checkpoint import load_checkpoint
from imssa_sim.reference.forward import forward

torch = pytest.importorskip("torch")

POST, PRE = {"norm_position": "post"}, {"norm_position": "pre"}
CASES: dict[str, dict[str, Any]] = {
    "qs4d_a_float_post.pt": {"family": "qs4d", **POST},
    "qs4d_c_imssa_relu_float.pt": {"family": "qs4d", **POST},
    "s4_block_legs_zoh.pt": {"discretisation": "zoh", **POST},
    "s4_block_lin_zoh_post.pt": {"discretisation": "zoh", **POST},
    "s4_block_lin_bilinear_bidirectional.pt": {"discretisation": "bilinear", **POST},
    "s5_layer_zoh.npz": {"discretisation": "zoh", "conj_sym": True},
    "s5_classifier_full_glu_bn_post.npz": {
        "discretisation": "zoh",
        "conj_sym": True,
        **POST,
    },
    "lru_layer.npz": {},
}


@pytest.mark.parametrize("name", CASES)
def test_named_networks_give_their_authors_outputs(refs: Path, name: str) -> None:
    path = refs / name
    network = load_network(path, **CASES[name])
    io = read_check(path.with_suffix(".npz"))
    tolerance = 1e-6 * np.abs(io.outputs).max()
    np.testing.assert_allclose(network(io.inputs), io.outputs, rtol=0, atol=tolerance)
    recurrent = forward(network.network, io.inputs, "recurrent")
    np.testing.assert_allclose(recurrent, io.outputs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_a_check_decides_and_the_stored_file_says_what_it_is(
    refs: Path, name: str, tmp_path: Path
) -> None:
    path, target = refs / name, tmp_path / "out.safetensors"
    io = path.with_suffix(".npz")
    found = import_checkpoint(path, target, None, {}, {}, io)
    assert found.deviation is not None
    assert found.deviation < 1e-6
    named = load_network(path, **CASES[name])
    assert found.structure == named.structure
    again = load_network(target)
    assert again.structure == named.structure
    x = read_check(io).inputs
    np.testing.assert_array_equal(again(x), named(x))
    assert load_checkpoint(target).metadata["imported_from"] == name


@pytest.mark.parametrize("name", [n for n in CASES if n != "lru_layer.npz"])
def test_without_a_word_nothing_is_assumed(refs: Path, name: str) -> None:
    with pytest.raises(InputError, match="fit more than one network"):
        load_network(refs / name)


def test_what_fits_is_listed(refs: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_network(refs / "qs4d_a_float_post.pt")
    text = str(caught.value)
    assert "--family s4d" in text
    assert "--family qs4d" in text
    assert "--set model.norm_position= one of post, pre" in text
    with pytest.raises(InputError, match=r"model.discretisation= one of zoh, bilinear, dss"):
        load_network(refs / "s4_block_legs_zoh.pt", **POST)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"norm_position": "pre"}, "qs4d_a_float_post.pt"),
        ({"family": "s4d"}, "qs4d_a_float_post.pt"),
        ({"discretisation": "zoh"}, "s4_block_lin_bilinear_bidirectional.pt"),
    ],
)
def test_what_is_named_wrongly_fails_the_check(
    refs: Path, wrong: dict[str, Any], name: str
) -> None:
    if wrong.get("family") == "s4d":
        wrong = {**wrong, "residual": True}
    with pytest.raises(InputError, match=r"none of [\d,]+ structures that fit gives the outputs"):
        load_network(refs / name, check=refs / name.replace(".pt", ".npz"), **wrong)


def test_errors_name_what_is_near(refs: Path) -> None:
    path = refs / "s4_block_legs_zoh.pt"
    with pytest.raises(InputError, match=r"did you mean 'model.norm_position'"):
        load_network(path, norm_positon="post")
    with pytest.raises(InputError, match="unknown family 's5block'; did you mean 's4block'"):
        load_network(path, family="s5block")
    with pytest.raises(InputError, match="not a network of s5; it could be s4block"):
        load_network(path, family="s5")
    with pytest.raises(InputError, match=r"model.bidirectional is true, but this would be false"):
        load_network(path, bidirectional=True)
    with pytest.raises(InputError, match="there is no such checkpoint"):
        load_network("nowhere.pt")


def test_a_stored_network_is_not_called_something_else(refs: Path, tmp_path: Path) -> None:
    name = "s4_block_legs_zoh.pt"
    target = tmp_path / "out.safetensors"
    load_network(refs / name, **CASES[name]).save(target)
    with pytest.raises(InputError, match=r"model.norm_position is pre, but this file says post"):
        load_network(target, **PRE)
    with pytest.raises(InputError, match="exists already"):
        load_network(target).save(target)


def _renamed(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: _renamed(s, "module."),
        lambda s: {"state_dict": _renamed(s, "model._orig_mod.")},
        lambda s: {"model_state_dict": s, "optimizer": {"state": {0: torch.zeros(3)}}},
        lambda s: {"net": {"backbone": s}, "epoch": 3},
        lambda s: {name: value.double() for name, value in s.items()},
    ],
)
def test_wrappings_are_taken_off(refs: Path, tmp_path: Path, wrap: Any) -> None:
    name = "s4_block_lin_zoh_post.pt"
    state = torch.load(refs / name, weights_only=True)["model"]
    torch.save(wrap(state), tmp_path / "a.pt")
    io = read_check(refs / name.replace(".pt", ".npz"))
    got = load_network(tmp_path / "a.pt", **CASES[name])(io.inputs)
    np.testing.assert_allclose(got, io.outputs, rtol=0, atol=1e-6 * np.abs(io.outputs).max())


def test_missing_biases_are_zeros_with_a_word_and_other_names_can_be_mapped(
    refs: Path, tmp_path: Path
) -> None:
    state = dict(torch.load(refs / "qs4d_a_float_post.pt", weights_only=True)["model"])
    del state["encoder.bias"]
    state["readout.weight"] = state.pop("decoder.weight")
    state["readout.bias"] = state.pop("decoder.bias")
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"no place for 'readout.bias'"):
        load_network(tmp_path / "a.pt", family="qs4d", **POST)
    network = load_network(tmp_path / "a.pt", family="qs4d", renamed={"readout": "decoder"}, **POST)
    assert any("no 'encoder.bias': taken as zeros" in line for line in network.assumptions)
    assert not network.network.encoder_bias.any()
    with pytest.raises(InputError, match="--map names 'raedout', which is not in it"):
        load_network(tmp_path / "a.pt", renamed={"raedout": "decoder"})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(refs: Path, tmp_path: Path, value: float) -> None:
    state = torch.load(refs / "qs4d_a_float_post.pt", weights_only=True)["model"]
    state["s4_layers.1.D"][3] = value
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"'s4_layers.1.D' holds 1 values that are not finite"):
        load_network(tmp_path / "a.pt", family="qs4d", **POST)


class Gated(torch.nn.Module):
    """A block with S4D's names: residual stream or not, norm before or after."""

    def __init__(self, residual: bool, prenorm: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        h, m = 6, 4
        self.residual, self.prenorm = residual, prenorm
        self.encoder, self.decoder = torch.nn.Linear(2, h), torch.nn.Linear(h, 3)
        self.norms = torch.nn.ModuleList([torch.nn.LayerNorm(h)])
        layer = torch.nn.Module()
        layer.D = torch.nn.Parameter(torch.randn(h))
        layer.kernel = torch.nn.Module()
        for name, shape in {"log_A_real": (h, m), "A_imag": (h, m), "C": (h, m, 2)}.items():
            setattr(layer.kernel, name, torch.nn.Parameter(torch.randn(shape)))
        layer.kernel.log_dt = torch.nn.Parameter(torch.randn(h) - 3)
        layer.output_linear = torch.nn.Sequential(torch.nn.Conv1d(h, 2 * h, 1), torch.nn.GLU(1))
        self.s4_layers = torch.nn.ModuleList([layer])

    def forward(self, u: Any) -> Any:
        r = self.encoder(u)
        layer, (norm,) = self.s4_layers[0], self.norms
        z = norm(r) if self.prenorm else r
        kernel, length = layer.kernel, u.shape[1]
        A = -torch.exp(kernel.log_A_real) + 1j * kernel.A_imag
        step = A * torch.exp(kernel.log_dt)[:, None]
        C = torch.view_as_complex(kernel.C) * (torch.exp(step) - 1) / A
        powers = torch.exp(step[..., None] * torch.arange(length))
        response = 2 * torch.einsum("hm,hml->hl", C, powers).real
        z = z.transpose(1, 2)
        spectra = torch.fft.rfft(z, 2 * length) * torch.fft.rfft(response, 2 * length)
        y = torch.fft.irfft(spectra, 2 * length)[..., :length] + z * layer.D[:, None]
        y = layer.output_linear(torch.nn.functional.gelu(y)).transpose(1, 2)
        y = y + r if self.residual else y
        return self.decoder((y if self.prenorm else norm(y)).mean(1))


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("prenorm", [True, False])
def test_modules_are_told_apart_by_their_outputs(residual: bool, prenorm: bool) -> None:
    module = Gated(residual, prenorm).train()
    example = torch.randn(3, 40, 2)
    network = imssa_sim.from_torch(module, example)
    assert module.training
    structure = network.structure
    assert (structure.residual, structure.norm_position == "pre") == (residual, prenorm)
    assert network.deviation is not None
    assert network.deviation < 1e-5


class Bare(torch.nn.Module):
    """One S4D layer alone that takes (batch, features, steps): means of the whole, unrolled."""

    transposed = True

    def __init__(self) -> None:
        super().__init__()
        self.whole = Gated(False, False)
        layer = self.whole.s4_layers[0]
        self.D, self.kernel, self.output_linear = layer.D, layer.kernel, layer.output_linear
        self.whole.encoder = self.whole.decoder = torch.nn.Identity()
        self.whole.norms = torch.nn.ModuleList([torch.nn.Identity()])

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        found = super().state_dict(*args, **kwargs)
        return {name: value for name, value in found.items() if not name.startswith("whole")}

    def forward(self, u: Any) -> Any:
        steps = [self.whole(u[:, :, : n + 1].transpose(1, 2)) * (n + 1) for n in range(u.shape[2])]
        sums = torch.stack([torch.zeros_like(steps[0]), *steps])
        return torch.diff(sums, dim=0).permute(1, 2, 0), None


def test_layers_alone_may_have_the_steps_last() -> None:
    network = imssa_sim.from_torch(Bare().double(), torch.randn(2, 6, 20, dtype=torch.float64))
    assert network.structure.pooling == "none"
    assert any("takes (batch, features, steps)" in line for line in network.assumptions)


def test_modules_of_other_kinds_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"no family that is known here.*It holds bias, weight"):
        imssa_sim.from_torch(torch.nn.Linear(3, 2), np.zeros((1, 4, 3)))
    with pytest.raises(InputError, match=r"takes a torch.nn.Module, not a int"):
        imssa_sim.from_torch(3, np.zeros((1, 4, 3)))
    with pytest.raises(InputError, match="Gated cannot run on the example of shape"):
        imssa_sim.from_torch(Gated(True, False), np.zeros((1, 4, 5)))


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = "import sys, imssa_sim; print('numpy' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    with pytest.raises(AttributeError, match="no attribute 'load_netwrok'"):
        _ = imssa_sim.load_netwrok
