"""Parameters of a float state-space network; no computation beyond what follows from them directly.

Shapes: H channels, M stored modes per block of the state-space models (in S4D per channel, each
for a conjugate pair, so that the real state size is N = 2 M), K classes, d_in inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.interface import StateSpaceModel

NormKind = Literal["layer", "batch", "none"]
NormPosition = Literal["pre", "post"]

NORM_EPSILON = 1e-5
"""Added to the variance in layer and batch normalisation (the default of PyTorch's modules)."""

Pooling = Literal["mean", "last", "none"]
Output = Literal["logits", "log_softmax"]
GATED = ("glu", "half_glu1", "half_glu2")
"""Mixing maps with a gate (`Composition.mixing`)."""


@dataclass(frozen=True)
class Composition:
    """How blocks and head are put together; what stands here by default is the reference block.

    Attributes
    ----------
    activation : str
        Function between the kernels and the mixing map: a name of
        `imssa_sim.model.elementwise.FUNCTIONS`, ``none``, or ``glu``, which halves the channels.
    mixing : str
        The linear map over the channels and what follows it: ``glu`` (H -> 2H, gated linear unit),
        a name of `FUNCTIONS` (H -> H and that function), ``plain`` (H -> H alone), ``none`` (no
        map), or one of S5's ``half_glu1``: g * sigmoid(W g), and ``half_glu2``:
        y * sigmoid(W g), with y before and g behind the activation.
    residual : bool
        Whether a block's input is added to its output.
    copies : int
        Kernels that take each channel.
    pooling : {"mean", "last", "none"}
        What the decoder sees: the mean over the steps, the last step, or each step.
    output : {"logits", "log_softmax"}
    """

    activation: str = "gelu"
    mixing: str = "glu"
    residual: bool = True
    copies: int = 1
    pooling: Pooling = "mean"
    output: Output = "logits"

    def mixing_shape(self, width: int) -> tuple[int, int]:
        """Return rows and columns of the mixing map of blocks of ``width`` channels."""
        taken = self.copies * width // (2 if self.activation == "glu" else 1)
        if self.mixing == "none":
            return 0, taken
        return (2 if self.mixing == "glu" else 1) * width, taken

    def problem(self, width: int) -> str | None:
        """Return why blocks of ``width`` channels cannot be put together so; None if they can."""
        _, taken = self.mixing_shape(width)
        if self.activation == "glu" and self.copies * width % 2:
            return f"activation glu halves the channels, of which there are {self.copies * width}"
        if self.mixing in ("none", "half_glu1", "half_glu2") and taken != width:
            return (
                f"mixing {self.mixing} needs as many channels behind the activation as before "
                f"the block; there are {taken} and {width}"
            )
        if self.mixing == "half_glu2" and self.activation == "glu":
            return "mixing half_glu2 opens what stands before the activation, and glu halves that"
        return None

    @property
    def needs_all_channels(self) -> bool:
        """Whether a channel whose kernel gives zeros must be there.

        Its zeros pass into the linear map as zeros, so that it can be left out, unless no such map
        follows, or the activation makes something of them.
        """
        lost = self.activation in ("none", "gelu", "gelu_tanh", "relu", "tanh", "silu", "elu")
        return not lost or self.mixing in ("none", "half_glu1", "half_glu2")


REFERENCE = Composition()


@dataclass(frozen=True)
class Norm:
    """Normalisation over channels: affine part, and statistics for batch normalisation.

    Attributes
    ----------
    weight, bias : array (H,)
        Gain and offset after normalisation.
    running_mean, running_variance : array (H,) or None
        Statistics that batch normalisation uses in inference; None with layer normalisation.
    epsilon : float
        Added to the variance.
    """

    weight: FloatArray
    bias: FloatArray
    running_mean: FloatArray | None = None
    running_variance: FloatArray | None = None
    epsilon: float = NORM_EPSILON


@dataclass(frozen=True)
class Layer:
    """One block: state-space model, activation, linear map with a gated linear unit, norm.

    Attributes
    ----------
    kernel : StateSpaceModel
    weight : array (2H, H)
        Output linear map; rows 0…H-1 give the value, rows H…2H-1 the gate of the GLU. It has H rows
        where another function follows, and none where there is no map (`Composition.mixing`).
    bias : array (2H,)
    norm : Norm or None
    """

    kernel: StateSpaceModel
    weight: FloatArray
    bias: FloatArray
    norm: Norm | None


@dataclass(frozen=True)
class Network:
    """A whole classifier: encoder, layers, mean over the sequence, decoder.

    Attributes
    ----------
    encoder_weight, encoder_bias : array (H, d_in), (H,)
    layers : tuple of Layer
    decoder_weight, decoder_bias : array (K, H), (K,)
    norm, norm_position, discretisation : str
        How the layers are normalised and their kernels discretised.
    family : str
        Name of the kernels' family (`imssa_sim.ssm.families`).
    composition : Composition
        Whatever else makes a block and the head.
    """

    encoder_weight: FloatArray
    encoder_bias: FloatArray
    layers: tuple[Layer, ...]
    decoder_weight: FloatArray
    decoder_bias: FloatArray
    norm: NormKind = "layer"
    norm_position: NormPosition = "post"
    discretisation: Discretisation = "zoh"
    family: str = "s4d"
    composition: Composition = REFERENCE

    @property
    def width(self) -> int:
        """Number of channels H."""
        return int(self.encoder_weight.shape[0])

    @property
    def inputs(self) -> int:
        """Number of input features per step."""
        return int(self.encoder_weight.shape[1])

    @property
    def classes(self) -> int:
        """Number of classes K."""
        return int(self.decoder_weight.shape[0])

    @property
    def modes(self) -> int:
        """Number of stored modes M per block."""
        return self.layers[0].kernel.modes

    @property
    def bidirectional(self) -> bool:
        """Whether the kernels have an anticausal direction."""
        return self.layers[0].kernel.sizes.bidirectional

    @property
    def rounds_products(self) -> bool:
        """Whether gated products are rounded to codes: before a norm that no residual sum feeds."""
        normed = self.norm != "none" and self.norm_position == "post"
        return normed and not self.composition.residual

    @property
    def parameters(self) -> int:
        """Number of trained real parameters (a complex one counts twice).

        Running statistics of batch normalisation are not trained and do not count.
        """
        arrays = [
            self.encoder_weight,
            self.encoder_bias,
            self.decoder_weight,
            self.decoder_bias,
        ]
        for layer in self.layers:
            arrays += [layer.weight, layer.bias]
            if layer.norm is not None:
                arrays += [layer.norm.weight, layer.norm.bias]
        kernels = sum(layer.kernel.parameters for layer in self.layers)
        return kernels + sum(a.size for a in arrays)
