"""Between a `Network` and named arrays, with the names of the reference implementation.

``encoder``, ``decoder`` (``.weight``, ``.bias``); for layer i ``s4_layers.i.D``,
``s4_layers.i.kernel.`` ``C`` ``log_dt`` ``log_A_real`` ``A_imag``,
``s4_layers.i.output_linear.0.weight`` (a 1×1 convolution) and ``.bias``, ``norms.i.weight`` and
``.bias``. Ours beyond it: ``kernel.B``, ``kernel.C_reverse`` and batch normalisation's
``norms.i.running_mean`` and ``running_var``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError, nearest
from imssa_sim.model.network import (
    Layer,
    Network,
    Norm,
    NormKind,
)
from imssa_sim.model.structure import Structure
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.families import FAMILIES

_SHOWN_PROBLEMS = 8
_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that PyTorch's data parallelism and compilation put before all names."""


def tensors_of(network: Network, exact: bool = False) -> dict[str, NDArray[Any]]:
    """Return all arrays of a network by name, as float32.

    ``exact``: as float64 where float32 does not hold the values.
    """
    found: dict[str, NDArray[Any] | None] = {
        "encoder.weight": network.encoder_weight,
        "encoder.bias": network.encoder_bias,
        "decoder.weight": network.decoder_weight,
        "decoder.bias": network.decoder_bias,
    }
    for i, layer in enumerate(network.layers):
        block = f"s4_layers.{i}."
        found |= {block + name: value for name, value in layer.kernel.arrays().items()}
        if network.composition.mixing != "none":
            found[block + "output_linear.0.weight"] = layer.weight[..., None]
            found[block + "output_linear.0.bias"] = layer.bias
        if layer.norm is not None:
            found[f"norms.{i}.weight"] = layer.norm.weight
            found[f"norms.{i}.bias"] = layer.norm.bias
            found[f"norms.{i}.running_mean"] = layer.norm.running_mean
            found[f"norms.{i}.running_var"] = layer.norm.running_variance
    return {
        name: _stored(_pairs(value), exact) for name, value in found.items() if value is not None
    }


def _stored(value: NDArray[Any], exact: bool) -> NDArray[Any]:
    single = np.ascontiguousarray(value, dtype=np.float32)
    return np.ascontiguousarray(value) if exact and not np.array_equal(single, value) else single


def network_from_tensors(
    tensors: Mapping[str, NDArray[Any]],
    source: str,
    stored: Structure | None = None,
    expected: Structure | None = None,
) -> Network:
    """Build a network from named arrays, after checking all of them.

    Parameters
    ----------
    tensors : mapping of str to array
    source : str
        File name for messages.
    stored : Structure or None
        What the file says of itself; None infers it from names and shapes.
    expected : Structure or None
        What the workload says; None accepts any network. A file without a word on the position
        of the norm and on the discretisation takes these from here, or "post" and "zoh".

    Raises
    ------
    InputError
        Something is missing, unexpected, misshapen, not finite, or differs from ``expected``;
        the message has one line per fault.
    """
    found = {_unwrapped(name): _pairs(np.asarray(a)) for name, a in tensors.items()}
    found = {k: a for k, a in found.items() if not k.endswith("num_batches_tracked")}
    present = stored if stored is not None else _inferred(found, source, expected)
    problems = [] if expected is None else _differences(present, expected)
    structure = present
    if not problems:
        problems = _tensor_problems(found, structure)
    if problems:
        shown = problems[:_SHOWN_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more")
        raise InputError("\n".join(f"{source}: {text}" for text in shown))
    return _assembled(found, structure)


def _unwrapped(name: str) -> str:
    while name.startswith(_WRAPPERS):  # one around the other, in either order
        for prefix in _WRAPPERS:
            name = name.removeprefix(prefix)
    return name


def _pairs(array: NDArray[Any]) -> NDArray[Any]:
    return np.stack([array.real, array.imag], axis=-1) if np.iscomplexobj(array) else array


def _inferred(
    found: Mapping[str, NDArray[Any]], source: str, expected: Structure | None
) -> Structure:
    """Read the sizes off the tensors that a network cannot lack."""
    called = "s4d" if expected is None else expected.family
    family, first = FAMILIES[called], "s4_layers.0."
    anchors = {"encoder.weight": 2, "decoder.weight": 2}
    anchors |= {first + anchor: rank for anchor, rank in family.anchors.items()}
    for name, rank in anchors.items():
        if name not in found:
            close = nearest(name, found)
            hint = f"; the nearest name in it is '{close}'" if close else ""
            raise InputError(
                f"{source}: missing tensor '{name}'{hint}; is this a network of family {name}?"
            )
        if found[name].ndim != rank:
            shape = found[name].shape
            raise InputError(f"{source}: '{name}' must have {rank} dimensions, found shape {shape}")
    shapes = {n: a.shape for n, a in found.items()}
    sizes = family.sizes_of({n.removeprefix(first): s for n, s in shapes.items() if first in n})
    numbers = [n.split(".")[1] for n in found if n.startswith("s4_layers.")]
    norm: NormKind = "layer" if any(n.startswith("norms.") for n in found) else "none"
    if any(n.endswith(".running_mean") for n in found):
        norm = "batch"
    return Structure(
        layers=1 + max((int(n) for n in numbers if n.isdigit()), default=0),
        width=found["encoder.weight"].shape[0],
        state=sizes.state,
        inputs=found["encoder.weight"].shape[1],
        classes=found["decoder.weight"].shape[0],
        bidirectional=sizes.bidirectional,
        norm=norm,
        norm_position="post" if expected is None else expected.norm_position,
        discretisation="zoh" if expected is None else expected.discretisation,
        family=called,
    )


def _differences(present: Structure, expected: Structure) -> list[str]:
    return [
        f"model.{f.name} is {getattr(expected, f.name)}, but this checkpoint has "
        f"{getattr(present, f.name)}"
        for f in fields(Structure)
        if f.name not in ("norm_epsilon", "states")  # workloads have no word for them
        and getattr(expected, f.name) != getattr(present, f.name)
    ]


def _tensor_problems(found: Mapping[str, NDArray[Any]], structure: Structure) -> list[str]:
    optional = FAMILIES[structure.family].optional
    given = [end for end in optional if any(name.endswith(f".{end}") for name in found)]
    shapes = structure.shapes(given)
    problems = []
    unexpected = [name for name in found if name not in shapes]
    for name, shape in shapes.items():
        if name not in found:
            close = nearest(name, unexpected)
            hint = f"; did it mean this by '{close}'?" if close else ""
            problems.append(f"missing tensor '{name}' of shape {shape}{hint}")
            continue
        array = found[name]
        accepted = {shape, shape[:-1]} if name.endswith("output_linear.0.weight") else {shape}
        if array.shape not in accepted:
            problems.append(f"'{name}' must have shape {shape}, found {array.shape}")
        elif array.dtype.kind != "f":
            problems.append(f"'{name}' must hold floating-point numbers, found {array.dtype}")
        elif not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            problems.append(f"'{name}' holds {bad} values that are not finite (NaN or infinite)")
        elif name.endswith("running_var") and (array < 0).any():
            problems.append(f"'{name}' holds a negative variance")
    for name in unexpected:
        close = nearest(name, shapes)
        hint = f"; the nearest name that belongs to the network is '{close}'" if close else ""
        problems.append(f"unexpected tensor '{name}'{hint}")
    return problems


def _assembled(found: Mapping[str, NDArray[Any]], structure: Structure) -> Network:
    def real(name: str) -> FloatArray:
        return np.asarray(found[name], dtype=np.float64)

    family = FAMILIES[structure.family]
    layers = []
    for i in range(structure.layers):
        block = f"s4_layers.{i}."
        names = family.shapes(structure.sizes(i))
        kernel = family.from_arrays({n: real(block + n) for n in names if block + n in found})
        weight, bias = np.zeros(structure.mixing_shape), np.zeros(0)
        if structure.mixing != "none":
            weight = real(block + "output_linear.0.weight").reshape(structure.mixing_shape)
            bias = real(block + "output_linear.0.bias")
        norm = None
        if structure.norm != "none":
            batch = structure.norm == "batch"
            norm = Norm(
                weight=real(f"norms.{i}.weight"),
                bias=real(f"norms.{i}.bias"),
                running_mean=real(f"norms.{i}.running_mean") if batch else None,
                running_variance=real(f"norms.{i}.running_var") if batch else None,
                epsilon=structure.norm_epsilon,
            )
        layers.append(Layer(kernel, weight, bias, norm))
    return Network(
        encoder_weight=real("encoder.weight"),
        encoder_bias=real("encoder.bias"),
        layers=tuple(layers),
        decoder_weight=real("decoder.weight"),
        decoder_bias=real("decoder.bias"),
        norm=structure.norm,
        norm_position=structure.norm_position,
        discretisation=structure.discretisation,
        family=structure.family,
        composition=structure.composition,
    )
