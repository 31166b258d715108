"""Node voltages of a sparse network of resistors, for many currents at once.

Nodes are eliminated one after the other, always one with the fewest neighbours: a star of
conductances becomes the mesh between its ends. Conductances are kept as branches, not as a nodal
matrix: everything is then a sum of products of positive numbers, and the smallest voltage has as
many valid digits as the largest, whatever the ratio of the conductances.
"""

from __future__ import annotations

import numpy as np

from imssa_sim.compiled.decorator import compiled_loop


@compiled_loop(nogil=True, error_model="numpy")
def solve_resistors(first, second, value, ground, nodes):  # type: ignore[no-untyped-def]
    """Turn currents into ``nodes`` (N, M) [A] into the voltages of the nodes against ground [V].

    first, second (B,) int64: ends of the branches; value (B,): their conductances [S], branches of
    none do not count. ground (N,): from a node to ground [S]; from every node some way leads there.
    """
    size, drives = nodes.shape
    links = np.zeros((size, size))
    near = np.empty((size, size), np.int32)
    degree = np.zeros(size, np.int64)
    earth = ground.copy()
    for k in range(first.size):
        if value[k] > 0:
            _join(links, near, degree, first[k], second[k], value[k])
    order = np.empty(size, np.int64)
    rest = np.arange(size)
    share = np.empty(size)
    total = np.empty(size)
    for step in range(size):
        at = step
        for k in range(step + 1, size):
            if degree[rest[k]] < degree[rest[at]]:
                at = k
        node = rest[at]
        rest[at] = rest[step]
        order[step] = node
        count = degree[node]
        whole = earth[node]
        for k in range(count):
            whole += links[node, near[node, k]]
        total[node] = whole
        for k in range(count):
            end = near[node, k]
            share[k] = links[node, end] / whole
            earth[end] += earth[node] * share[k]
            for m in range(drives):
                nodes[end, m] += share[k] * nodes[node, m]
            last = degree[end] - 1
            for j in range(last):
                if near[end, j] == node:
                    near[end, j] = near[end, last]
            degree[end] = last
        for k in range(count):
            for j in range(k):
                mesh = share[k] * links[node, near[node, j]]
                if mesh > 0:
                    _join(links, near, degree, near[node, k], near[node, j], mesh)
    for step in range(size - 1, -1, -1):
        node = order[step]
        for k in range(degree[node]):
            end = near[node, k]
            part = links[node, end]
            for m in range(drives):
                nodes[node, m] += part * nodes[end, m]
        for m in range(drives):
            nodes[node, m] /= total[node]


@compiled_loop(nogil=True, error_model="numpy", inline="always")
def _join(links, near, degree, a, b, value):  # type: ignore[no-untyped-def]
    """Put a conductance between two nodes."""
    if links[a, b] == 0:
        near[a, degree[a]] = b
        near[b, degree[b]] = a
        degree[a] += 1
        degree[b] += 1
    links[a, b] += value
    links[b, a] += value
