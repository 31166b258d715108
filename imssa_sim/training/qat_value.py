"""What goes from node to node in quantisation-aware training: integers, and what they stand for.

Codes are float32 tensors that hold integers. What is wider than a code on its way to a rounding is
a real number with the exact integer beside it; the end of a gated block stays with the codes that
it is made of, so that gate, sum, norm and rounding are one differentiable operation
(`imssa_sim.training.gated`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from imssa_sim.training.straight_through import codes_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class Value(NamedTuple):
    """Numbers in units of a scale; codes, unless ``wide`` holds the integers.

    Attributes
    ----------
    number : Tensor (…, words)
    unit : Tensor
        Real value of one, of all words or of each.
    wide : integer array or None
    """

    number: Tensor
    unit: Tensor
    wide: NDArray[Any] | None = None

    @property
    def integers(self) -> NDArray[Any]:
        """The exact integers."""
        return codes_of(self.number) if self.wide is None else self.wide

    @property
    def real(self) -> Tensor:
        """The real numbers."""
        return self.number * self.unit

    def taken(self, words: Any) -> Value:
        """Return some of the words, which are codes."""
        unit = self.unit[words] if self.unit.dim() else self.unit
        return Value(self.number[..., words], unit)


class GatedBranch(NamedTuple):
    """Gated products of halves of z, on their way to a residual sum."""

    z: Value
    integers: NDArray[Any]


class GatedSum(NamedTuple):
    """A branch and the residual stream together, before they are rounded."""

    z: Value
    r: Value
    integers: NDArray[Any]
