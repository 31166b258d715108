"""Kernels of the S4 authors' general block: stored parameters and the transforms behind them.

Transforms of real and imaginary parts and of the time step, and the hyperbolic sine of ``dt_fast``:
``models/s4/s4.py`` of state-spaces/s4 (commit e757cef). Which ones a network has, its file does not
say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from imssa_sim.foreign.parts import Parts
from imssa_sim.foreign.reading import Choices, MisfitError, Options
from imssa_sim.model.elementwise import sigmoid, softplus
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.registry import unknown
from imssa_sim.ssm.interface import StateSpaceModel
from imssa_sim.ssm.recurrence import ComplexArray
from imssa_sim.ssm.s4block.kernel import BlockKernel

_RELU_FLOOR = 1e-4
"""What the authors add to a rectified parameter."""
Transform = Callable[[FloatArray], Any]
TRANSFORMS: dict[str, Transform] = {
    "exp": np.exp,
    "none": lambda p: p,
    "relu": lambda p: np.maximum(p, 0) + _RELU_FLOOR,
    "sigmoid": sigmoid,
    "softplus": softplus,
}
_RATES = (1.0, 0.5, 2.0, 0.25, 4.0)
"""Factors of the time step that a check tries."""


def block_options(parts: Parts, copies: int) -> tuple[Choices, Choices]:
    """Return what the general block leaves open, and what is usually so."""
    names = tuple(TRANSFORMS)
    usual: Choices = {
        "real_transform": names,
        "imag_transform": ("none", *(name for name in names if name != "none")),
        "dt_transform": names,
        "dt_fast": (False, True),
        "rate": _RATES,
        "bandlimit": (None,),
    }
    if copies > 1:
        usual["swap_channels"] = (False, True)
    return {"discretisation": ("zoh", "bilinear", "dss")}, usual


def block_kernel(parts: Parts, path: str) -> tuple[Callable[[Options], StateSpaceModel], int, int]:
    """Take a layer's kernel; return what makes it of options, its channels, and its outputs.

    Raises
    ------
    MisfitError
        Arrays are missing, or do not fit each other.
    """
    own = f"{path}kernel."
    stored_real = parts.take(f"{own}A_real", None, None)
    sets, modes = stored_real.shape
    real = f"{own}A_imag" not in parts
    stored_imag = np.zeros(stored_real.shape)
    if not real:
        stored_imag = parts.take(f"{own}A_imag", sets, modes)
    D = parts.take(f"{path}D", None, None)
    copies, width = D.shape
    if width % sets:
        raise MisfitError(f"'{own}A_real' has {sets} sets of modes for {width} channels")
    C = _weights(parts, f"{own}C", real, width, modes)
    B = _weights(parts, f"{own}B", real, sets, modes)
    if len(C) not in (copies, 2 * copies) or len(B) != 1:
        raise MisfitError(f"'{own}C' has {len(C)} kernels for each channel, '{path}D' {copies}")
    steps = np.asarray(parts.left.pop(f"{own}inv_dt", np.zeros(0)))
    if steps.shape not in ((width, 1), (width,), (width, modes)):
        raise MisfitError(
            f"'{own}inv_dt' has shape {steps.shape}, not ({width}, 1) or ({width}, {modes})"
        )
    inv_dt = np.broadcast_to(steps.reshape(width, -1), (width, modes))
    repeats = width // sets

    def make(options: Options) -> StateSpaceModel:
        re, im, dt = (_transform(options, f"{name}_transform") for name in ("real", "imag", "dt"))
        parts_of_A = -re(stored_real), np.zeros(stored_real.shape) if real else -im(stored_imag)
        A = np.tile(parts_of_A[0] + 1j * parts_of_A[1], (repeats, 1))
        base = dt(np.sinh(inv_dt) if options["dt_fast"] else inv_dt)
        weights = C
        if options["bandlimit"] is not None:
            frequency = base * np.abs(A.imag) / (2 * math.pi)
            weights = C * (frequency < float(options["bandlimit"]) / 2)
        flat = weights.reshape(-1, modes)
        kernels = copies * width
        return BlockKernel(
            A=A,
            B=np.tile(B[0], (repeats, 1)),
            dt=np.array(base * float(options["rate"])),
            C=flat[:kernels],
            D=D.reshape(-1),
            C_reverse=flat[kernels:] if len(C) > copies else None,
            real_modes=real,
        )

    return make, width, copies * width


def _transform(options: Options, name: str) -> Transform:
    called = options[name]
    if called not in TRANSFORMS:
        raise unknown(f"model.{name}", called, TRANSFORMS)
    return TRANSFORMS[called]


def _weights(parts: Parts, name: str, real: bool, width: int, modes: int) -> ComplexArray:
    """Return output or input weights (…, width, modes), complex."""
    if real:
        return parts.take(name, None, width, modes).astype(np.complex128)
    return parts.take_complex(name, None, width, modes)
