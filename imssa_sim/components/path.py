"""Where a component is: ``chip``, the layer or the shared unit, its block, its part.

``chip.layer12.kernel.array``, ``chip.encoder.adc``, ``chip.bus3``, ``chip.vector``. A path is text,
so it is a key of ledgers, logs and traces as it is, and what it says is asked of it part by part:
text that merely begins alike (``chip.layer1``, ``chip.layer10``) is another place.
"""

from __future__ import annotations

import re

VECTOR = "chip.vector"
BUS = "chip.bus"
OFF_CHIP = "chip.off_chip"
LINK = "chip.link"
"""What all layers share; the equals of vector unit and bus are numbered."""

SHARED = "shared"
"""The layer of what all layers share."""

_LAYER = re.compile(r"layer(\d+)")


class ComponentPath(str):
    """Dotted path of a component, a stage or a set of tiles."""

    __slots__ = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The names between the dots, ``chip`` first; none of an empty path."""
        return tuple(self.split(".")) if self else ()

    @property
    def layer(self) -> str:
        """The second name (``layer12``, ``encoder``, ``bus``), or `SHARED` without one."""
        return self.parts[1] if len(self.parts) > 1 else SHARED

    @property
    def layer_number(self) -> int | None:
        """Number of the layer; None outside of the layers."""
        found = _LAYER.fullmatch(self.layer)
        return int(found[1]) if found else None

    @property
    def part(self) -> str:
        """The last name: ``array``, ``adc``, ``register``."""
        return self.parts[-1]

    @property
    def parent(self) -> ComponentPath:
        """The path without its last name."""
        return ComponentPath(".".join(self.parts[:-1]))

    @property
    def below_chip(self) -> str:
        """The path without ``chip`` in front, as figures and counters name it."""
        return ".".join(self.parts[1:])

    def sibling(self, part: str) -> ComponentPath:
        """Return the path of another part at the same place: the array that a driver drives."""
        return ComponentPath(".".join((*self.parts[:-1], part)))

    def within(self, other: str) -> bool:
        """Tell whether this is ``other`` or below it."""
        above = ComponentPath(other).parts
        return self.parts[: len(above)] == above

    def is_unit_of(self, name: str) -> bool:
        """Tell whether this is a shared unit, or one of its numbered equals: ``chip.bus3``."""
        return re.fullmatch(rf"{re.escape(name)}\d*", self) is not None
