"""A layout of the recurrent loop: how one step of a tile goes, for its kind of vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from imssa_sim.kernels._chain import ChainLoops
from imssa_sim.kernels._tile import Float, Tile, Work


class Layout(NamedTuple):
    """Functions that are compiled into the loop; ``t`` is the tile, ``s`` the work space."""

    chain: ChainLoops
    start: Callable[[Tile, Work], None]  # before the first step
    prepare: Callable[[Tile, Work, int], None]  # before step k
    drive: Callable[[Tile, Work], Float]  # codes onto the word lines; sum of their squares
    read: Callable[[Tile, Work, int, int, int, Float], None]  # columns first … last - 1 at step k
    shift_add: Callable[[Tile, Work, int, int], None]  # slices of logical columns
    flush: Callable[[Tile, Work], None]  # statistics to integers
