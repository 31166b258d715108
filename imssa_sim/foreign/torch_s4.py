"""Networks of the S4 authors' PyTorch code: S4D, QS4D on its names, and the general block.

Names: ``encoder``, ``decoder``; of layer i ``s4_layers.i.…``, ``norms.i``. Layers alone have no
number, and stand for a network without encoder, norm, pooling and decoder.
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
from imssa_sim.foreign.transforms import block_kernel, block_options
from imssa_sim.model.elementwise import FUNCTIONS
from imssa_sim.model.network import NORM_EPSILON, Composition, Layer, Network, Norm
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.interface import StateSpaceModel
from imssa_sim.ssm.s4d.kernel import S4DKernel

_MARK = re.compile(r"^(?:(?P<stack>[\w.]+)\.(?P<number>\d+)\.)?(?P<inner>(?:layer\.)?)kernel\.C$")
_FUNCTIONS = ("plain", *FUNCTIONS)

Kernels = list[Callable[[Options], StateSpaceModel]]


def read_s4(arrays: Mapping[str, NDArray[Any]]) -> list[Reading]:
    """Return the readings of the S4 authors' families.

    Raises
    ------
    MisfitError
        It is of none of them.
    """
    marks = [match for name in arrays if (match := _MARK.match(name))]
    stacks = {match["stack"] for match in marks}
    if len(stacks) != 1 or not marks:
        raise MisfitError(
            "there is no layer with a 'kernel.C', or there are several kinds of them"
            if len(stacks) != 1
            else "there is no 'kernel.C'"
        )
    parts = Parts(arrays)
    stack, inner = marks[0]["stack"], marks[0]["inner"]
    count = len(marks)
    if stack is not None and {int(m["number"]) for m in marks} != set(range(count)):
        raise MisfitError(f"the layers '{stack}.…' are not numbered from 0 without a gap")
    paths = [""] if stack is None else [f"{stack}.{i}." for i in range(count)]
    return _readings(parts, paths, inner)


def _readings(parts: Parts, paths: list[str], inner: str) -> list[Reading]:
    block = f"{paths[0]}{inner}kernel.A_real" in parts
    kernels: Kernels = []
    width = kernels_out = 0
    open_: Choices = {}
    usual: Choices = {}
    for path in paths:
        if block:
            kernel, width, kernels_out = block_kernel(parts, path + inner)
        else:
            kernel, width = _s4d_kernel(parts, path)
            kernels_out = width
        kernels.append(kernel)
    bare = paths == [""]
    maps = [_mixing(parts, path, width) for path in paths]
    encoder, decoder = _coder(parts, "encoder", width), _coder(parts, "decoder", width)
    norms = [_norm(parts, i, width) for i in range(len(paths))]
    parts.finish()
    check_alike(maps, norms)

    settled: dict[str, Any] = {}
    rows, taken = maps[0][0].shape
    activations = ("gelu", "none", *(name for name in FUNCTIONS if name != "gelu"))
    if 2 * taken == kernels_out:
        settled["activation"] = "glu"
    elif taken == kernels_out:
        usual["activation"] = activations
    else:
        raise MisfitError(f"the mixing map takes {taken} values, the kernels give {kernels_out}")
    if len(maps[0][1]) == 0:
        settled["mixing"] = "none"
    elif rows == 2 * width:
        settled["mixing"] = "glu"
    else:
        open_["mixing"] = _FUNCTIONS
    if norms[0] is None:
        settled["norm_position"] = "post"
    else:
        open_["norm_position"] = ("post", "pre")
        usual["norm_epsilon"] = (NORM_EPSILON,)
    if bare:
        settled |= {"residual": False, "pooling": "none"}
    else:
        usual["residual"] = (True, False)
        usual["pooling"] = ("mean", "last", "none")
    settled["output"] = "logits"

    def build(options: Options) -> Network:
        made = Composition(
            **{key: options[key] for key in ("activation", "mixing", "residual", "pooling")},
            copies=kernels_out // width,
        )
        order = np.arange(taken)
        if options.get("swap_channels"):
            copies = taken // width
            order = order.reshape(width, copies).T.reshape(-1)
        layers = tuple(
            Layer(kernel(options), weight[:, order], bias, _with_epsilon(norm, options))
            for kernel, (weight, bias), norm in zip(kernels, maps, norms, strict=True)
        )
        batch = norms[0] is not None and norms[0].running_mean is not None
        return Network(
            *encoder,
            layers,
            *decoder,
            norm="none" if norms[0] is None else "batch" if batch else "layer",
            norm_position=options["norm_position"],
            discretisation=options["discretisation"],
            family=options["family"],
            composition=made,
        )

    if block:
        more_open, more_usual = block_options(parts, kernels_out // width)
        reading = Reading(
            "s4block", settled, open_ | more_open, usual | more_usual, build, tuple(parts.notes)
        )
        return [_sized(reading)]
    usual["discretisation"] = ("zoh", "bilinear")
    reading = _sized(Reading("s4d", settled, open_, usual, build, tuple(parts.notes)))
    return [reading, *_as_qs4d(reading)]


def _as_qs4d(reading: Reading) -> list[Reading]:
    """Return QS4D's reading of S4D's names: no activation, no residual; ReLU where no GLU fits."""
    if reading.settled.get("activation") == "glu" or reading.settled.get("mixing") == "none":
        return []
    settled = reading.settled | {
        "activation": "none",
        "residual": False,
        "discretisation": "zoh",
        "family": "qs4d",
    }
    open_ = dict(reading.open)
    if "mixing" in open_:
        settled["mixing"] = open_.pop("mixing") and "relu"
    usual = {name: values for name, values in reading.usual.items() if name not in settled}
    return [replace(reading, family="qs4d", settled=settled, open=open_, usual=usual)]


def _sized(reading: Reading) -> Reading:
    """Return the reading with the sizes of the network that it would make."""
    first = replace(reading, settled=reading.settled | {"family": reading.family})
    return replace(first, settled=sizes_of(first.build(first.options({}))) | first.settled)


def _with_epsilon(norm: Norm | None, options: Options) -> Norm | None:
    return None if norm is None else replace(norm, epsilon=float(options["norm_epsilon"]))


def _s4d_kernel(parts: Parts, path: str) -> tuple[Callable[[Options], StateSpaceModel], int]:
    log_A_real = parts.take(f"{path}kernel.log_A_real", None, None)
    width, modes = log_A_real.shape
    shape = width, modes
    own = f"{path}kernel."
    kernel = S4DKernel(
        log_dt=parts.take(f"{own}log_dt", width),
        log_A_real=log_A_real,
        A_imag=parts.take(f"{own}A_imag", *shape),
        C=parts.take_complex(f"{own}C", *shape),
        D=parts.take(f"{path}D", width),
        B=parts.take_complex(f"{own}B", *shape) if f"{own}B" in parts else None,
        C_reverse=(
            parts.take_complex(f"{own}C_reverse", *shape) if f"{own}C_reverse" in parts else None
        ),
    )
    return lambda _: kernel, width


def _mixing(parts: Parts, path: str, width: int) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias of a layer's linear map; without rows where there is none."""
    for name in (f"{path}output_linear.0", f"{path}output_linear"):
        if f"{name}.weight" in parts:
            weight = parts.take(f"{name}.weight", None, None)
            if len(weight) not in (width, 2 * width):
                raise MisfitError(f"'{name}.weight' has {len(weight)} rows for {width} channels")
            return weight, parts.bias(f"{name}.bias", len(weight))
    parts.notes.append(f"there is no '{path}output_linear.0.weight': no mixing map")
    return np.zeros((0, width)), np.zeros(0)


def _coder(parts: Parts, name: str, width: int) -> tuple[FloatArray, FloatArray]:
    if f"{name}.weight" not in parts:
        parts.notes.append(f"there is no '{name}.weight': the {name} changes nothing")
        return identity(width)
    shape = (width, None) if name == "encoder" else (None, width)
    weight = parts.take(f"{name}.weight", *shape)
    return weight, parts.bias(f"{name}.bias", len(weight))


def _norm(parts: Parts, number: int, width: int) -> Norm | None:
    names = ("weight", "bias", "running_mean", "running_var")
    gain, bias, mean, variance = (f"norms.{number}.{name}" for name in names)
    return parts.norm((gain, bias, mean, variance), width) if gain in parts else None
