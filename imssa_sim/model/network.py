"""Parameters of a float S4D network; no computation beyond what follows from them directly.

Shapes: H channels, M stored complex modes per channel (each stands for a conjugate pair, so the
real state size is N = 2 M), K classes, d_in inputs. Equations and names follow Gu et al.,
"On the Parameterization and Initialization of Diagonal State Space Models" (arXiv 2206.11893).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
NormKind = Literal["layer", "batch", "none"]
NormPosition = Literal["pre", "post"]
Discretisation = Literal["zoh", "bilinear"]

NORM_EPSILON = 1e-5
"""Added to the variance in layer and batch normalisation (the default of PyTorch's modules)."""


@dataclass(frozen=True)
class S4DKernel:
    """H independent diagonal state-space models of M modes, in continuous time.

    Attributes
    ----------
    log_dt : array (H,)
        Natural logarithm of the time step, dt = exp(log_dt) [steps of the sequence].
    log_A_real : array (H, M)
        Re A = -exp(log_A_real), which is negative by construction.
    A_imag : array (H, M)
        Im A [rad per unit of time].
    C : complex array (H, M)
        Output weights of the causal direction.
    D : array (H,)
        Feed-through.
    B : complex array (H, M) or None
        Input weights; None stands for one everywhere, as in the reference implementation.
    C_reverse : complex array (H, M) or None
        Output weights of the anticausal direction of a bidirectional kernel. As in the authors'
        code the two directions share A, B and dt, and the anticausal one starts one step ahead:
        ``y_l = sum_j k0[j] u[l-j] + sum_j k1[j] u[l+1+j] + D u_l``.
    """

    log_dt: FloatArray
    log_A_real: FloatArray
    A_imag: FloatArray
    C: ComplexArray
    D: FloatArray
    B: ComplexArray | None = None
    C_reverse: ComplexArray | None = None

    @property
    def channels(self) -> int:
        """Number of channels H."""
        return int(self.log_A_real.shape[0])

    @property
    def modes(self) -> int:
        """Number of stored complex modes M per channel."""
        return int(self.log_A_real.shape[1])

    @property
    def A(self) -> ComplexArray:
        """Diagonal of the state matrix, complex (H, M)."""
        value: ComplexArray = -np.exp(self.log_A_real) + 1j * self.A_imag
        return value

    @property
    def dt(self) -> FloatArray:
        """Time step of each channel, (H,)."""
        value: FloatArray = np.exp(self.log_dt)
        return value

    @property
    def input_weights(self) -> ComplexArray:
        """B with the implicit ones filled in, complex (H, M)."""
        if self.B is not None:
            return self.B
        return np.ones(self.log_A_real.shape, dtype=np.complex128)


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
    """One residual block: S4D kernel, GELU, linear H -> 2H with a gated linear unit, norm.

    Attributes
    ----------
    kernel : S4DKernel
    weight : array (2H, H)
        Output linear map; rows 0…H-1 give the value, rows H…2H-1 the gate of the GLU.
    bias : array (2H,)
    norm : Norm or None
    """

    kernel: S4DKernel
    weight: FloatArray
    bias: FloatArray
    norm: Norm | None


@dataclass(frozen=True)
class Network:
    """A whole S4D classifier: encoder, layers, mean over the sequence, decoder.

    Attributes
    ----------
    encoder_weight, encoder_bias : array (H, d_in), (H,)
    layers : tuple of Layer
    decoder_weight, decoder_bias : array (K, H), (K,)
    norm, norm_position, discretisation : str
        How the layers are normalised and their kernels discretised.
    """

    encoder_weight: FloatArray
    encoder_bias: FloatArray
    layers: tuple[Layer, ...]
    decoder_weight: FloatArray
    decoder_bias: FloatArray
    norm: NormKind = "layer"
    norm_position: NormPosition = "post"
    discretisation: Discretisation = "zoh"

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
        """Number of stored complex modes M per channel."""
        return self.layers[0].kernel.modes

    @property
    def bidirectional(self) -> bool:
        """Whether the kernels have an anticausal direction."""
        return self.layers[0].kernel.C_reverse is not None

    @property
    def parameters(self) -> int:
        """Number of trained real parameters (a complex one counts twice).

        Running statistics of batch normalisation are not trained and do not count.
        """
        arrays: list[NDArray[np.float64] | NDArray[np.complex128] | None] = [
            self.encoder_weight,
            self.encoder_bias,
            self.decoder_weight,
            self.decoder_bias,
        ]
        for layer in self.layers:
            k = layer.kernel
            arrays += [k.log_dt, k.log_A_real, k.A_imag, k.C, k.D, k.B, k.C_reverse]
            arrays += [layer.weight, layer.bias]
            if layer.norm is not None:
                arrays += [layer.norm.weight, layer.norm.bias]
        return sum(a.size * (2 if np.iscomplexobj(a) else 1) for a in arrays if a is not None)
