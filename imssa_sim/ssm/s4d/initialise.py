"""Initial state matrices of S4D (arXiv 2206.11893, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.registry import unknown
from imssa_sim.ssm.recurrence import ComplexArray


def initial_A(kind: str, modes: int) -> ComplexArray:
    """Diagonal of the state matrix of one channel.

    Parameters
    ----------
    kind : {"lin", "inv", "legs", "real"}
        S4D-Lin ``-1/2 + i pi n``; S4D-Inv ``-1/2 + i (N/pi) (N/(2n+1) - 1)``; S4D-LegS, the
        eigenvalues with positive imaginary part of the normal part of HiPPO-LegS, ascending;
        S4D-Real ``-(n+1)``.
    modes : int
        M, the number of stored modes; the real state size is N = 2 M.

    Returns
    -------
    array of complex128 (M,)

    Raises
    ------
    InputError
        The name is unknown.
    """
    form = _FORMS.get(kind)
    if form is None:
        raise unknown("initialisation", kind, _FORMS)
    return np.asarray(form(modes), dtype=np.complex128)


def _lin(modes: int) -> Any:
    return -0.5 + 1j * np.pi * np.arange(modes)


def _inv(modes: int) -> Any:
    size = 2 * modes
    return -0.5 + 1j * (size / np.pi) * (size / (2 * np.arange(modes) + 1) - 1)


def _legs(modes: int) -> Any:
    return -0.5 + 1j * _legs_frequencies(modes)


def _real(modes: int) -> Any:
    return -(np.arange(modes) + 1.0)


_FORMS: dict[str, Callable[[int], Any]] = {"lin": _lin, "inv": _inv, "legs": _legs, "real": _real}


def _legs_frequencies(modes: int) -> FloatArray:
    """Positive imaginary parts of the spectrum of HiPPO-LegS + P P^T, ascending, (M,).

    With A = -sqrt(2n+1) sqrt(2k+1) below the diagonal and -(n+1) on it, and P = sqrt(n + 1/2),
    A + P P^T = -I/2 + S with S real and skew-symmetric: i S is Hermitian and has the real
    eigenvalues ±omega.
    """
    p = np.sqrt(np.arange(2 * modes) + 0.5)
    lower = np.tril(-np.outer(p, p), -1)
    skew = lower - lower.T
    frequencies = np.linalg.eigvalsh(1j * skew)[modes:].astype(np.float64)
    return frequencies
