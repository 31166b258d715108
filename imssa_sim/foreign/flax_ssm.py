"""Networks of the authors' flax code of S5 and of linear recurrent units.

Names without their collections: ``encoder.encoder.kernel``, ``encoder.layers_0.seq.Lambda_re``,
``encoder.layers_0.norm.scale``, ``decoder.kernel``. Layers alone stand for a network without
encoder, norm, pooling and decoder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.foreign.parts import Parts, check_alike, identity, sizes_of
from imssa_sim.foreign.reading import Choices, MisfitError, Options, Reading
from imssa_sim.model.network import NORM_EPSILON, Composition, Layer, Network, Norm
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.dense import DenseModel
from imssa_sim.ssm.lru.model import LRUModel
from imssa_sim.ssm.s5.model import S5Model

_FLAX_LAYER_NORM = 1e-6
"""Default ε of flax's LayerNorm; its BatchNorm has PyTorch's."""
_CLIPPED = -1e-4
"""Largest real part where S5's authors clip eigenvalues."""
_RATES = (1.0, 0.5, 2.0, 0.25, 4.0)
"""Factors of the time step that a check tries."""

Model = Callable[[Options], DenseModel]
Map = tuple[FloatArray, FloatArray]
_LAYER = re.compile(r"(?:^|\.)layers_(\d+)\.")


def read_flax(arrays: Mapping[str, NDArray[Any]]) -> list[Reading]:
    """Return the reading as S5 or as a linear recurrent unit.

    Raises
    ------
    MisfitError
        It is neither.
    """
    for family, mark in (("s5", "Lambda_re"), ("lru", "nu_log")):
        paths = [n.removesuffix(mark) for n in arrays if n == mark or n.endswith(f".{mark}")]
        if paths:
            return [_reading(family, Parts(arrays), sorted(paths, key=_number))]
    raise MisfitError("there is neither a 'Lambda_re' nor a 'nu_log'")


def _number(path: str) -> int:
    found = _LAYER.search(path)
    return int(found[1]) if found else 0


def _reading(family: str, parts: Parts, paths: list[str]) -> Reading:
    read = _s5_model if family == "s5" else _lru_model
    models = [read(parts, path) for path in paths]
    width = models[0][1]
    outer = [path.removesuffix("seq.") for path in paths]
    maps = [_mixing(parts, path, width) for path in outer]
    norms = [_norm(parts, path, width) for path in outer]
    encoder, decoder = _coder(parts, "encoder", width), _coder(parts, "decoder", width)
    parts.finish()
    check_alike(maps, norms)

    bare = paths[0] == outer[0]
    classifier = decoder is not None
    settled: dict[str, Any] = {"family": family}
    open_: Choices = {}
    usual: Choices = {}
    rows = len(maps[0][0])
    if bare:
        settled |= {"activation": "none", "mixing": "none"}
    else:
        usual["activation"] = ("gelu_tanh", "gelu")
        if rows == width:
            open_["mixing"] = ("half_glu1", "half_glu2")
        else:
            settled["mixing"] = "glu" if rows else "none"
    settled["residual"] = not bare
    norm = norms[0]
    if norm is None:
        settled["norm_position"] = "post"
    else:
        open_["norm_position"] = ("post", "pre")
        layer = norm.running_mean is None
        usual["norm_epsilon"] = (_FLAX_LAYER_NORM, NORM_EPSILON) if layer else (NORM_EPSILON,)
    if classifier:
        pools = ("mean", "last") if family == "s5" else ("mean", "last", "none")
        usual |= {"pooling": pools, "output": ("log_softmax", "logits")}
    else:
        settled |= {"pooling": "none", "output": "logits"}
    if family == "s5":
        open_ |= {"discretisation": ("zoh", "bilinear"), "conj_sym": (True, False)}
        usual["rate"] = _RATES
        if any(clips for _, _, clips in models):
            open_["clip_eigs"] = (False, True)
        else:
            usual["clip_eigs"] = (False,)
    else:
        settled["discretisation"] = "zoh"

    def build(options: Options) -> Network:
        keys = ("activation", "mixing", "residual", "pooling", "output")
        epsilon = float(options.get("norm_epsilon", NORM_EPSILON))
        layers = tuple(
            Layer(model(options), *mapped, None if held is None else replace(held, epsilon=epsilon))
            for (model, _, _), mapped, held in zip(models, maps, norms, strict=True)
        )
        batch = norm is not None and norm.running_mean is not None
        first, last = encoder or identity(width), decoder or identity(width)
        return Network(
            *first,
            layers,
            *last,
            norm="none" if norm is None else "batch" if batch else "layer",
            norm_position=options["norm_position"],
            discretisation=options["discretisation"],
            family=family,
            composition=Composition(**{key: options[key] for key in keys}),
        )

    reading = Reading(family, settled, open_, usual, build, tuple(parts.notes))
    sizes = sizes_of(build(reading.options({})))
    return replace(reading, settled=sizes | settled)


def _s5_model(parts: Parts, path: str) -> tuple[Model, int, bool]:
    real = parts.take(f"{path}Lambda_re", None)
    modes = len(real)
    imag = parts.take(f"{path}Lambda_im", modes)
    B = parts.take_complex(f"{path}B", modes, None)
    width = B.shape[1]
    if f"{path}C" in parts:
        C = parts.take_complex(f"{path}C", width, None)
        if C.shape[1] not in (modes, 2 * modes):
            raise MisfitError(f"'{path}C' has {C.shape[1]} columns for {modes} modes")
    else:
        both = (parts.take_complex(f"{path}{name}", width, modes) for name in ("C1", "C2"))
        C = np.concatenate(list(both), axis=1)
    D = parts.take(f"{path}D", width)
    log_step = parts.take(f"{path}log_step", modes)

    def make(options: Options) -> DenseModel:
        factor = 2 if options["conj_sym"] else 1
        return S5Model(
            B=B,
            C=factor * C[:, :modes],
            D=D,
            C_reverse=factor * C[:, modes:] if C.shape[1] > modes else None,
            Lambda_re=np.minimum(real, _CLIPPED) if options["clip_eigs"] else real,
            Lambda_im=imag,
            log_step=log_step + np.log(float(options["rate"])),
        )

    return make, width, bool((real > _CLIPPED).any())


def _lru_model(parts: Parts, path: str) -> tuple[Model, int, bool]:
    nu = parts.take(f"{path}nu_log", None)
    modes = len(nu)
    B_re = parts.take(f"{path}B_re", modes, None)
    width = B_re.shape[1]
    model = LRUModel(
        B=B_re + 1j * parts.take(f"{path}B_im", modes, width),
        C=parts.take(f"{path}C_re", width, modes) + 1j * parts.take(f"{path}C_im", width, modes),
        D=parts.take(f"{path}D", width),
        C_reverse=None,
        nu_log=nu,
        theta_log=parts.take(f"{path}theta_log", modes),
        gamma_log=parts.take(f"{path}gamma_log", modes),
    )
    return lambda _: model, width, False


def _dense(parts: Parts, name: str, inputs: int | None, outputs: int | None) -> Map:
    weight = parts.take(f"{name}.kernel", inputs, outputs).T.copy()
    return weight, parts.bias(f"{name}.bias", len(weight))


def _mixing(parts: Parts, path: str, width: int) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias: of value and gate, of the gate alone, or without rows."""
    found = [
        _dense(parts, f"{path}{name}", width, width)
        for name in ("out1", "out2")
        if f"{path}{name}.kernel" in parts
    ]
    if not found:
        return np.zeros((0, width)), np.zeros(0)
    return np.concatenate([w for w, _ in found]), np.concatenate([b for _, b in found])


def _norm(parts: Parts, path: str, width: int) -> Norm | None:
    for name in (f"{path}norm", f"{path}normalization"):
        if f"{name}.scale" in parts:
            ends = ("scale", "bias", "mean", "var")
            gain, bias, mean, variance = (f"{name}.{end}" for end in ends)
            return parts.norm((gain, bias, mean, variance), width)
    return None


def _coder(parts: Parts, name: str, width: int) -> Map | None:
    for called in (f"encoder.{name}", name):
        if f"{called}.kernel" in parts:
            sizes = (None, width) if name == "encoder" else (width, None)
            return _dense(parts, called, *sizes)
    parts.notes.append(f"there is no '{name}.kernel': the {name} changes nothing")
    return None
