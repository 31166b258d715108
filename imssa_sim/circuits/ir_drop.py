"""Wire resistance of a crossbar of linear cells, exactly.

Word line i runs along row i, bit line j along column j; cell (i, j) joins them. Between
neighbouring cells of a line lies one segment of wire. A driver stands at one end of each word line
(or at both), behind a segment and the source resistance; a bit line ends likewise, behind a
segment and the sense resistance, in a virtual ground at one end or both.

The nodal equations are eliminated row by row: the word-line nodes of a row are a tridiagonal
system, what they leave couples the row's bit-line nodes to each other (a dense block) and to the
same lines of the next row. Each block is inverted once. A volt at the end of every bit line,
carried back through the rows, gives the transfer matrix by reciprocity; where bit lines are of
resistive wire, a compiled loop does all of this (`imssa_sim.kernels.crossbar`). The result is that
of a sparse factorisation with as many right-hand sides, at a fraction of its time
(docs/decisions/0010).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
        admittance = -(g[:, None] * solved[:, :size])
        admittance[np.arange(size), np.arange(size)] += g
        return admittance, g * solved[:, size]

    def _factor(self) -> None:
        """Eliminate row after row; keep the inverse of each row's Schur complement."""
        rows, size = self.g.shape
        if self.bit.segment:
            from imssa_sim.kernels.crossbar import eliminate_rows

            self._schur, self._source = np.empty((rows, size, size)), np.empty((rows, size))
            if not eliminate_rows(self.g, *self._lines, self._schur, self._source):
                raise _unconnected()
            return
        eliminated = [self._eliminated(g) for g in self.g]
        self._source = np.stack([source for _, source in eliminated])
        if not self.bit.fixed:
            total = np.diag(np.full(size, self.bit.ends))
            self._schur = _inverse(sum((block for block, _ in eliminated), total))[None]

    @cached_property
    def _lines(self) -> tuple[FloatArray, FloatArray]:
        """Word and bit lines as `imssa_sim.kernels.crossbar` takes them."""
        word, bit = self.word, self.bit
        end = 0.0 if word.fixed else word.end
        return (
            np.array([word.segment, end, end * word.both]),
            np.array([bit.segment, bit.end * bit.both, bit.end]),
        )

    @property
    def _factored(self) -> tuple[FloatArray, ...]:
        return self.g, *self._lines, self._schur, self._source

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
        if self.bit.segment:
            from imssa_sim.kernels.crossbar import node_voltages

            word, bit = np.empty((2, len(drive), *self.g.shape))
            node_voltages(*self._factored, np.ascontiguousarray(drive), word, bit)
        else:
            bit = self._bit_nodes(drive)
            word = self._word_nodes(drive, bit)
        currents, residual = self._check(drive, word, bit)
        if self.wires.drive == "right":
            currents, word, bit = currents[:, ::-1], word[:, :, ::-1], bit[:, :, ::-1]
        if self.wires.sense == "top":
            word, bit = word[:, ::-1], bit[:, ::-1]
        return Operating(currents, word, bit, residual)

    def _bit_nodes(self, drive: FloatArray) -> FloatArray:
        bit = np.zeros((len(drive), *self.g.shape))
        if not self.bit.fixed:
            bit[:] = ((drive @ self._source) @ self._schur[0])[:, None, :]
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
        if self.bit.segment:
            from imssa_sim.kernels.crossbar import sweep_from_drivers

            drops = np.empty_like(self.g)
            sweep_from_drivers(*self._factored, drops)
            return self._turned(drops)
        point, place = self.solve(np.eye(rows)), np.arange(rows)
        return np.asarray((point.word - point.bit)[place, place])

    def end_drops(self) -> FloatArray:
        """Return the voltage across each cell per volt at its own sense end alone (R, P)."""
        if self.bit.segment:
            return self._turned(self._from_senses[1])
        ends = np.eye(self.g.shape[1])
        if not self.bit.fixed:
            ends = self.bit.ends * self._schur[0]
        following = [self._following(g, ends) for g in self.g]
        return self._turned(np.diag(ends) - np.array(following))

    @cached_property
    def _from_senses(self) -> tuple[FloatArray, FloatArray]:
        """Transfer matrix and drops, with a volt at the sense ends."""
        from imssa_sim.kernels.crossbar import sweep_from_senses

        matrix, drops = np.empty_like(self.g), np.empty_like(self.g)
        sweep_from_senses(*self._factored, matrix, drops)
        return matrix, drops

    def _following(self, g: FloatArray, bit: FloatArray) -> FloatArray:
        """Return node k of a word line, undriven, for row k of the bit-line nodes (P, P)."""
        line = self.word
        if line.fixed:
            return np.zeros(len(g))
        if not line.segment:
            return np.asarray((bit @ g) / (g.sum() + line.ends))
        return np.diag(line.solve(g, g[:, None] * bit.T))

    def _turned(self, values: FloatArray) -> FloatArray:
        """Return values (R, P) as the lines are numbered outside."""
        if self.wires.drive == "right":
            values = values[:, ::-1]
        if self.wires.sense == "top":
            values = values[::-1]
        return np.ascontiguousarray(values)

    def transfer(self) -> FloatArray:
        """Return the transfer matrix (R, P) [S], see `imssa_sim.circuits.transfer`."""
        if self.bit.segment:
            return self._turned(self._from_senses[0])
        if self.bit.fixed:
            return self._turned(self._source)
        return self._turned(self.bit.ends * (self._source @ self._schur[0]))


def _unconnected() -> InputError:
    return InputError("a bit line is connected to nothing, or resistances differ beyond 1e15")


def _inverse(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a symmetric positive definite matrix."""
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError as error:
        raise _unconnected() from error
    inverse = np.linalg.inv(factor)
    return np.asarray(inverse.T @ inverse)


def _relative(worst: float, scale: float) -> float:
    return float(worst / scale) if scale else 0.0
