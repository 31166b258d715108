"""The benchmarks say which BLAS ran, and give NumPy as many workers as the kernels have threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def blas(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(FOLDER))
    import kernel_blas

    yield kernel_blas
    sys.modules.pop("kernel_blas", None)


def test_the_kernel_is_named_and_what_chose_it(blas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in blas.CHOSEN:
        monkeypatch.delenv(name, raising=False)
    np.ones((4, 4)) @ np.ones((4, 4))
    plain = blas.described()
    assert plain.startswith("BLAS: ")
    assert "chosen by" not in plain
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert (
        blas.described() == f"{plain} (chosen by OPENBLAS_CORETYPE=Haswell, not by the processor)"
    )


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_shares_make_up_the_whole_on_threads_of_their_own(blas: Any, parts: int) -> None:
    rng = np.random.default_rng(0)
    v, w = rng.normal(size=(7, 3, 4)), rng.normal(size=(7, 4, 4))
    threads = set()
    meet = threading.Barrier(parts, timeout=30)

    def product(a: np.ndarray, b: np.ndarray, nothing: None) -> np.ndarray:
        threads.add(threading.get_ident())
        meet.wait()
        assert nothing is None
        return a @ b

    found = np.concatenate(blas.side_by_side(product, parts, v, w, None))
    np.testing.assert_allclose(found, v @ w)
    assert len(threads) == parts
