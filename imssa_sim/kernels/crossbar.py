"""Elimination of a crossbar's nodes row by row, bit lines being of resistive wire.

Shapes: R word lines, P bit lines. ``word`` and ``bit`` say what a line is connected with: the
conductance of a segment, of the way to the source at either end (behind the first node, behind the
last), all in siemens, zero where there is none. A word line without a segment is one node, and one
without anything an ideal source: its voltage is the driver's.

Conductances along a word line are added up from both of its ends, and voltages fall off from node
to node by ratios of these: sums, products and quotients of positive numbers.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imssa_sim.compiled.decorator import compiled_loop
from imssa_sim.kernels.ops import inner

Floats: TypeAlias = NDArray[np.float64]

SUMS = {"reassoc", "contract"}
"""Sums may be reordered (vectorised); NaN and infinities keep their meaning."""


@compiled_loop(nogil=True, error_model="numpy", fastmath=SUMS)
def eliminate_rows(g: Floats, word: Floats, bit: Floats, schur: Floats, source: Floats) -> bool:
    """Fill in what `node_voltages` and the sweeps go by.

    g (R, P): cells [S]. schur (R, P, P): inverse of what a row's bit-line nodes are connected with,
    the rows above eliminated [ohm]. source (R, P): current into these nodes per volt at the row's
    driver [S]. False: a bit line is connected to nothing.
    """
    rows, size = g.shape
    green = np.empty((size, size))
    driven = np.empty(size)
    pivot = np.empty(size)
    for i in range(rows):
        cells, block = g[i], schur[i]
        _word_line(cells, word, green, driven)
        own = bit[0] * ((i > 0) + (i < rows - 1)) + bit[1] * (i == 0) + bit[2] * (i == rows - 1)
        for j in range(size):
            source[i, j] = cells[j] * driven[j]
            for k in range(size):
                block[j, k] = -cells[j] * green[j, k] * cells[k]
            block[j, j] += cells[j] + own
        if i:
            above = schur[i - 1]
            square = bit[0] * bit[0]
            for j in range(size):
                for k in range(size):
                    block[j, k] -= square * above[j, k]
        if not _invert(block, pivot):
            return False
    return True


@compiled_loop(nogil=True, error_model="numpy", fastmath=SUMS)
def node_voltages(
    g: Floats, word: Floats, bit: Floats, schur: Floats, source: Floats, drive: Floats,
    word_nodes: Floats, bit_nodes: Floats,
) -> None:  # fmt: skip
    """Solve for drives (n, R) [V]: the nodes of word and bit lines (n, R, P) [V]."""
    rows, size = g.shape
    green = np.empty((size, size))
    driven = np.empty(size)
    current = np.empty(size)
    for i in range(rows):  # forward: currents that arrive from above
        for n in range(len(drive)):
            for j in range(size):
                bit_nodes[n, i, j] = drive[n, i] * source[i, j]
            if i:
                for j in range(size):
                    total = 0.0
                    for k in range(size):
                        total += schur[i - 1, j, k] * bit_nodes[n, i - 1, k]
                    bit_nodes[n, i, j] += bit[0] * total
    for i in range(rows - 1, -1, -1):
        _word_line(g[i], word, green, driven)
        for n in range(len(drive)):
            for j in range(size):
                current[j] = bit_nodes[n, i, j]
                if i < rows - 1:
                    current[j] += bit[0] * bit_nodes[n, i + 1, j]
            for j in range(size):
                total = 0.0
                for k in range(size):
                    total += schur[i, j, k] * current[k]
                bit_nodes[n, i, j] = total
            for j in range(size):
                total = drive[n, i] * driven[j]
                for k in range(size):
                    total += green[j, k] * g[i, k] * bit_nodes[n, i, k]
                word_nodes[n, i, j] = total


@compiled_loop(nogil=True, error_model="numpy", fastmath=SUMS)
def sweep_from_senses(
    g: Floats, word: Floats, bit: Floats, schur: Floats, source: Floats, matrix: Floats,
    drops: Floats,
) -> None:  # fmt: skip
    """Put a volt at both ends of each bit line, as far as they are connected.

    matrix (R, P): the current that then leaves the row at its driver, which by reciprocity is what
    leaves the bit line for a volt there [S]. drops (R, P): the voltage from the bit line to the
    word line across each cell of that bit line [V].
    """
    rows, size = g.shape
    green = np.empty((size, size))
    driven = np.empty(size)
    nodes = np.empty((size, size))  # row k: the bit-line nodes of this row for a volt at end k
    arriving = np.zeros((size, size))
    above = np.zeros((rows if bit[1] > 0 else 0, size, size))  # what arrives from the top
    if bit[1] > 0:
        for k in range(size):
            above[0, k, k] = bit[1]
        for i in range(1, rows):
            _multiply(above[i - 1], schur[i - 1], nodes)
            for k in range(size):
                for j in range(size):
                    above[i, k, j] = bit[0] * nodes[k, j]
    for i in range(rows - 1, -1, -1):
        for k in range(size):
            for j in range(size):
                arriving[k, j] = 0.0 if i == rows - 1 else bit[0] * nodes[k, j]
                if bit[1] > 0:
                    arriving[k, j] += above[i, k, j]
            if i == rows - 1:
                arriving[k, k] += bit[2]
        _multiply(arriving, schur[i], nodes)
        _word_line(g[i], word, green, driven)
        for k in range(size):
            current, level = 0.0, 0.0
            for j in range(size):
                current += nodes[k, j] * source[i, j]
                level += green[k, j] * g[i, j] * nodes[k, j]
            matrix[i, k] = current
            drops[i, k] = nodes[k, k] - level


@compiled_loop(nogil=True, error_model="numpy", fastmath=SUMS)
def sweep_from_drivers(
    g: Floats, word: Floats, bit: Floats, schur: Floats, source: Floats, drops: Floats
) -> None:  # fmt: skip
    """Put a volt at each driver: drops (R, P) across the cells of its own row, word to bit [V]."""
    rows, size = g.shape
    green = np.empty((size, size))
    driven = np.empty(size)
    inverse = np.zeros((size, size))  # of the whole network, at this row's bit-line nodes
    half = np.empty((size, size))
    whole = np.empty((size, size))
    level = np.empty(size)
    square = bit[0] * bit[0]
    for i in range(rows - 1, -1, -1):
        if i == rows - 1:
            for j in range(size):
                for k in range(size):
                    inverse[j, k] = schur[i, j, k]
        else:
            _multiply(inverse, schur[i], half)
            _multiply(schur[i], half, whole)
            for j in range(size):
                for k in range(size):
                    inverse[j, k] = schur[i, j, k] + square * whole[j, k]
        _word_line(g[i], word, green, driven)
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += inverse[j, k] * source[i, k]
            level[j] = total
        for j in range(size):
            total = driven[j]
            for k in range(size):
                total += green[j, k] * g[i, k] * level[k]
            drops[i, j] = total - level[j]


@inner
def _word_line(g: Floats, word: Floats, green: Floats, driven: Floats) -> None:
    """What the nodes of a word line do: green (P, P) per ampere into each, driven (P,) per volt."""
    size = g.size
    segment, low, high = word[0], word[1], word[2]
    if segment == 0.0:
        ends = low + high
        total = ends
        for j in range(size):
            total += g[j]
        for j in range(size):
            driven[j] = 1.0 if ends == 0.0 else ends / total
            for k in range(size):
                green[j, k] = 0.0 if ends == 0.0 else 1.0 / total
    else:
        fall = np.empty(size)  # of the voltage from the node before
        beyond = np.zeros(size + 1)  # conductance of a node and all behind it, from the node before
        for j in range(size - 1, -1, -1):
            own = g[j] + (low if j == 0 else 0.0) + (high if j == size - 1 else 0.0)
            fall[j] = segment / (segment + own + beyond[j + 1])
            beyond[j] = (own + beyond[j + 1]) * fall[j]
        left = 0.0
        for j in range(size):
            own = g[j] + (low if j == 0 else 0.0) + (high if j == size - 1 else 0.0)
            green[j, j] = 1.0 / (left + own + beyond[j + 1])
            for k in range(j):
                green[j, k] = green[j - 1, k] * fall[j]
            left = segment * (left + own) / (segment + left + own)
        for j in range(size):
            for k in range(j):
                green[k, j] = green[j, k]
        for j in range(size):
            driven[j] = low * green[0, j] + high * green[size - 1, j]


@inner
def _multiply(a: Floats, b: Floats, out: Floats) -> None:
    """Multiply square matrices, too small for a call of BLAS to pay."""
    size = len(a)
    whole = size // 4 * 4
    for i in range(size):
        row = out[i]
        for j in range(size):
            row[j] = 0.0
        for k in range(0, whole, 4):
            p, q, r, s = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            first, second, third, fourth = b[k], b[k + 1], b[k + 2], b[k + 3]
            for j in range(size):
                row[j] += p * first[j] + q * second[j] + r * third[j] + s * fourth[j]
        for k in range(whole, size):
            part = a[i, k]
            for j in range(size):
                row[j] += part * b[k, j]


@inner
def _invert(a: Floats, pivot: Floats) -> bool:
    """Invert a symmetric positive definite matrix in place; False: it is none."""
    size = len(a)
    definite = True
    for k in range(size):
        definite = definite and a[k, k] > 0.0
        scale = 1.0 / a[k, k]
        a[k, k] = 1.0
        for j in range(size):
            pivot[j] = a[k, j] * scale
            a[k, j] = pivot[j]
        for i in range(size):
            if i != k:
                part = a[i, k]
                a[i, k] = 0.0
                for j in range(size):
                    a[i, j] -= part * pivot[j]
    return definite
