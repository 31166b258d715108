"""Functions of activations in float, of each value or each token: GELU, GLU, normalisation."""

from __future__ import annotations

import numpy as np

from imssa_sim.model.network import Norm
from imssa_sim.ssm.evaluate import Values


def gelu(x: Values) -> Values:
    """Return ``x Phi(x)`` with the normal distribution function (PyTorch's default).

    In single precision Phi is Abramowitz and Stegun's 7.1.26, |error| <= 1.5e-7 in the error
    function: vector operations throughout, in a fifth of the time of the exact function.
    """
    if x.dtype != np.float32:
        from scipy.special import ndtr

        exact: Values = x * ndtr(x)
        return exact
    one = np.float32(1)
    size = np.abs(x)
    t = one / (one + np.float32(0.3275911 * 0.5**0.5) * size)
    tail = np.float32(1.061405429) * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        tail += np.float32(coefficient)
        tail *= t
    exponent = size * size
    exponent *= np.float32(-0.5)
    tail *= np.exp(exponent, out=exponent)  # erfc(|x| / sqrt 2)
    tail *= np.float32(0.5) * size
    result: Values = np.maximum(x, np.float32(0)) - tail
    return result


def glu(z: Values) -> Values:
    """Gated linear unit over the last axis: first half times the logistic of the second."""
    half = z.shape[-1] // 2
    result: Values
    if z.dtype != np.float32:
        from scipy.special import expit

        result = z[..., :half] * expit(z[..., half:])
        return result
    result = np.tanh(z[..., half:] * np.float32(0.5))  # vectorised, unlike the logistic function
    result += np.float32(1)
    result *= np.float32(0.5)
    result *= z[..., :half]
    return result


def normalise(norm: Norm, v: Values) -> Values:
    """Normalise the last axis (H): layer norm, or batch norm with its stored statistics."""
    if norm.running_mean is not None and norm.running_variance is not None:
        scale = norm.weight / np.sqrt(norm.running_variance + norm.epsilon)
        shifted: Values = (v - norm.running_mean) * scale + norm.bias
        return shifted
    centred = v - v.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    result: Values = centred / np.sqrt(variance + norm.epsilon) * norm.weight + norm.bias
    return result
