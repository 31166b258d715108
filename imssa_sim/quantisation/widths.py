"""Bit widths by tensor kind, the same in all layers or layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class BitWidths:
    """Bits per tensor kind (names of the workload file's ``bits`` section), in all layers alike."""

    A: int
    B: int
    C: int
    D: int
    dt: int
    state: int
    kernel_input: int
    kernel_output: int
    activations: int
    linear: int

    def widths(self) -> dict[str, int]:
        """Return the bits by tensor kind, of what belongs to no layer where layers differ."""
        return {name: getattr(self, name) for name in BIT_KINDS}

    def of_layer(self, index: int) -> BitWidths:
        """Return the bits inside of layer ``index``."""
        return self

    def changed(self, change: Callable[[int], int]) -> BitWidths:
        """Return bits with a function applied to every width."""
        return BitWidths(**{name: change(width) for name, width in self.widths().items()})

    def described(self) -> dict[str, Any]:
        """Return the bits as a ``bits`` section has them; `bits_from` reads them."""
        return dict(self.widths())


BIT_KINDS = tuple(field.name for field in fields(BitWidths))


@dataclass(frozen=True)
class LayeredBits(BitWidths):
    """Bits that differ from layer to layer.

    The ten numbers hold for what belongs to no layer: inputs, encoder, the residual stream between
    the layers, pooling and decoder. ``layers`` has one entry per layer, for what is inside of it:
    its kernels, the activations from GELU to the gate, and its linear map.
    """

    layers: tuple[BitWidths, ...] = ()

    def of_layer(self, index: int) -> BitWidths:
        """Return the bits inside of layer ``index``."""
        return self.layers[index]

    def changed(self, change: Callable[[int], int]) -> BitWidths:
        """Return bits with a function applied to every width."""
        return LayeredBits(
            **super().changed(change).widths(),
            layers=tuple(layer.changed(change) for layer in self.layers),
        )

    def described(self) -> dict[str, Any]:
        """Return the bits as a ``bits`` section has them; `bits_from` reads them."""
        own = {k: [layer.widths()[k] for layer in self.layers] for k in BIT_KINDS}
        return own | {"outside": self.widths()}


def bits_from(section: Mapping[str, Any]) -> BitWidths:
    """Return the bits that a ``bits`` section says.

    Parameters
    ----------
    section : mapping
        A width per tensor kind, or a list of widths, one per layer. ``default`` (or ``outside``, a
        map by kind) is the width outside of the layers of the kinds that have a list.

    Raises
    ------
    ValueError
        The lists are not equally long.
    """
    given = {kind: section[kind] for kind in BIT_KINDS}
    lists = {kind: tuple(v) for kind, v in given.items() if isinstance(v, Sequence)}
    if not lists:
        return BitWidths(**given)
    lengths = {len(v) for v in lists.values()}
    if len(lengths) > 1:
        raise ValueError("bits by layer must name equally many layers for every tensor kind")
    outside = section.get("outside") or dict.fromkeys(lists, section.get("default"))
    layers = tuple(
        BitWidths(**{k: lists[k][i] if k in lists else given[k] for k in BIT_KINDS})
        for i in range(lengths.pop())
    )
    return LayeredBits(**(given | {k: outside[k] for k in lists}), layers=layers)
