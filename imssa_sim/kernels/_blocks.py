"""Blocks of samples that go through a kernel side by side, and the copies there and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._lanes import HALF, WIDTH
from imssa_sim.kernels.ops import LANES, entry, take_next

STRETCH = 32  # steps that are copied at a time
ALONE = 5  # up to so many left-over samples run one by one: 16 abreast take as long
FEW = 15  # the same where there is no block of 16: 32 abreast
WORTH = 1 << 19
"""Reads of left-over samples from which a block of 16 is used: its loop is one more to compile."""


class Plan(NamedTuple):
    """Blocks of samples, with their places on an axis of padded samples."""

    place: NDArray[np.int64]
    width: NDArray[np.int64]  # 32, 16 or 1
    first: NDArray[np.int64]  # first sample
    valid: NDArray[np.int64]  # samples


def make_plan(samples: int, reads: int) -> Plan:
    """Cut a batch into blocks of 32 samples, its rest into one of 32 or 16 and single ones.

    ``reads`` are those of one sample: the width of a block is only a matter of time.
    """
    whole, rest = divmod(samples, WIDTH)
    valid = [WIDTH] * whole
    width = [WIDTH] * whole
    halves = rest * reads >= WORTH
    if rest > (HALF + ALONE if halves else FEW):
        valid.append(rest)
        width.append(WIDTH)
        rest = 0
    elif halves and rest > ALONE:
        valid.append(min(rest, HALF))
        width.append(HALF)
        rest -= valid[-1]
    valid += [1] * rest
    width += [1] * rest
    ends = np.cumsum(width)
    firsts = np.cumsum(valid)
    return Plan(
        place=(ends - width).astype(np.int64),
        width=np.array(width, dtype=np.int64),
        first=(firsts - valid).astype(np.int64),
        valid=np.array(valid, dtype=np.int64),
    )


@entry
def to_blocks(
    values: NDArray[np.int16], plan: Plan, out: NDArray[np.int16], counter: NDArray[np.int64]
) -> None:
    """Copy blocks of (B, L, H) into their places as (H, L, width), absent samples as 0.

    ``counter`` gives out the blocks' stretches of steps.
    """
    _, steps, channels = values.shape
    stretches = (steps + STRETCH - 1) // STRETCH
    item = take_next(counter)
    while item < stretches * plan.width.shape[0]:
        block = item // stretches
        start = (item - block * stretches) * STRETCH
        stop = min(start + STRETCH, steps)
        width, base = plan.width[block], plan.place[block] * steps * channels
        first = plan.first[block]
        if width == 1:  # steps lie side by side, not samples
            for h in range(channels):
                for k in range(start, stop):
                    out[base + h * steps + k] = values[first, k, h]
        else:
            for k in range(start, stop):
                for h0 in range(0, channels, LANES):
                    for b in range(plan.valid[block]):
                        for h in range(h0, min(h0 + LANES, channels)):
                            at = base + (h * steps + k) * width + b
                            out[at] = values[first + b, k, h]
        item = take_next(counter)


@entry
def from_blocks(
    values: NDArray[np.int32], plan: Plan, out: NDArray[Any], counter: NDArray[np.int64]
) -> None:
    """The way back: (H, L, width) of the blocks into (B, L, H)."""
    _, steps, channels = out.shape
    stretches = (steps + STRETCH - 1) // STRETCH
    item = take_next(counter)
    while item < stretches * plan.width.shape[0]:
        block = item // stretches
        start = (item - block * stretches) * STRETCH
        stop = min(start + STRETCH, steps)
        width, base = plan.width[block], plan.place[block] * steps * channels
        first = plan.first[block]
        if width == 1:
            for h in range(channels):
                for k in range(start, stop):
                    out[first, k, h] = values[base + h * steps + k]
        else:
            for k in range(start, stop):
                for h0 in range(0, channels, LANES):
                    for b in range(plan.valid[block]):
                        for h in range(h0, min(h0 + LANES, channels)):
                            at = base + (h * steps + k) * width + b
                            out[first + b, k, h] = values[at]
        item = take_next(counter)
