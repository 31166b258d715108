"""Which BLAS NumPy uses here, and how it gets as many processors as the kernels."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

CHOSEN = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Variables that make OpenBLAS take other kernels than those of the processor."""


def described() -> str:
    """Return library, version and kernel of NumPy's BLAS, and what chose it other than itself."""
    found = [
        f"{info['internal_api']} {info['version']}, kernel {info.get('architecture', 'unknown')}"
        for info in threadpool_info()
        if info["user_api"] == "blas"
    ]
    forced = [f"{name}={os.environ[name]}" for name in CHOSEN if name in os.environ]
    text = f"BLAS: {'; '.join(found) or 'unknown'}"
    return text + (f" (chosen by {', '.join(forced)}, not by the processor)" if forced else "")


def side_by_side(
    function: Callable[..., np.ndarray], parts: int, *arrays: np.ndarray | None
) -> list[np.ndarray]:
    """Call ``function`` on ``parts`` shares of arrays' first axis, a thread and a BLAS thread each.

    NumPy multiplies stacks of small matrices on one processor; so a careful user gives each
    processor a part of the stack.
    """
    bounds = np.linspace(0, next(len(a) for a in arrays if a is not None), parts + 1).astype(int)
    shares = [
        [None if a is None else a[first:last] for a in arrays] for first, last in pairwise(bounds)
    ]
    with threadpool_limits(1, "blas"):
        if parts == 1:
            return [function(*shares[0])]
        with ThreadPoolExecutor(parts) as pool:
            return list(pool.map(lambda share: function(*share), shares))
