from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.signal import cont2discrete

from imssa_sim.errors import InputError
from imssa_sim.ssm.s4d.initialise import initial_A
from imssa_sim.ssm.s4d.kernel import S4DKernel


def real_block(value: complex) -> np.ndarray:
    """The real 2x2 matrix that multiplies (Re x, Im x) as ``value`` multiplies x."""
    return np.array([[value.real, -value.imag], [value.imag, value.real]])


def make_kernel(rng: np.random.Generator, kind: str, modes: int, with_B: bool) -> S4DKernel:
    channels = 3
    A = np.tile(initial_A(kind, modes), (channels, 1))
    B = rng.normal(size=A.shape) + 1j * rng.normal(size=A.shape)
    return S4DKernel(
        log_dt=rng.uniform(np.log(1e-3), np.log(0.3), channels),
        log_A_real=np.log(-A.real),
        A_imag=A.imag,
        C=np.ones(A.shape, dtype=complex),
        D=np.zeros(channels),
        B=B if with_B else None,
    )


@pytest.mark.parametrize("method", ["zoh", "bilinear"])
@pytest.mark.parametrize("kind", ["lin", "inv", "legs", "real"])
@pytest.mark.parametrize("with_B", [False, True])
def test_agrees_with_scipy_on_the_real_block_form(method: str, kind: str, with_B: bool) -> None:
    rng = np.random.default_rng(7)
    modes = 5
    kernel = make_kernel(rng, kind, modes, with_B)
    a, b = kernel.discrete(method)  # type: ignore[arg-type]
    for h in range(kernel.channels):
        A = block_diag(*(real_block(v) for v in kernel.A[h]))
        B = np.stack([kernel.input_weights[h].real, kernel.input_weights[h].imag], 1).reshape(-1, 1)
        zero = np.zeros((1, 2 * modes))
        Ad, Bd, *_ = cont2discrete((A, B, zero, np.zeros((1, 1))), kernel.dt[h], method=method)
        np.testing.assert_allclose(block_diag(*(real_block(v) for v in a[h])), Ad, atol=1e-11)
        np.testing.assert_allclose(
            np.stack([b[h].real, b[h].imag], 1).reshape(-1, 1), Bd, rtol=1e-9, atol=1e-13
        )


def test_both_rules_tend_to_euler_for_small_steps() -> None:
    rng = np.random.default_rng(3)
    kernel = make_kernel(rng, "lin", 4, True)
    tiny = S4DKernel(
        log_dt=np.full(3, np.log(1e-9)),
        log_A_real=kernel.log_A_real,
        A_imag=kernel.A_imag,
        C=kernel.C,
        D=kernel.D,
        B=kernel.B,
    )
    for method in ("zoh", "bilinear"):
        a, b = tiny.discrete(method)  # type: ignore[arg-type]
        np.testing.assert_allclose((a - 1) / 1e-9, tiny.A, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(b / 1e-9, tiny.input_weights, rtol=1e-7)


def test_unknown_method_names_the_nearest() -> None:
    kernel = make_kernel(np.random.default_rng(0), "lin", 2, False)
    with pytest.raises(InputError, match="did you mean 'bilinear'"):
        kernel.discrete("bilinaer")  # type: ignore[arg-type]
