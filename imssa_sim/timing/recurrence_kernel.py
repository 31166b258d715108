"""Numba kernel of the max-plus recurrence. Imported only when it runs: it loads numba."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imssa_sim.compiled.decorator import compiled_loop

IntArray = NDArray[np.int64]
Places = NDArray[np.uint64]


@compiled_loop()
def sweep_edges(
    times: IntArray, mask: int, stride: int, early: IntArray, last: IntArray, begin: int, end: int,
    order: IntArray, delay: IntArray, limit: IntArray,
    offsets: IntArray, source: IntArray, weight: IntArray, back: IntArray, clamp: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Evaluate iterations ``begin`` to ``end`` with a check of every index; times in ticks.

    ``times`` is a ring of ``(mask + 1) / stride`` iterations with one place per event.
    ``early`` (tokens, V) keeps each event's first occurrences, ``last`` (V,) the latest. Arcs lie
    in the order of evaluation, those into ``order[i]`` from ``offsets[i]`` on.
    """
    for n in range(begin, end):
        for i in range(order.shape[0]):
            v = order[i]
            k = n - delay[v]
            if k < 0 or k >= limit[v]:
                continue
            best = 0
            for a in range(offsets[i], offsets[i + 1]):
                u = source[a]
                earlier = n - back[a] - delay[u]
                if earlier < 0:
                    continue
                if earlier < limit[u]:
                    best = max(best, times[((n - back[a]) * stride + u) & mask] + weight[a])
                elif clamp[a]:
                    best = max(best, last[u] + weight[a])
            times[(n * stride + v) & mask] = best
            last[v] = best
            if k < early.shape[0]:
                early[k, v] = best


@compiled_loop()
def sweep_inner(
    times: IntArray, mask: int, stride: int, begin: int, end: int,
    target: Places, a_place: Places, a_weight: IntArray, b_place: Places, b_weight: IntArray,
    output: IntArray, output_place: int, output_first: int,
) -> None:  # fmt: skip
    """Evaluate iterations in which every occurrence that is looked at exists; times in ticks.

    Step j sets event ``target[j]`` to ``max(x[a] + a_weight, x[b] + b_weight)``; places are
    relative to the iteration's own, and unsigned: an index that cannot be negative needs no test.
    ``output`` (or an empty array) takes the times of one event.
    """
    steps = target.shape[0]
    ring = np.uint64(mask)
    recording = output.shape[0] > 0
    for n in range(begin, end):
        base = np.uint64(n * stride)
        for j in range(steps):
            a = times[(base + a_place[j]) & ring] + a_weight[j]
            b = times[(base + b_place[j]) & ring] + b_weight[j]
            times[(base + target[j]) & ring] = max(a, b)
        if recording:
            output[n - output_first] = times[(n * stride + output_place) & mask]


@compiled_loop()
def sweep_to_period(
    times: IntArray, mask: int, stride: int, nodes: int, begin: int, end: int,
    target: Places, a_place: Places, a_weight: IntArray, b_place: Places, b_weight: IntArray,
    anchor: IntArray,
) -> tuple[int, int, int]:  # fmt: skip
    """Evaluate iterations until the window repeats, shifted in time; at most up to ``end``.

    ``anchor`` (window, V) is work space: a past window, its latest iteration first; as many
    iterations as all that a later one looks back to. Following Brent (1980) it is renewed after
    1, 2, 4, … iterations. Returns the next iteration, the period in iterations (0: none found)
    and in ticks.
    """
    none = times[:0]
    window = anchor.shape[0]
    power, length = 1, 0
    for w in range(window):
        for v in range(nodes):
            anchor[w, v] = times[((begin - 1 - w) * stride + v) & mask]
    for n in range(begin, end):
        sweep_inner(
            times, mask, stride, n, n + 1, target, a_place, a_weight, b_place, b_weight, none, 0, 0
        )
        length += 1
        shift = times[(n * stride) & mask] - anchor[0, 0]
        same = True
        for w in range(window):
            base = (n - w) * stride
            for v in range(nodes):
                if times[(base + v) & mask] - anchor[w, v] != shift:
                    same = False
                    break
            if not same:
                break
        if same:
            return n + 1, length, shift
        if length == power:
            power *= 2
            length = 0
            for w in range(window):
                for v in range(nodes):
                    anchor[w, v] = times[((n - w) * stride + v) & mask]
    return end, 0, 0
