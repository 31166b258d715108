"""Equations of the programming error: how far a written conductance lies from its target.

Each class is one form that a cell card can name as its ``programming_form``; its fields are the
card's parameters ``programming_<field>``. All conductances in siemens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register

FloatArray = NDArray[np.float64]


@register("programming", "polynomial")
@dataclass(frozen=True)
class PolynomialError:
    """Gaussian error with σ = Σ c_i (G/G_ref)^i; a card where it is negative is refused.

    The form of Joshi et al. (Nat. Commun. 11, 2473, 2020, methods) and of the fits that follow it.

    Attributes
    ----------
    coefficients : tuple of float
        c_0, c_1, … [S].
    reference : float
        G_ref [S].
    """

    coefficients: tuple[float, ...] = parameter("conductance", shape="list")
    reference: float = parameter("conductance", low=0)

    def sigma(self, target: FloatArray) -> FloatArray:
        """Return the standard deviation [S] at ``target`` [S], of the same shape."""
        return polynomial(target / self.reference, self.coefficients)

    def error(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the deviation from ``target`` [S] that the standard normals give."""
        return self.sigma(target) * normals


@register("programming", "constant")
@dataclass(frozen=True)
class ConstantError:
    """Gaussian error of the same σ at all conductances.

    Attributes
    ----------
    sigma_g : float
        Standard deviation [S].
    """

    sigma_g: float = parameter("conductance", low=0)

    def sigma(self, target: FloatArray) -> FloatArray:
        """Return the standard deviation [S] at ``target`` [S], of the same shape."""
        return np.full(target.shape, self.sigma_g)

    def error(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the deviation from ``target`` [S] that the standard normals give."""
        return self.sigma_g * normals


@register("programming", "saturating")
@dataclass(frozen=True)
class SaturatingError:
    """Gaussian error with σ = a·(1 - exp(-G/b)): none at zero, the same at large conductances.

    Charge-trapping cells, whose off state is far below what write-verify resolves (Agrawal et al.,
    IEDM 2022; the coefficients are those of their authors' model code).

    Attributes
    ----------
    amplitude, scale : float
        a and b [S].
    """

    amplitude: float = parameter("conductance", low=0)
    scale: float = parameter("conductance", low=0)

    def sigma(self, target: FloatArray) -> FloatArray:
        """Return the standard deviation [S] at ``target`` [S], of the same shape."""
        return saturating(target, self.amplitude, self.scale)

    def error(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the deviation from ``target`` [S] that the standard normals give."""
        return self.sigma(target) * normals


@register("programming", "window")
@dataclass(frozen=True)
class WindowError:
    """Error uniform within the acceptance window of a write-verify loop.

    Attributes
    ----------
    half_width : float
        The loop accepts ``|G - target| <= half_width`` [S].
    """

    half_width: float = parameter("conductance", low=0)

    def sigma(self, target: FloatArray) -> FloatArray:
        """Return the standard deviation [S] at ``target`` [S], of the same shape."""
        return np.full(target.shape, self.half_width / 3.0**0.5)

    def error(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the deviation from ``target`` [S]: ``half_width * (2 Φ(normal) - 1)``."""
        from scipy.special import ndtr

        return np.asarray(self.half_width * (2.0 * ndtr(normals) - 1.0))


def polynomial(x: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
    """Return Σ c_i x^i by Horner's rule."""
    value = np.zeros(np.shape(x))
    for c in reversed(coefficients):
        value = value * x + c
    return value


def saturating(conductance: FloatArray, amplitude: float, scale: float) -> FloatArray:
    """Return ``amplitude * (1 - exp(-conductance / scale))``."""
    return np.asarray(-amplitude * np.expm1(-conductance / scale))
