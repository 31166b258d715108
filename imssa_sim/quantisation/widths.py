"""Bit widths by tensor kind, the same in all layers or layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class BitWidths:
    """Bits per tensor kind (names of the workload file's ``bits`` section), in all layers alike.

    ``drive``: of the codes that states in accumulators drive their word lines with, ``state``
    wide otherwise; None where states are no accumulators.
    """

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
    drive: int | None = None

    @property
    def driving(self) -> int:
        """Bits of the codes that states drive with."""
        return self.state if self.drive is None else self.drive

    def widths(self) -> dict[str, int]:
        """Return the bits by tensor kind, of what belongs to no layer where layers differ."""
        return {name: getattr(self, name) for name in BIT_KINDS}

    def of_layer(self, index: int) -> BitWidths:
        """Return the bits inside of layer ``index``."""
        return self

    def changed(self, change: Callable[[int], int]) -> BitWidths:
        """Return bits with a function applied to every width."""
        drive = None if self.drive is None else change(self.drive)
        return BitWidths(
            **{name: change(width) for name, width in self.widths().items()}, drive=drive
        )

    def with_drive(self, drive: Callable[[BitWidths], int]) -> BitWidths:
        """Return the bits with the ``drive`` that a function finds for each layer's."""
        return replace(self, drive=drive(self))

    def described(self) -> dict[str, Any]:
        """Return the bits as a ``bits`` section has them; `bits_from` reads them."""
        return self.widths() | ({} if self.drive is None else {"drive": self.drive})


BIT_KINDS = tuple(field.name for field in fields(BitWidths) if field.name != "drive")


@dataclass(frozen=True)
class LayeredBits(BitWidths):
    """Bits that differ from layer to layer.

    The numbers hold for what belongs to no layer: inputs, encoder, the residual stream between
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

    def with_drive(self, drive: Callable[[BitWidths], int]) -> BitWidths:
        """Return the bits with the ``drive`` that a function finds for each layer's."""
        return replace(self, layers=tuple(layer.with_drive(drive) for layer in self.layers))

    def described(self) -> dict[str, Any]:
        """Return the bits as a ``bits`` section has them; `bits_from` reads them."""
        own: dict[str, Any] = {k: [layer.widths()[k] for layer in self.layers] for k in BIT_KINDS}
        drives = [layer.drive for layer in self.layers]
        if any(drive is not None for drive in drives):
            own["drive"] = drives
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
    given = {kind: section[kind] for kind in BIT_KINDS} | {"drive": section.get("drive")}
    lists = {kind: tuple(v) for kind, v in given.items() if isinstance(v, Sequence)}
    if not lists:
        return BitWidths(**given)
    lengths = {len(v) for v in lists.values()}
    if len(lengths) > 1:
        raise ValueError("bits by layer must name equally many layers for every tensor kind")
    outside = section.get("outside") or dict.fromkeys(lists, section.get("default"))
    layers = tuple(
        BitWidths(**{k: lists[k][i] if k in lists else width for k, width in given.items()})
        for i in range(lengths.pop())
    )
    whole = given | {k: outside[k] for k in lists if k != "drive"} | {"drive": None}
    return LayeredBits(**whole, layers=layers)
