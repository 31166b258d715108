"""Equations of the programming error: how far a written conductance lies from its target.

Each class is one form that a cell card can name as its ``programming_form``; its fields are the
card's parameters ``programming_<field>``. All conductances in siemens.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Biased:
    """What all forms may state of the mean: what is written lies at G·(1 + gain) + offset.

    Attributes
    ----------
    gain : float
        Relative to the target.
    offset : float
        [S]
    """

    gain: float = parameter(default=0.0)
    offset: float = parameter("conductance", default=0.0)

    def bias(self, target: FloatArray) -> FloatArray:
        """Return the mean deviation from ``target`` [S]."""
        return self.gain * target + self.offset


@register("programming", "polynomial")
@dataclass(frozen=True)
class PolynomialError(Biased):
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
        return self.bias(target) + self.sigma(target) * normals


@register("programming", "constant")
@dataclass(frozen=True)
class ConstantError(Biased):
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
        return self.bias(target) + self.sigma_g * normals


@register("programming", "saturating")
@dataclass(frozen=True)
class SaturatingError(Biased):
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
        return self.bias(target) + self.sigma(target) * normals


@register("programming", "window")
@dataclass(frozen=True)
class WindowError(Biased):
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

        return self.bias(target) + self.half_width * (2.0 * ndtr(normals) - 1.0)


@register("programming", "interpolated")
@dataclass(frozen=True)
class InterpolatedError(Biased):
    """Gaussian error whose σ is tabulated: linear between targets, constant beyond the table.

    Attributes
    ----------
    targets : tuple of float
        Ascending [S].
    sigmas : tuple of float
        σ at each of them [S].
    biases : tuple of float
        Mean deviation at each of them, on top of gain and offset [S]; none by default.
    """

    targets: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    sigmas: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    biases: tuple[float, ...] = parameter("conductance", shape="list", default=())

    def __post_init__(self) -> None:
        check_table("programming", self.targets, sigmas=self.sigmas)
        if self.biases:
            check_table("programming", self.targets, biases=self.biases)

    def bias(self, target: FloatArray) -> FloatArray:
        """Return the mean deviation from ``target`` [S]."""
        table = np.interp(target, self.targets, self.biases) if self.biases else 0.0
        return super().bias(target) + table

    def sigma(self, target: FloatArray) -> FloatArray:
        """Return the standard deviation [S] at ``target`` [S], of the same shape."""
        return np.asarray(np.interp(target, self.targets, self.sigmas))

    def error(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the deviation from ``target`` [S] that the standard normals give."""
        return self.bias(target) + self.sigma(target) * normals


def check_table(aspect: str, targets: tuple[float, ...], **columns: tuple[float, ...]) -> None:
    """Refuse a table whose targets do not ascend, or whose columns differ in length.

    Raises
    ------
    ValueError
    """
    if any(a >= b for a, b in pairwise(targets)):
        raise ValueError(f"{aspect}_targets must ascend")
    for name, column in columns.items():
        if len(column) != len(targets):
            raise ValueError(f"{aspect}_targets and {aspect}_{name} differ in length")


def polynomial(x: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
    """Return Σ c_i x^i by Horner's rule."""
    value = np.zeros(np.shape(x))
    for c in reversed(coefficients):
        value = value * x + c
    return value


def saturating(conductance: FloatArray, amplitude: float, scale: float) -> FloatArray:
    """Return ``amplitude * (1 - exp(-conductance / scale))``."""
    return np.asarray(-amplitude * np.expm1(-conductance / scale))
