"""Labels that are values: the targets of a regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.data.lengths import true_steps
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def targets_of(
    raw: Mapping[str, NDArray[Any]],
    outputs: int,
    steps: int,
    where: str,
    lengths: Mapping[str, NDArray[np.int64]] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the targets of each part, one for each sequence or one for each step.

    Parameters
    ----------
    raw : mapping
        Of the parts ``train``, ``test`` and, if there is one, ``validation``: (n, outputs), or
        (n, steps, outputs) with a target for each step; of a single output also without the last
        axis.
    outputs : int
        Values of a target.
    steps : int
        Of the sequences.
    where : str
        For messages.
    lengths : mapping of int64 arrays (n,), optional
        Steps of each sequence, where there is padding behind them; its targets become zero.

    Returns
    -------
    dict of float64 arrays (n, outputs) or (n, steps, outputs)

    Raises
    ------
    InputError
        Targets are no numbers, not finite, or of another shape; some parts have one for each step,
        others not.
    """
    found = {
        part: _shaped(values, outputs, steps, f"{where}: y_{part}", (lengths or {}).get(part))
        for part, values in raw.items()
    }
    axes = {part: values.ndim for part, values in found.items()}
    if len(set(axes.values())) > 1:
        each = [f"y_{part}" for part, count in axes.items() if count == 3]
        raise InputError(
            f"{where}: {', '.join(each)} has a target for each step, other parts one for each "
            "sequence"
        )
    return found


def _shaped(
    values: NDArray[Any], outputs: int, steps: int, where: str, lengths: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    if values.dtype.kind not in "biuf":
        raise InputError(
            f"{where} is of type {values.dtype}; with model.task: regression labels are numbers"
        )
    per_sequence, per_step = (outputs,), (steps, outputs)
    shape = values.shape[1:]
    if outputs == 1 and shape in ((), (steps,)):
        shape = (*shape, 1)
    if shape not in (per_sequence, per_step):
        count = len(values)
        raise InputError(
            f"{where} has the shape {values.shape}; with model.outputs: {outputs} it needs "
            f"({count}, {outputs}), or ({count}, {steps}, {outputs}) with a target for each step"
        )
    with np.errstate(over="ignore"):
        targets = values.reshape(len(values), *shape).astype(np.float64)
    if lengths is not None and targets.ndim == 3:
        targets[~true_steps(lengths, steps)] = 0
    broken = np.argwhere(~np.isfinite(targets))
    if broken.size:
        place = tuple(int(i) for i in broken[0])
        names = ("sequence", "step", "output") if targets.ndim == 3 else ("sequence", "output")
        at = ", ".join(f"{name} {i}" for name, i in zip(names, place, strict=True))
        raise InputError(
            f"{where}: {targets[place]} at {at} (counted from 0) is no finite number; leave such "
            "sequences out"
        )
    return targets
