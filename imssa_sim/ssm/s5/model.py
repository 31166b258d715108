"""Parameters of S5's models (arXiv 2208.04933; lindermanlab/S5, ``s5/ssm.py``)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.dense import DenseModel, complex_normal
from imssa_sim.ssm.discretise import Discretisation, rule
from imssa_sim.ssm.interface import Sizes
from imssa_sim.ssm.recurrence import Recurrence
from imssa_sim.ssm.s4d.initialise import initial_A


@dataclass(frozen=True)
class S5Model(DenseModel):
    """S5 in continuous time: Λ and a time step for each of P modes.

    C holds the factor 2 where modes stand for conjugate pairs.

    Attributes
    ----------
    Lambda_re, Lambda_im : array (P,)
        Diagonal of the state matrix.
    log_step : array (P,)
        Natural logarithm of the time step.
    """

    Lambda_re: FloatArray
    Lambda_im: FloatArray
    log_step: FloatArray

    own: ClassVar[tuple[str, ...]] = ("Lambda_re", "Lambda_im", "log_step")

    def recurrences(self, discretisation: Discretisation) -> tuple[Recurrence, ...]:
        """Return the recurrence in discrete time: causal, then anticausal where there is one."""
        A = (self.Lambda_re + 1j * self.Lambda_im)[:, None]
        a, b = rule(discretisation)(A, self.B, np.exp(self.log_step))
        return self.directions(a[:, 0], b)

    @classmethod
    def initial(
        cls,
        rng: np.random.Generator,
        sizes: Sizes,
        initialisation: str,
        dt_range: tuple[float, float],
    ) -> Self:
        """Return an untrained model: Λ as S4D's A, B and C complex normal, dt log-uniform."""
        h, p = sizes.width, sizes.state // 2
        A = initial_A(initialisation, p)
        low, high = (math.log(t) for t in dt_range)
        return cls(
            B=complex_normal(rng, p, h) / math.sqrt(h),
            C=2 * complex_normal(rng, h, p) / math.sqrt(2 * p),
            D=rng.standard_normal(h),
            C_reverse=2 * complex_normal(rng, h, p) / math.sqrt(2 * p)
            if sizes.bidirectional
            else None,
            Lambda_re=A.real.copy(),
            Lambda_im=A.imag.copy(),
            log_step=rng.uniform(low, high, p),
        )
