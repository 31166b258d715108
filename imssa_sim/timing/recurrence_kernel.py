"""Numba kernel of the max-plus recurrence. Imported only when it runs: it loads numba."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def sweep(
    times, first, last, output, output_node, order, delay, limit,
    offsets, source, weight, back, clamp, core_offsets, core_index,
):  # fmt: skip
    """Evaluate all occurrences of all events; times in ticks.

    ``times`` (window, V) holds the last iterations and starts at minus infinity; ``first``,
    ``last`` (V,) and ``output`` (occurrences of ``output_node``, or 0) are filled. Arcs lie in
    the order of evaluation, those into ``order[i]`` from ``offsets[i]`` on.
    """
    window, nodes = times.shape
    mask = window - 1
    iterations = 0
    inner_begin = 0  # from here on, until inner_end, every occurrence that is looked at exists
    inner_end = limit[0] + delay[0]
    for v in range(nodes):
        iterations = max(iterations, limit[v] + delay[v])
        inner_end = min(inner_end, limit[v] + delay[v])
        inner_begin = max(inner_begin, delay[v])
    inner_begin += window
    recorded = output.shape[0]
    for n in range(iterations):
        row = n & mask
        if inner_begin <= n < inner_end:
            for i in range(nodes):
                v = order[i]
                best = times.dtype.type(0)
                for j in range(core_offsets[i], core_offsets[i + 1]):
                    a = core_index[j]
                    value = times[(n - back[a]) & mask, source[a]] + weight[a]
                    best = max(best, value)
                times[row, v] = best
            if n == inner_end - 1:
                for v in range(nodes):
                    last[v] = times[row, v]
        else:
            for i in range(nodes):
                v = order[i]
                k = n - delay[v]
                if k < 0 or k >= limit[v]:
                    continue
                best = times.dtype.type(0)
                for a in range(offsets[i], offsets[i + 1]):
                    u = source[a]
                    earlier = n - back[a] - delay[u]
                    if earlier < 0:
                        continue
                    if earlier < limit[u]:
                        best = max(best, times[(n - back[a]) & mask, u] + weight[a])
                    elif clamp[a]:
                        best = max(best, last[u] + weight[a])
                times[row, v] = best
                last[v] = best
                if k == 0:
                    first[v] = best
        if recorded:
            k = n - delay[output_node]
            if 0 <= k < recorded:
                output[k] = times[row, output_node]
