"""Parameters of the S4 authors' diagonal kernels, with their transforms resolved.

Equations: state-spaces/s4, ``models/s4/s4.py:SSMKernelDiag`` (commit e757cef): A, B and time steps
of each channel, one or several output weights on each, ZOH, bilinear or DSS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InternalError
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.discretise import Discretisation, rule
from imssa_sim.ssm.interface import Sizes, StateSpaceModel
from imssa_sim.ssm.recurrence import BoolArray, ComplexArray, Recurrence
from imssa_sim.ssm.s4d.initialise import initial_A

DSS_FLOOR = 1e-7
"""Added to |x|² in DSS's reciprocal of x (the authors' code)."""


@dataclass(frozen=True)
class BlockKernel(StateSpaceModel):
    """Diagonal state-space models of M modes on each of H channels, in continuous time.

    Attributes
    ----------
    A, B : complex array (H, M)
        Diagonal state matrix and input weights.
    dt : array (H, M)
        Time step of each mode [steps of the sequence].
    C : complex array (copies * H, M)
        Output weights; kernel c·H + h takes channel h.
    D : array (copies * H,)
        Feed-through.
    C_reverse : complex array (copies * H, M) or None
        Output weights of the anticausal direction, which starts one step ahead (as in `S4DKernel`).
    real_modes : bool
        Whether A, B and C are real, and each mode one state. The authors' factor 2 stays.
    length : int or None
        Steps of the sequences, on which DSS depends.
    """

    A: ComplexArray
    B: ComplexArray
    dt: FloatArray
    C: ComplexArray
    D: FloatArray
    C_reverse: ComplexArray | None = None
    real_modes: bool = False
    length: int | None = None

    anchors: ClassVar[Mapping[str, int]] = {"kernel.A": 3, "kernel.C": 3}

    @property
    def sizes(self) -> Sizes:
        """Sizes of these kernels."""
        width, modes = self.A.shape
        return Sizes(
            width,
            modes if self.real_modes else 2 * modes,
            self.C_reverse is not None,
            len(self.C) // width,
            self.real_modes,
        )

    @property
    def modes(self) -> int:
        """Number of stored modes M per channel."""
        return int(self.A.shape[1])

    @property
    def alive(self) -> BoolArray:
        """Whether each mode (copies * H, M) has an output weight in some direction."""
        alive = np.asarray(self.C != 0)
        return alive if self.C_reverse is None else alive | (self.C_reverse != 0)

    @property
    def feedthrough(self) -> FloatArray:
        """D of each kernel, (copies * H,)."""
        return self.D

    def for_length(self, steps: int) -> Self:
        """Return the kernels for sequences of ``steps`` steps."""
        return replace(self, length=steps)

    def recurrences(self, discretisation: Discretisation) -> tuple[Recurrence, ...]:
        """Return the recurrence in discrete time: causal, then anticausal where there is one."""
        copies = len(self.C) // len(self.A)
        if discretisation == "dss":
            a, b = self._dss()
            factor = 1  # their DSS takes the real part alone
        else:
            flat = self.A.reshape(-1, 1), self.B.reshape(-1, 1), self.dt.reshape(-1)
            a, b = (v.reshape(self.A.shape) for v in rule(discretisation)(*flat))
            factor = 2
        a, b = np.tile(a, (copies, 1)), np.tile(b, (copies, 1))
        pairs = np.full(a.shape, not self.real_modes)
        causal = Recurrence(a, b[..., None], factor * self.C[:, None], self.D, pairs)
        if self.C_reverse is None:
            return (causal,)
        other = factor * self.C_reverse[:, None]
        return causal, replace(causal, c=other, d=np.zeros_like(self.D), reverse=True)

    def _dss(self) -> tuple[ComplexArray, ComplexArray]:
        """Return discrete A and B of DSS: each mode's weights are a softmax over the steps."""
        if self.length is None:
            raise InternalError("DSS depends on the length of the sequences: use for_length first")
        product = self.dt * self.A
        grows = self.A.real > 0
        falling = np.where(grows, -product, product)
        x = np.expm1(falling * self.length) * self.A
        b = self.B * np.expm1(falling) * x.conj() / (np.abs(x) ** 2 + DSS_FLOOR)
        b *= np.where(grows, np.exp(-product * (self.length - 1)), 1)
        return np.exp(product), b

    @classmethod
    def initial(
        cls,
        rng: np.random.Generator,
        sizes: Sizes,
        initialisation: str,
        dt_range: tuple[float, float],
    ) -> Self:
        """Return untrained kernels: A as in S4D, B one, C standard normal, dt log-uniform."""
        h, kernels = sizes.width, sizes.width * sizes.copies
        modes = sizes.state if sizes.real_modes else sizes.state // 2
        A = np.tile(initial_A(initialisation, modes), (h, 1))
        low, high = (math.log(t) for t in dt_range)

        def weights() -> ComplexArray:
            parts = rng.standard_normal((2, kernels, modes)) * math.sqrt(0.5)
            return np.asarray(parts[0] + 1j * parts[1] * (not sizes.real_modes))

        return cls(
            A=np.asarray(A.real + 0j if sizes.real_modes else A, dtype=np.complex128),
            B=np.ones(A.shape, dtype=np.complex128),
            dt=np.repeat(np.exp(rng.uniform(low, high, (h, 1))), modes, axis=1),
            C=weights(),
            D=rng.standard_normal(kernels),
            C_reverse=weights() if sizes.bidirectional else None,
            real_modes=sizes.real_modes,
        )

    @classmethod
    def shapes(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all stored arrays by name; real modes have no last axis of two."""
        h, kernels = sizes.width, sizes.width * sizes.copies
        m, last = (sizes.state, (1,)) if sizes.real_modes else (sizes.state // 2, (2,))
        found: dict[str, tuple[int, ...]] = {
            "D": (kernels,),
            "kernel.A": (h, m, *last),
            "kernel.B": (h, m, *last),
            "kernel.dt": (h, m),
            "kernel.C": (kernels, m, *last),
        }
        if sizes.bidirectional:
            found["kernel.C_reverse"] = (kernels, m, *last)
        return found

    @classmethod
    def sizes_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
        """Return the sizes that the shapes of stored arrays tell."""
        width, modes, parts = shapes["kernel.A"]
        copies = shapes["kernel.C"][0] // max(1, width)
        both = "kernel.C_reverse" in shapes
        return Sizes(width, modes * parts, both, copies, real_modes=parts == 1)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """Return the kernels of stored arrays."""

        def complex_(name: str) -> Any:
            parts = arrays[name]
            return parts[..., 0] + (1j * parts[..., 1] if parts.shape[-1] == 2 else 0j)

        return cls(
            A=complex_("kernel.A"),
            B=complex_("kernel.B"),
            dt=arrays["kernel.dt"],
            C=complex_("kernel.C"),
            D=arrays["D"],
            C_reverse=complex_("kernel.C_reverse") if "kernel.C_reverse" in arrays else None,
            real_modes=arrays["kernel.A"].shape[-1] == 1,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all stored arrays by name; those of real modes are real, with a last axis."""
        found: dict[str, NDArray[Any]] = {"D": self.D, "kernel.dt": self.dt}
        for name in ("A", "B", "C", "C_reverse"):
            value = getattr(self, name)
            if value is not None:
                found[f"kernel.{name}"] = value.real[..., None] if self.real_modes else value
        return found
