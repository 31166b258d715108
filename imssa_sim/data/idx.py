"""IDX files, the format of MNIST: a magic number, sizes, and bytes; gzip-compressed or not."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path : Path
        A name that ends in ``.gz`` is decompressed.
    dimensions : int
        That the array must have.

    Returns
    -------
    uint8 array

    Raises
    ------
    InputError
        The file cannot be read or decompressed, its magic number says something else, or its size
        is not what its header says.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: truncated, or no gzip file ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    # The third byte codes the type, 8 for unsigned bytes, the fourth the number of dimensions.
    magic = content[:4]
    if magic != bytes((0, 0, 8, dimensions)):
        raise InputError(
            f"{path}: no IDX file of bytes in {dimensions} dimensions: it begins with "
            f"0x{magic.hex() or '(nothing)'} instead of 0x000008{dimensions:02x}"
        )
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise InputError(f"{path}: truncated within its header")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise InputError(
            f"{path}: truncated or too long: {len(content) - header} bytes instead of "
            f"{' x '.join(map(str, shape))}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
