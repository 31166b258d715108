"""Discretisation of diagonal state-space models (arXiv 2206.11893, section 2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imssa_sim.errors import InputError, nearest
from imssa_sim.model.network import ComplexArray, Discretisation, FloatArray, S4DKernel


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


def discretise(kernel: S4DKernel, method: Discretisation) -> tuple[ComplexArray, ComplexArray]:
    """Return the discrete A and B, complex (H, M), of ``x_k = A x_(k-1) + B u_k``.

    Raises
    ------
    InputError
        The method is neither ``zoh`` nor ``bilinear``.
    """
    rule = _RULES.get(method)
    if rule is None:
        close = nearest(method, _RULES)
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"unknown discretisation '{method}'{hint} (one of {', '.join(_RULES)})")
    return rule(kernel.A, kernel.input_weights, kernel.dt)


_Rule = Callable[[ComplexArray, ComplexArray, FloatArray], tuple[ComplexArray, ComplexArray]]
_RULES: dict[str, _Rule] = {"zoh": zero_order_hold, "bilinear": bilinear}
