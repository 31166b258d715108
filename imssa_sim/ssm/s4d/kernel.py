"""Parameters of S4D kernels.

Shapes: H channels, M stored complex modes per channel (each stands for a conjugate pair, so the
real state size is N = 2 M). Equations and names follow Gu et al., "On the Parameterization and
Initialization of Diagonal State Space Models" (arXiv 2206.11893).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.quantisation.quantisers import (
    FloatArray,
    Granularity,
    quantise_codes,
    scale_of_range,
    weight_range,
)
from imssa_sim.ssm.discretise import Discretisation, rule
from imssa_sim.ssm.interface import Sizes, StateSpaceModel
from imssa_sim.ssm.recurrence import BoolArray, ComplexArray, Recurrence
from imssa_sim.ssm.s4d.initialise import initial_A


@dataclass(frozen=True)
class S4DKernel(StateSpaceModel):
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

    optional: ClassVar[tuple[str, ...]] = ("kernel.B",)
    anchors: ClassVar[Mapping[str, int]] = {"kernel.log_A_real": 2}

    @property
    def sizes(self) -> Sizes:
        """Sizes of these kernels."""
        channels, modes = self.log_A_real.shape
        return Sizes(int(channels), 2 * int(modes), self.C_reverse is not None)

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

    @property
    def alive(self) -> BoolArray:
        """Whether each mode (H, M) has an output weight in some direction."""
        alive = np.asarray(self.C != 0)
        return alive if self.C_reverse is None else alive | (self.C_reverse != 0)

    @property
    def feedthrough(self) -> FloatArray:
        """D of each channel, (H,)."""
        return self.D

    def discrete(self, method: Discretisation) -> tuple[ComplexArray, ComplexArray]:
        """Return the discrete A and B, complex (H, M), of ``x_k = A x_(k-1) + B u_k``.

        Raises
        ------
        InputError
            The method is neither ``zoh`` nor ``bilinear``.
        """
        return rule(method)(self.A, self.input_weights, self.dt)

    def recurrences(self, discretisation: Discretisation) -> tuple[Recurrence, ...]:
        """Return the recurrence in discrete time: causal, then anticausal where there is one."""
        a, b = self.discrete(discretisation)
        pairs = np.ones(a.shape, dtype=np.bool_)
        causal = Recurrence(a, b[..., None], 2 * self.C[:, None], self.D, pairs)
        if self.C_reverse is None:
            return (causal,)
        nothing = np.zeros_like(self.D)
        return causal, replace(causal, c=2 * self.C_reverse[:, None], d=nothing, reverse=True)

    def on_time_grid(self, bits: int, granularity: Granularity) -> S4DKernel:
        """Return the kernels with each log dt rounded to a symmetric uniform grid.

        With granularity ``channel`` every time step has its own scale and stays as it is.
        """
        values = self.log_dt
        scale = scale_of_range(
            weight_range(values[:, None, None], granularity, "max", bits)[:, 0], bits
        )
        return replace(self, log_dt=quantise_codes(values, scale, bits) * scale)

    def silenced(self, modes: BoolArray, channels: BoolArray) -> S4DKernel:
        """Return the kernels with C = 0 in ``modes`` (H, M), C = 0 and D = 0 in ``channels``."""
        gone = modes | channels[:, None]
        reverse = self.C_reverse
        return replace(
            self,
            C=np.where(gone, 0, self.C),
            D=np.where(channels, 0.0, self.D),
            C_reverse=None if reverse is None else np.where(gone, 0, reverse),
        )

    def with_modes(self, keep: NDArray[np.int64]) -> S4DKernel:
        """Return the kernels with the modes at places ``keep`` (H, M') alone."""

        def taken(array: NDArray[Any] | None) -> Any:
            return None if array is None else np.take_along_axis(array, keep, axis=1)

        names = ("log_A_real", "A_imag", "C", "B", "C_reverse")
        return replace(self, **{name: taken(getattr(self, name)) for name in names})

    @classmethod
    def initial(
        cls,
        rng: np.random.Generator,
        sizes: Sizes,
        initialisation: str,
        dt_range: tuple[float, float],
    ) -> S4DKernel:
        """Return untrained kernels with the authors' distributions.

        log dt is uniform between the logarithms of ``dt_range``, one draw per channel.

        Raises
        ------
        InputError
            The state size is odd or the initial state matrix unknown.
        """
        if sizes.state % 2:
            raise InputError(
                f"model.state is {sizes.state}; it must be even, because each stored mode stands "
                f"for a conjugate pair (try {sizes.state + 1})"
            )
        low, high = dt_range
        A: ComplexArray = np.tile(initial_A(initialisation, sizes.state // 2), (sizes.width, 1))

        def complex_normal() -> ComplexArray:
            parts = rng.standard_normal((2, *A.shape)) * np.sqrt(0.5)
            return np.asarray(parts[0] + 1j * parts[1], dtype=np.complex128)

        return cls(
            log_dt=rng.uniform(math.log(low), math.log(high), sizes.width),
            log_A_real=np.log(-A.real).astype(np.float64),
            A_imag=A.imag.copy(),
            C=complex_normal(),
            D=rng.standard_normal(sizes.width),
            C_reverse=complex_normal() if sizes.bidirectional else None,
        )

    @classmethod
    def shapes(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all stored arrays by name."""
        h, m = sizes.width, sizes.state // 2
        found: dict[str, tuple[int, ...]] = {
            "D": (h,),
            "kernel.C": (h, m, 2),
            "kernel.log_dt": (h,),
            "kernel.log_A_real": (h, m),
            "kernel.A_imag": (h, m),
            "kernel.B": (h, m, 2),
        }
        if sizes.bidirectional:
            found["kernel.C_reverse"] = (h, m, 2)
        return found

    @classmethod
    def sizes_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
        """Return the sizes that the shapes of stored arrays tell."""
        width, modes = shapes["kernel.log_A_real"]
        return Sizes(width, 2 * modes, "kernel.C_reverse" in shapes)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """Return the kernels of stored arrays."""

        def complex_(name: str) -> Any:
            pairs = arrays.get(name)
            return None if pairs is None else pairs[..., 0] + 1j * pairs[..., 1]

        return cls(
            log_dt=arrays["kernel.log_dt"],
            log_A_real=arrays["kernel.log_A_real"],
            A_imag=arrays["kernel.A_imag"],
            C=complex_("kernel.C"),
            D=arrays["D"],
            B=complex_("kernel.B"),
            C_reverse=complex_("kernel.C_reverse"),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all stored arrays by name, real or complex."""
        found: dict[str, NDArray[Any]] = {"D": self.D}
        for name in ("C", "log_dt", "log_A_real", "A_imag", "B", "C_reverse"):
            value = getattr(self, name)
            if value is not None:
                found[f"kernel.{name}"] = value
        return found
