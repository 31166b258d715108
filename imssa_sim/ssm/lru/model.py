"""Parameters of linear recurrent units (arXiv 2303.06349; NicolasZucchet/minimal-LRU)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from imssa_sim.errors import InputError
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.dense import DenseModel, complex_normal
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.interface import Sizes
from imssa_sim.ssm.recurrence import Recurrence

RADII = 0.0, 1.0
"""Smallest and largest |a| at the start (defaults of minimal-LRU)."""


@dataclass(frozen=True)
class LRUModel(DenseModel):
    """A recurrence in discrete time: ``a = exp(-exp(nu) + i exp(theta))``, ``b = exp(gamma) B``.

    Attributes
    ----------
    nu_log, theta_log, gamma_log : array (P,)
        Logarithms of decay, angle and gain of each mode.
    """

    nu_log: FloatArray
    theta_log: FloatArray
    gamma_log: FloatArray

    own: ClassVar[tuple[str, ...]] = ("nu_log", "theta_log", "gamma_log")

    def recurrences(self, discretisation: Discretisation) -> tuple[Recurrence, ...]:
        """Return the recurrence, which is in discrete time already, whatever ``discretisation``."""
        a = np.exp(-np.exp(self.nu_log) + 1j * np.exp(self.theta_log))
        return self.directions(a, self.B * np.exp(self.gamma_log)[:, None])

    @classmethod
    def initial(
        cls,
        rng: np.random.Generator,
        sizes: Sizes,
        initialisation: str,
        dt_range: tuple[float, float],
    ) -> Self:
        """Return an untrained model on a ring of radii; it has no state matrix and no time step.

        Raises
        ------
        InputError
            It is to be bidirectional, which its authors' is not.
        """
        if sizes.bidirectional:
            raise InputError("model.bidirectional: linear recurrent units have one direction")
        h, p = sizes.width, sizes.state // 2
        low, high = RADII
        squares = low**2 + (high**2 - low**2) * rng.uniform(1e-9, 1 - 1e-9, p)
        nu = np.log(-0.5 * np.log(squares))
        return cls(
            B=complex_normal(rng, p, h) / math.sqrt(h),
            C=complex_normal(rng, h, p) * math.sqrt(2 / p),
            D=rng.standard_normal(h),
            C_reverse=None,
            nu_log=nu,
            theta_log=np.log(rng.uniform(0, 2 * np.pi, p)),
            gamma_log=0.5 * np.log1p(-np.exp(-2 * np.exp(nu))),
        )
