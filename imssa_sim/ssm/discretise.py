"""Discretisation of diagonal state-space models (arXiv 2206.11893, section 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.registry import unknown
from imssa_sim.ssm.recurrence import ComplexArray

Discretisation = Literal["zoh", "bilinear", "dss"]


def zero_order_hold(
    A: ComplexArray, B: ComplexArray, dt: FloatArray
) -> tuple[ComplexArray, ComplexArray]:
    """Zero-order hold: ``exp(dt A)`` and ``B (exp(dt A) - 1) / A``.

    Parameters
    ----------
    A, B : complex array (H, M)
        Diagonal state matrix and input weights.
    dt : array (H,)
        Time step per channel.
    """
    product = dt[:, None] * A
    return np.exp(product), B * np.expm1(product) / A


def bilinear(A: ComplexArray, B: ComplexArray, dt: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """Bilinear (Tustin) rule: ``(1 + dt A/2) / (1 - dt A/2)`` and ``dt B / (1 - dt A/2)``.

    Parameters as for `zero_order_hold`.
    """
    half = dt[:, None] * A / 2
    return (1 + half) / (1 - half), dt[:, None] * B / (1 - half)


Rule = Callable[[ComplexArray, ComplexArray, FloatArray], tuple[ComplexArray, ComplexArray]]
_RULES: dict[str, Rule] = {"zoh": zero_order_hold, "bilinear": bilinear}


def rule(method: Discretisation) -> Rule:
    """Return the function of A, B and dt that gives the discrete A and B.

    Raises
    ------
    InputError
        The method is neither ``zoh`` nor ``bilinear``.
    """
    found = _RULES.get(method)
    if found is None:
        raise unknown("discretisation", method, _RULES)
    return found
