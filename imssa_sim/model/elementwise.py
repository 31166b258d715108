"""Functions of activations in float, of each value or each token: GELU, GLU, norms and others."""

from __future__ import annotations

from collections.abc import Callable

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


def gelu_tanh(x: Values) -> Values:
    """Return GELU by its approximation with a hyperbolic tangent (the default of flax)."""
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    result: Values = (0.5 * x * (1 + np.tanh(inner))).astype(x.dtype, copy=False)
    return result


def sigmoid(x: Values) -> Values:
    """Return the logistic function."""
    from scipy.special import expit

    result: Values = expit(x)
    return result


def softplus(x: Values) -> Values:
    """Return ``log(1 + exp(x))``."""
    result: Values = np.logaddexp(x, x.dtype.type(0))
    return result


def log_softmax(x: Values) -> Values:
    """Return the logarithm of the softmax over the last axis."""
    from scipy.special import log_softmax as of_scipy

    result: Values = of_scipy(x, axis=-1)
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


FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "tanh": np.tanh,
    "silu": lambda x: np.asarray(x * sigmoid(x)),
    "sigmoid": sigmoid,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))).astype(x.dtype, copy=False),
    "softplus": softplus,
}
"""Functions of single values by the names that a network's composition has for them."""
