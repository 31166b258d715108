"""Single reads of crossbar tiles by many tokens: the linear layers.

For each token and tile::

    v     = DAC(codes)
    acc_j = sum_i W_ij v_i + sqrt(var_j) z_j
    adc_j = clip(floor(acc_j * adc_scale_j + adc_offset_j), adc_low, adc_high)

with the variance of :mod:`imssa_sim.kernels.read_circuit`. Sums run over the rows in their
order by fused multiply-adds: a token's result does not depend on the other tokens. A library's
matrix product would not promise that, its order of summation changes with the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.kernels._blocks import Plan
from imssa_sim.kernels._dense_items import CHUNK, PANEL, DenseSpace, Panels, Tokens, read_items
from imssa_sim.kernels._packing import aligned_zeros
from imssa_sim.kernels._threads import run_threads
from imssa_sim.kernels._tile import Counters, Flow, Job
from imssa_sim.kernels.ops import LANES
from imssa_sim.kernels.read_circuit import DenseWiring, ReadCircuit, RecurrentWiring
from imssa_sim.kernels.read_noise.normal import GROUP
from imssa_sim.kernels.read_noise.packing import pair_rows
from imssa_sim.kernels.read_noise.threefry import sample_keys
from imssa_sim.kernels.tiles import RecurrentTiles, pack_tiles


@dataclass(frozen=True)
class DenseTiles:
    """Tiles of one linear layer, ready for :func:`read_dense`."""

    packed: RecurrentTiles  # without states
    panels: Panels
    row_start: NDArray[np.int64]  # (T,)

    @property
    def columns(self) -> int:
        """Columns of a tile, slices counted one by one."""
        return self.packed.columns

    @property
    def logical(self) -> int:
        """Logical columns of a tile."""
        return self.packed.logical


@dataclass(frozen=True)
class DenseResult:
    """What the reads of a linear layer's tiles gave."""

    outputs: NDArray[np.int32]  # (N, T, C / K) ADC codes, those of K slices added up
    saturated_low: NDArray[np.int64]  # (T, C)
    saturated_high: NDArray[np.int64]  # (T, C)
    sum_squares: NDArray[np.int64]  # (T, R) sum of squared codes over tokens
    sum_magnitudes: NDArray[np.int64]  # (T, R)
    non_zeros: NDArray[np.int64]  # (T, R)
    drives: int  # drives of each row: the number of tokens


def pack_dense(circuit: ReadCircuit, wiring: DenseWiring, *, dtype: Any = None) -> DenseTiles:
    """Lay the tiles of one linear layer out for the compiled loops.

    Parameters and errors as in :func:`imssa_sim.kernels.tiles.pack_tiles`.
    """
    tiles, rows, _ = circuit.weights.shape
    no_states = RecurrentWiring(
        n_states=np.zeros(tiles, np.int64),
        input_channel=np.zeros((tiles, rows), np.int64),
        state_gain=1.0,
        state_limit=0,
    )
    packed = pack_tiles(circuit, no_states, dtype=dtype, multiple=PANEL)
    a = packed.arrays
    panels = Panels(
        weights=_in_panels(a.weights, a.rows, a.pitch),
        variance=_in_panels(a.variance, a.noise_rows, a.pitch),
        pairs=_in_panels(a.pairs, pair_rows(a.rows), a.pitch),
    )
    return DenseTiles(packed, panels, np.array(wiring.row_start, dtype=np.int64))


def _in_panels(flat: NDArray[Any], rows: int, pitch: int) -> NDArray[Any]:
    cells = flat.reshape(-1, rows, pitch // PANEL, PANEL)
    out = aligned_zeros(flat.size, flat.dtype)
    out[:] = cells.transpose(0, 2, 1, 3).ravel()
    return out


def read_dense(
    tiles: DenseTiles,
    codes: NDArray[np.int16],
    *,
    sample_ids: ArrayLike,
    steps: ArrayLike,
    seed: int,
    chip: int,
    site: int,
    first_tile: int = 0,
    noise: bool = True,
    threads: int = 1,
) -> DenseResult:
    """Read the tiles of a linear layer once per token.

    Parameters
    ----------
    tiles : DenseTiles
        From :func:`pack_dense`.
    codes : numpy.ndarray
        Input codes, int16 (N, inputs); N tokens of any samples and steps.
    sample_ids, steps : array_like
        Sample and step of each token, (N,): noise coordinates.
    seed, chip, site : int
        The other noise coordinates; the tile's own is ``first_tile`` + its index.
    noise : bool
        False leaves the noise out.
    threads : int
        Threads to use; the result does not depend on it.

    Returns
    -------
    DenseResult
    """
    packed = tiles.packed
    a, count = packed.arrays, packed.tiles
    total, inputs = codes.shape
    if not total:
        raise ValueError("codes hold no token")
    if np.any(tiles.row_start + a.n_inputs > inputs):
        raise ValueError(f"the tiles read beyond the {inputs} inputs of codes")
    ids = np.asarray(sample_ids, dtype=np.int64)
    if ids.ndim:
        distinct, place = np.unique(np.broadcast_to(ids, (total,)), return_inverse=True)
    else:
        distinct, place = ids.reshape(1), np.zeros(total, np.int64)
    tokens = Tokens(
        codes=np.ascontiguousarray(codes, dtype=np.int16).ravel(),
        inputs=inputs,
        row_start=tiles.row_start,
        sample=place.astype(np.int64).ravel(),
        step=np.array(np.broadcast_to(steps, (total,)), dtype=np.int64),
        out=np.zeros(total * count * tiles.logical, np.int32),
        columns=tiles.logical,
    )
    one = np.zeros(1, np.int64)
    plan = Plan(one, one + 1, one, one + 1)
    job = Job(
        keys=sample_keys(seed, chip, distinct, site).ravel(),
        steps=0,
        states=0,
        first_step=0,
        first_tile=first_tile,
        noise=noise,
        two_pass=False,
    )
    flow = Flow(0, 0, np.zeros(1, np.int16), *(np.zeros(1, np.int32) for _ in range(3)))
    items = -(-total // CHUNK) * count
    height = -(-a.rows // LANES) * LANES
    sums = []
    counter = np.zeros(1, np.int64)

    def work() -> None:
        counters = Counters(
            *(np.zeros(count * a.pitch, np.int64) for _ in range(3)),
            *(np.zeros(count * a.rows, np.int64) for _ in range(3)),
        )
        sums.append(counters)
        noisy = -(-a.noise_rows // LANES) * LANES
        size = CHUNK * (2 * height + noisy + 2 * a.pitch) + 3 * height + 2 * a.pitch
        pairs = aligned_zeros(CHUNK * height // 2, np.int32)
        space = DenseSpace(
            aligned_zeros(size, packed.dtype),
            aligned_zeros(CHUNK, packed.dtype),
            pairs,
            pairs.view(np.int16),
            aligned_zeros(CHUNK * a.pitch, np.int32),
            aligned_zeros(2, np.uint32),
            aligned_zeros(a.pitch + GROUP, np.float32),
        )
        read_items(a, tiles.panels, space, counters, plan, job, flow, tokens, counter)

    run_threads(min(threads, items), work)
    low, high, _, squares, magnitudes, non_zeros = (
        sum(parts[1:], parts[0]) for parts in zip(*sums, strict=True)
    )
    return DenseResult(
        outputs=tokens.out.reshape(total, count, tiles.logical),
        saturated_low=low.reshape(count, -1)[:, : tiles.columns],
        saturated_high=high.reshape(count, -1)[:, : tiles.columns],
        sum_squares=squares.reshape(count, -1),
        sum_magnitudes=magnitudes.reshape(count, -1),
        non_zeros=non_zeros.reshape(count, -1),
        drives=total,
    )
