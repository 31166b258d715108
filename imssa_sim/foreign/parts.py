"""Takes named arrays one by one, checks shapes, and keeps account of what was not taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import nearest
from imssa_sim.foreign.reading import MisfitError
from imssa_sim.model.network import Network, Norm
from imssa_sim.quantisation.quantisers import FloatArray


class Parts:
    """The arrays of a file that are still to be taken."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.left = dict(arrays)
        self.notes: list[str] = []

    def __contains__(self, name: object) -> bool:
        return name in self.left

    def take(self, name: str, *shape: int | None) -> FloatArray:
        """Return an array of a shape (None: any size), trailing axes of one left out.

        Raises
        ------
        MisfitError
            It is missing, or of another shape.
        """
        if name not in self.left:
            close = nearest(name, self.left)
            hint = f" (the nearest name is '{close}')" if close else ""
            raise MisfitError(f"there is no '{name}'{hint}")
        array = np.asarray(self.left.pop(name), dtype=np.float64)
        found = array
        while found.ndim > len(shape) and found.shape[-1] == 1:
            found = found[..., 0]
        wanted = "(" + ", ".join("…" if n is None else str(n) for n in shape) + ")"
        fits = found.ndim == len(shape) and all(
            n is None or n == m for n, m in zip(shape, found.shape, strict=True)
        )
        if not fits:
            raise MisfitError(f"'{name}' has shape {array.shape}, not {wanted}")
        return found

    def take_complex(self, name: str, *shape: int | None) -> NDArray[np.complex128]:
        """Return a complex array whose parts are on a last axis of two."""
        pairs = self.take(name, *shape, 2)
        return np.asarray(pairs[..., 0] + 1j * pairs[..., 1])

    def bias(self, name: str, size: int) -> FloatArray:
        """Return a bias; zeros, with a note, where there is none."""
        if name not in self.left:
            self.notes.append(f"there is no '{name}': taken as zeros")
            return np.zeros(size)
        return self.take(name, size)

    def norm(self, names: tuple[str, str, str, str], width: int) -> Norm:
        """Return a norm whose gain, bias, mean and variance have these names."""
        gain, bias, mean, variance = names
        weight = self.take(gain, width)
        offset = self.bias(bias, width)
        if mean not in self.left:
            return Norm(weight, offset)
        spread = self.take(variance, width)
        if (spread < 0).any():
            raise MisfitError(f"'{variance}' holds a negative variance")
        return Norm(weight, offset, self.take(mean, width), spread)

    def finish(self) -> None:
        """Refuse what was not taken.

        Raises
        ------
        MisfitError
        """
        if self.left:
            some = ", ".join(f"'{name}'" for name in sorted(self.left)[:4])
            raise MisfitError(f"it has no place for {some}")


def check_alike(
    maps: Sequence[tuple[FloatArray, FloatArray]], norms: Sequence[Norm | None]
) -> None:
    """Refuse layers that differ in their kind of norm, or in the shape of their maps.

    Raises
    ------
    MisfitError
    """
    kinds = [
        "no norm" if n is None else "layer norm" if n.running_mean is None else "batch norm"
        for n in norms
    ]
    shapes = [str(weight.shape) for weight, _ in maps]
    for what, found in (("norms", kinds), ("mixing maps", shapes)):
        if len(set(found)) > 1:
            raise MisfitError(f"its layers have different {what}: {', '.join(found)}")


def identity(width: int) -> tuple[FloatArray, FloatArray]:
    """Return weight and bias of a map that changes nothing."""
    return np.eye(width), np.zeros(width)


def sizes_of(network: Network) -> dict[str, Any]:
    """Return the sizes of a network, by the names of `Structure`."""
    sizes = network.layers[0].kernel.sizes
    return {
        "layers": len(network.layers),
        "width": network.width,
        "state": max(layer.kernel.sizes.state for layer in network.layers),
        "inputs": network.inputs,
        "classes": network.classes,
        "bidirectional": sizes.bidirectional,
        "copies": sizes.copies,
        "real_modes": sizes.real_modes,
        "norm": network.norm,
    }
