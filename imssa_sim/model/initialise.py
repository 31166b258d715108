"""Initial state matrices of S4D, and a randomly initialised network.

The four matrices are those of Gu et al. (arXiv 2206.11893, section 4); the distributions of the
other parameters are those of the authors' minimal implementation and of PyTorch's ``nn.Linear``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from imssa_sim.config.schema import ModelConfig
from imssa_sim.errors import InputError, nearest
from imssa_sim.model.network import (
    ComplexArray,
    Discretisation,
    FloatArray,
    Layer,
    Network,
    Norm,
    NormKind,
    NormPosition,
    S4DKernel,
)

Initialisation = Literal["lin", "inv", "legs", "real"]


def initial_A(kind: Initialisation, modes: int) -> ComplexArray:
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
        close = nearest(kind, _FORMS)
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"unknown initialisation '{kind}'{hint} (one of {', '.join(_FORMS)})")
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


def random_network(
    *,
    layers: int,
    width: int,
    state: int,
    inputs: int,
    classes: int,
    bidirectional: bool = False,
    norm: NormKind = "layer",
    norm_position: NormPosition = "post",
    discretisation: Discretisation = "zoh",
    initialisation: Initialisation = "legs",
    dt_range: tuple[float, float] = (1e-3, 1e-1),
    seed: int = 0,
) -> Network:
    """Return an untrained network.

    Parameters
    ----------
    layers, width, state, inputs, classes : int
        Depth, H, N (even), d_in and K.
    bidirectional, norm, norm_position, discretisation, initialisation
        As in the ``model`` section of a workload.
    dt_range : tuple of float
        log dt is uniform between the logarithms of these two, one draw per channel.
    seed : int
        Seed of all draws.

    Raises
    ------
    InputError
        A size is not positive, the state size is odd, or the range of dt is empty.
    """
    sizes = {"layers": layers, "width": width, "state": state, "inputs": inputs, "classes": classes}
    for name, value in sizes.items():
        if value < 1:
            raise InputError(f"model.{name} is {value}; it must be at least 1")
    if state % 2:
        raise InputError(
            f"model.state is {state}; it must be even, because each stored mode stands for a "
            f"conjugate pair (try {state + 1})"
        )
    low, high = dt_range
    if not 0 < low <= high:
        raise InputError(f"the range of dt is {low} to {high}; it must be positive and ascending")
    rng = np.random.default_rng(seed)
    A: ComplexArray = np.tile(initial_A(initialisation, state // 2), (width, 1))

    def linear(rows: int, columns: int) -> tuple[FloatArray, FloatArray]:
        bound = 1 / math.sqrt(columns)
        return rng.uniform(-bound, bound, (rows, columns)), rng.uniform(-bound, bound, rows)

    def complex_normal() -> ComplexArray:
        parts = rng.standard_normal((2, *A.shape)) * np.sqrt(0.5)
        return np.asarray(parts[0] + 1j * parts[1], dtype=np.complex128)

    def layer() -> Layer:
        kernel = S4DKernel(
            log_dt=rng.uniform(math.log(low), math.log(high), width),
            log_A_real=np.log(-A.real).astype(np.float64),
            A_imag=A.imag.copy(),
            C=complex_normal(),
            D=rng.standard_normal(width),
            C_reverse=complex_normal() if bidirectional else None,
        )
        weight, bias = linear(2 * width, width)
        return Layer(kernel, weight, bias, _initial_norm(norm, width))

    encoder_weight, encoder_bias = linear(width, inputs)
    blocks = tuple(layer() for _ in range(layers))
    decoder_weight, decoder_bias = linear(classes, width)
    return Network(
        encoder_weight=encoder_weight,
        encoder_bias=encoder_bias,
        layers=blocks,
        decoder_weight=decoder_weight,
        decoder_bias=decoder_bias,
        norm=norm,
        norm_position=norm_position,
        discretisation=discretisation,
    )


def _initial_norm(kind: NormKind, width: int) -> Norm | None:
    if kind == "none":
        return None
    batch = kind == "batch"
    return Norm(
        weight=np.ones(width),
        bias=np.zeros(width),
        running_mean=np.zeros(width) if batch else None,
        running_variance=np.ones(width) if batch else None,
    )


def network_of_config(
    model: ModelConfig, *, seed: int, dt_range: tuple[float, float] = (1e-3, 1e-1)
) -> Network:
    """Return an untrained network as a ``model`` section describes it; see `random_network`."""
    return random_network(
        layers=model.layers,
        width=model.width,
        state=model.state,
        inputs=model.inputs,
        classes=model.classes,
        bidirectional=model.bidirectional,
        norm=model.norm,
        norm_position=model.norm_position,
        discretisation=model.discretisation,
        initialisation=model.initialisation,
        dt_range=dt_range,
        seed=seed,
    )
