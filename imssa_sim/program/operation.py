"""What every operation of a network says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from imssa_sim.program.saturation import ClipCounter

Unit = Literal[
    "requantiser", "lut", "multiplier", "adder", "norm", "mac", "register", "accumulator"
]
Tensor = Literal["A", "B", "C", "D", "linear", "glu"]


@dataclass(frozen=True)
class DigitalWork:
    """``count`` equal actions of one kind of digital unit for one token, of ``bits`` wide words."""

    unit: Unit
    verb: str
    count: int
    bits: int


@dataclass(frozen=True)
class Products:
    """Multiply-accumulates for one token: ``count`` of words of ``bits`` with those of a tensor.

    ``useful`` ones are those with a weight of the network; a product of two activations is not.
    """

    tensor: Tensor
    count: int
    weight_bits: int
    bits: int

    @property
    def useful(self) -> bool:
        """Whether they count as useful MACs."""
        return self.tensor != "glu"


@dataclass(frozen=True)
class Held:
    """``count`` weights of ``bits`` that one tensor holds."""

    tensor: Tensor
    count: int
    bits: int


class Operation(ABC):
    """One operation on tokens. Its sizes and widths are here, its parameters with the network.

    Sizes suffice for all that is counted; the parameters come to `integers` by the node's name.
    """

    by_token: ClassVar[bool] = True
    """Whether each token of the result follows from the same token of the inputs."""
    pools: ClassVar[bool] = False
    """Whether the tokens of a sequence become one."""
    leaves: ClassVar[bool] = False
    """Whether the result leaves the chip, or is worked out behind it."""

    outputs: int
    """Words of a token of the result."""
    bits: int
    """Width of such a word."""

    @abstractmethod
    def integers(self, parameters: Any, *values: Any, clips: ClipCounter) -> Any:
        """Return the codes (…, outputs) of integer inputs, exactly as digital hardware does.

        Parameters
        ----------
        parameters
            Of the node, see `imssa_sim.program.integers`.
        values : integer arrays (…, words)
        clips : ClipCounter
            Counts clipped values.
        """

    def work(self) -> tuple[DigitalWork, ...]:
        """Return what digital units do for one token, in order."""
        return ()

    def products(self) -> tuple[Products, ...]:
        """Return the multiply-accumulates that one token asks for."""
        return ()

    def weights(self) -> tuple[Held, ...]:
        """Return the weights that it holds, biases left out."""
        return ()

    def stored_bits(self, on_tiles: bool) -> int:
        """Return the bits of the weights that digital multiply-accumulates read."""
        return 0 if on_tiles else sum(held.count * held.bits for held in self.weights())
