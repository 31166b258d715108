"""Wire resistance of a crossbar of linear cells, exactly.

Word line i runs along row i, bit line j along column j; cell (i, j) joins them. Between
neighbouring cells of a line lies one segment of wire. A driver stands at one end of each word line
(or at both), behind a segment and the source resistance; a bit line ends likewise, behind a
segment and the sense resistance, in a virtual ground at one end or both.

The nodal equations are eliminated row by row: the word-line nodes of a row are a tridiagonal
system, what they leave couples the row's bit-line nodes to each other (a dense block) and to the
same lines of the next row. Each block is factored once, by Cholesky; superposition over all drivers
gives the transfer matrix in the same sweep. The result is that of a sparse factorisation with as
many right-hand sides, at a fraction of its time (docs/decisions/0010).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.circuits.wires import Line, Wires
from imssa_sim.errors import InputError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Operating:
    """Voltages and currents for given drives, leading axis n.

    Attributes
    ----------
    currents : array (n, P)
        Out of the bit lines [A].
    word, bit : array (n, R, P)
        Node voltages [V].
    residual : float
        Largest violation of Kirchhoff's current law at any node, relative to the largest branch
        current.
    """

    currents: FloatArray
    word: FloatArray
    bit: FloatArray
    residual: float


class WireNetwork:
    """A crossbar's nodal equations, factored.

    Parameters
    ----------
    conductance : array (R, P)
        Of the cells [S]; not negative.
    wires : Wires

    Raises
    ------
    InputError
        If the conductances are not finite or negative, or a bit line is connected to nothing.
    """

    def __init__(self, conductance: ArrayLike, wires: Wires) -> None:
        g = np.array(conductance, dtype=np.float64)
        if g.ndim != 2 or not g.size or not np.all(np.isfinite(g)) or np.any(g < 0):
            raise InputError("conductances must be a matrix of finite numbers, none negative")
        if wires.drive == "right":
            g = g[:, ::-1]
        if wires.sense == "top":
            g = g[::-1]
        self.g = np.ascontiguousarray(g)
        self.wires = wires
        self.word = Line(wires.word_resistance, wires.source_resistance, wires.drive == "both")
        self.bit = Line(wires.bit_resistance, wires.sense_resistance, wires.sense == "both")
        self._schur: list[FloatArray] = []
        self._source: list[FloatArray] = []
        self._followed: list[FloatArray] = []  # word-line nodes per volt on the bit-line nodes
        self._factor()

    # Word lines: what a row of cells and its wire are to the bit-line nodes of that row.

    def _eliminated(self, g: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the row's admittance at its bit-line nodes, and its currents per volt driven."""
        size = len(g)
        if self.word.fixed:  # the word line is an ideal source
            return np.diag(g), g.copy()
        if not self.word.segment:  # one node for the whole line
            total = g.sum() + self.word.ends
            return np.diag(g) - np.outer(g, g) / total, g * (self.word.ends / total)
        right = np.zeros((size, size + 1))
        right[np.arange(size), np.arange(size)] = g
        right[:, size] = self.word.injection(size)
        solved = self.word.solve(g, right)
        self._followed.append(solved[:, :size])
        admittance = -(g[:, None] * solved[:, :size])
        admittance[np.arange(size), np.arange(size)] += g
        return admittance, g * solved[:, size]

    def _factor(self) -> None:
        """Eliminate row after row; keep the inverse of each row's Schur complement."""
        rows, size = self.g.shape
        line = self.bit
        if line.fixed:
            self._source = [self._eliminated(g)[1] for g in self.g]
            return
        place = np.arange(size)
        if not line.segment:
            total = np.diag(np.full(size, line.ends))
            for g in self.g:
                admittance, source = self._eliminated(g)
                total += admittance
                self._source.append(source)
            self._schur = [_inverse(total)]
            return
        for i, g in enumerate(self.g):
            block, source = self._eliminated(g)
            self._source.append(source)
            block[place, place] += line.diagonal(i, rows)
            if i:
                block -= line.segment**2 * self._schur[-1]
            self._schur.append(_inverse(block))

    def solve(self, voltages: ArrayLike) -> Operating:
        """Return currents and all node voltages for given drives.

        Parameters
        ----------
        voltages : array (n, R) or (R,)
            At the word lines' drivers [V].
        """
        drive = np.atleast_2d(np.asarray(voltages, dtype=np.float64))
        if self.wires.sense == "top":
            drive = drive[:, ::-1]
        bit = self._bit_nodes(drive)
        word = self._word_nodes(drive, bit)
        currents, residual = self._check(drive, word, bit)
        if self.wires.drive == "right":
            currents, word, bit = currents[:, ::-1], word[:, :, ::-1], bit[:, :, ::-1]
        if self.wires.sense == "top":
            word, bit = word[:, ::-1], bit[:, ::-1]
        return Operating(currents, word, bit, residual)

    def _bit_nodes(self, drive: FloatArray) -> FloatArray:
        rows, size = self.g.shape
        bit = np.zeros((len(drive), rows, size))
        if self.bit.fixed:
            return bit
        sources = np.stack(self._source)
        if not self.bit.segment:
            bit[:] = ((drive @ sources) @ self._schur[0])[:, None, :]
            return bit
        segment = self.bit.segment
        loads = np.empty_like(bit)
        for i in range(rows):  # forward: currents that arrive from above
            loads[:, i] = drive[:, i, None] * sources[i]
            if i:
                loads[:, i] += segment * (loads[:, i - 1] @ self._schur[i - 1])
        for i in reversed(range(rows)):
            above = loads[:, i] if i == rows - 1 else loads[:, i] + segment * bit[:, i + 1]
            bit[:, i] = above @ self._schur[i]
        return bit

    def _word_nodes(self, drive: FloatArray, bit: FloatArray) -> FloatArray:
        word = np.empty_like(bit)
        for i in range(len(self.g)):
            word[:, i] = self._word_line(i, drive[:, i], bit[:, i])
        return word

    def _word_line(self, i: int, drive: FloatArray, bit: FloatArray) -> FloatArray:
        """Return the nodes of word line i (n, P) for drives (n,) and bit-line nodes (n, P)."""
        line, g = self.word, self.g[i]
        if line.fixed:
            return np.repeat(drive[:, None], len(g), axis=1)
        if not line.segment:
            level = (bit @ g + line.ends * drive) / (g.sum() + line.ends)
            return np.repeat(level[:, None], len(g), axis=1)
        right = g[:, None] * bit.T + np.outer(line.injection(len(g)), drive)
        return line.solve(g, right).T

    def _check(
        self, drive: FloatArray, word: FloatArray, bit: FloatArray
    ) -> tuple[FloatArray, float]:
        """Return the sensed currents and the residual, from branch currents."""
        cells = self.g * (word - bit)
        scale = np.abs(cells).max(initial=0.0)
        worst = 0.0
        if not self.word.fixed:
            excess = -cells
            if self.word.segment:
                flow = self.word.segment * (word[:, :, :-1] - word[:, :, 1:])
                excess[:, :, 1:] += flow
                excess[:, :, :-1] -= flow
                scale = max(scale, np.abs(flow).max(initial=0.0))
                entering = self.word.end * (drive - word[:, :, 0])
                excess[:, :, 0] += entering
                if self.word.both:
                    excess[:, :, -1] += self.word.end * (drive - word[:, :, -1])
            else:
                excess = excess.sum(axis=2) + self.word.ends * (drive - word[:, :, 0])
            worst = max(worst, np.abs(excess).max(initial=0.0))
        if self.bit.fixed:
            return cells.sum(axis=1), _relative(worst, scale)
        if not self.bit.segment:
            currents = self.bit.ends * bit[:, 0]
            worst = max(worst, np.abs(cells.sum(axis=1) - currents).max(initial=0.0))
            return currents, _relative(worst, scale)
        excess = cells.copy()
        flow = self.bit.segment * (bit[:, :-1] - bit[:, 1:])
        excess[:, :-1] -= flow
        excess[:, 1:] += flow
        bottom = self.bit.end * bit[:, -1]
        excess[:, -1] -= bottom
        currents = bottom
        if self.bit.both:
            top = self.bit.end * bit[:, 0]
            excess[:, 0] -= top
            currents = bottom + top
        worst = max(worst, np.abs(excess).max(initial=0.0))
        return currents, _relative(worst, max(scale, np.abs(flow).max(initial=0.0)))

    def own_drops(self) -> FloatArray:
        """Return the voltage across each cell per volt at its own driver alone (R, P)."""
        rows = len(self.g)
        if self.bit.fixed or not self.bit.segment:
            point, place = self.solve(np.eye(rows)), np.arange(rows)
            return np.asarray((point.word - point.bit)[place, place])
        segment = self.bit.segment
        loads: list[FloatArray] = []
        for i, source in enumerate(self._source):  # drives 0 … i reach row i from above
            above = segment * (loads[-1] @ self._schur[i - 1]) if i else np.empty((0, len(source)))
            loads.append(np.concatenate([above, source[None]]))
        own = np.empty_like(self.g)
        bit = np.zeros_like(self.g)
        for i in reversed(range(rows)):
            bit = (loads[i] + segment * bit[: i + 1]) @ self._schur[i]
            own[i] = bit[i]
        volt = np.ones(1)
        drops = (
            np.concatenate([self._word_line(i, volt, own[i : i + 1]) for i in range(rows)]) - own
        )
        return self._turned(drops)

    def end_drops(self) -> FloatArray:
        """Return the voltage across each cell per volt at its own sense end alone (R, P)."""
        rows, size = self.g.shape
        segment, end = self.bit.segment, self.bit.end
        if self.bit.fixed:
            ends = [np.eye(size)] * rows
        elif not segment:
            ends = [self.bit.ends * self._schur[0]] * rows
        else:
            above = [np.eye(size) * end] if self.bit.both else []  # what arrives from the top
            for schur in self._schur[:-1] if above else ():
                above.append(segment * (above[-1] @ schur))
            below, ends = end * np.eye(size), []
            for i in reversed(range(rows)):
                ends.append((above[i] + below if above else below) @ self._schur[i])
                below = segment * ends[-1]
            ends.reverse()
        drops = np.empty_like(self.g)
        for i, bit in enumerate(ends):  # row k: nodes of word line i for a volt at end k
            drops[i] = np.diag(bit) - self._following(i, bit)
        return self._turned(drops)

    def _following(self, i: int, bit: FloatArray) -> FloatArray:
        """Return node k of word line i, undriven, for row k of the bit-line nodes (P, P)."""
        line, g = self.word, self.g[i]
        if line.fixed:
            return np.zeros(len(g))
        if not line.segment:
            return np.asarray((bit @ g) / (g.sum() + line.ends))
        if not self._followed:  # the bit lines are fixed, so that nothing was eliminated
            return np.diag(line.solve(g, g[:, None] * bit.T))
        return np.asarray(np.einsum("kj,kj->k", self._followed[i], bit))

    def _turned(self, values: FloatArray) -> FloatArray:
        """Return values (R, P) as the lines are numbered outside."""
        if self.wires.drive == "right":
            values = values[:, ::-1]
        if self.wires.sense == "top":
            values = values[::-1]
        return np.ascontiguousarray(values)

    def transfer(self) -> FloatArray:
        """Return the transfer matrix (R, P) [S], see `imssa_sim.circuits.transfer`."""
        rows, size = self.g.shape
        sources = np.stack(self._source)
        if self.bit.fixed:
            matrix = sources
        elif not self.bit.segment:
            matrix = self.bit.ends * (sources @ self._schur[0])
        elif self.bit.both:
            return self.solve(np.eye(rows)).currents
        else:
            loads = np.zeros((rows, size))  # row r: what reaches the present row for drive r
            for i in range(rows):
                if i:
                    loads[:i] = self.bit.segment * (loads[:i] @ self._schur[i - 1])
                loads[i] = sources[i]
            matrix = self.bit.end * (loads @ self._schur[-1])
        return self._turned(matrix)


def _inverse(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a symmetric positive definite matrix."""
    from scipy.linalg import lapack

    factor, info = lapack.dpotrf(matrix, lower=1)
    if info:
        raise InputError("a bit line is connected to nothing, or resistances differ beyond 1e15")
    inverse, _ = lapack.dpotri(factor, lower=1)
    return np.asarray(np.where(_lower_triangle(len(inverse)), inverse, inverse.T))


@cache
def _lower_triangle(size: int) -> BoolArray:
    return np.tri(size, dtype=np.bool_)


def _relative(worst: float, scale: float) -> float:
    return float(worst / scale) if scale else 0.0
