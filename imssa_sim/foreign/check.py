"""Inputs and outputs of a network, from who made it, and how far another one is from them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError
from imssa_sim.foreign.npz import read_npz
from imssa_sim.foreign.qs4d import Levels, fake_quantised, levels_of
from imssa_sim.model.network import Network
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.reference.forward import forward

TOLERANCE = 1e-4
"""Largest deviation from what its authors' network gives, as a part of their largest output."""
_LARGEST = 40.0
"""Logarithm of the largest state that a check goes through with."""
_OUTPUTS = (
    "logits_float64",
    "outputs_float64",
    "outputs_numpy_float64",
    "logits",
    "outputs",
)
"""Names of outputs, the most exact first."""


@dataclass(frozen=True)
class Check:
    """Sequences and what the network's authors got for them.

    Attributes
    ----------
    inputs : array (B, L, d_in)
    outputs : array (B, K) or (B, L, K)
    source : str
        File, and the name of the outputs in it.
    levels : Levels or None
        Of QS4D's quantisers, where the outputs are those of its fake-quantised forward.
    """

    inputs: FloatArray
    outputs: FloatArray
    source: str
    levels: Levels | None = None

    def deviation(self, network: Network, sequences: int | None = None) -> float:
        """Return the largest deviation as a part of the largest output; infinite if none fits."""
        inputs = self.inputs[:sequences]
        if inputs.shape[2] != network.inputs or _explodes(network, inputs.shape[1]):
            return float("inf")
        if self.levels is None:
            return relative_deviation(forward(network, inputs), self.outputs[:sequences])
        if network.family != "qs4d":
            return float("inf")
        return relative_deviation(fake_quantised(network, self.inputs, self.levels), self.outputs)


def relative_deviation(got: FloatArray, wanted: FloatArray) -> float:
    """Return the largest difference as a part of the largest wanted value, infinite at worst."""
    if got.shape != wanted.shape or not np.isfinite(got).all():
        return float("inf")
    largest = float(np.abs(wanted).max(initial=0.0)) or 1.0
    return float(np.abs(got - wanted).max(initial=0.0)) / largest


def _explodes(network: Network, steps: int) -> bool:
    """Return whether states grow beyond any use over a sequence, or are not finite."""
    for layer in network.layers:
        for r in layer.kernel.for_length(steps).recurrences(network.discretisation):
            with np.errstate(divide="ignore"):
                size = np.log(np.abs(r.a)) * steps + np.log(np.abs(r.b).max(axis=2))
            if not (np.isfinite(r.b).all() and size.max() < _LARGEST):
                return True
    return False


def check_of(inputs: ArrayLike, outputs: ArrayLike, source: str) -> Check:
    """Return a check of arrays.

    Raises
    ------
    InputError
        They are no numbers, not finite, or not of as many sequences.
    """
    x, y = (_numbers(a, source) for a in (inputs, outputs))
    if x.ndim != 3 or y.ndim not in (2, 3) or len(x) != len(y) or not len(x):
        raise InputError(
            f"{source}: inputs must be (sequences, steps, features) and outputs (sequences, …) of "
            f"as many sequences; found {x.shape} and {y.shape}"
        )
    return Check(x, y, source)


def read_check(path: Path) -> Check:
    """Read an ``.npz`` with ``inputs`` and ``outputs`` or ``logits``.

    Raises
    ------
    InputError
        There is none, or it is unusable.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file to check with")

    def told(names: list[str]) -> list[str]:
        outputs = [name for name in _OUTPUTS if name in names]
        if "inputs" not in names or not outputs:
            raise InputError(
                f"{path}: a check needs 'inputs' and 'outputs' or 'logits'; it has "
                f"{', '.join(names[:8]) or 'nothing'}"
            )
        return [outputs[0], "inputs", *(["meta_json"] if "meta_json" in names else [])]

    arrays = read_npz(path, told)
    outputs, meta = next(iter(arrays)), str(arrays.get("meta_json", "{}"))
    found = check_of(arrays["inputs"], arrays[outputs], f"{path} ({outputs})")
    return replace(found, levels=_levels(meta, path))


def _levels(meta: str, path: Path) -> Levels | None:
    """Return the levels that QS4D's authors' arguments in ``meta_json`` name; None if none."""
    try:
        told = json.loads(meta)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: 'meta_json' is no JSON ({error})") from error
    arguments = told.get("model_args") if isinstance(told, dict) else None
    return levels_of(arguments) if isinstance(arguments, dict) else None


def _numbers(values: Any, source: str) -> NDArray[np.float64]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{source}: a check needs numbers; found {array.dtype}")
    if not np.isfinite(array).all():
        raise InputError(f"{source}: a check needs finite values")
    return array.astype(np.float64)
