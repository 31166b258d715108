"""Arrays of numbers by name: an .npz, or a folder of .npy; large ones stay in their files.

What an .npz stores uncompressed (``np.savez``) lies in it as an .npy would, so it can be mapped
into memory where it is. Nothing pickled is read.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError

MAPPED = 1 << 26
"""[bytes] Arrays from this size on are mapped into memory, smaller ones are read."""

_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip's member: lengths of its name and extra field


def open_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz, or of a folder of .npy, by name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of arrays
        Those of `MAPPED` bytes and more are memory maps.

    Raises
    ------
    InputError
        There is no such file, it is another kind of file, truncated or damaged, holds Python
        objects, or a compressed array too large to be unpacked at once.
    """
    if path.is_dir():
        files = sorted(path.glob("*.npy"))
        if not files:
            raise InputError(
                f"{path}: the folder holds no .npy files (x_train.npy, y_train.npy, …)"
            )
        return {file.stem: _npy(file) for file in files}
    if path.suffix == ".npz":
        return _npz(path)
    advice = {
        ".npy": "name its folder, which holds x_train.npy, y_train.npy, …",
        ".ts": "set data.name to ts",
    }.get(path.suffix, "store it with numpy.savez, as x_train, y_train, x_test, y_test")
    raise InputError(f"{path} is neither an .npz nor a folder of .npy files; {advice}")


def _npy(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as stream:
            shape, fortran, dtype = _header(stream, str(path))
            start = stream.tell()
            if _bytes(shape, dtype) < MAPPED:
                stream.seek(0)
                return np.lib.format.read_array(stream, allow_pickle=False)
        return _mapped(path, start, shape, fortran, dtype)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: truncated, or no .npy file ({error})") from error


def _npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            return {m.filename.removesuffix(".npy"): _member(path, archive, m) for m in members}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (BadZipFile, ValueError, EOFError, zlib.error, NotImplementedError) as error:
        raise InputError(f"{path}: truncated, damaged, or no .npz file ({error})") from error


def _member(path: Path, archive: ZipFile, member: ZipInfo) -> NDArray[Any]:
    name = f"{path}: {member.filename.removesuffix('.npy')}"
    with archive.open(member) as stream:
        shape, fortran, dtype = _header(stream, name)
        offset = stream.tell()
    if _bytes(shape, dtype) < MAPPED:
        with archive.open(member) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    if member.compress_type != ZIP_STORED:
        raise InputError(
            f"{name} takes {_bytes(shape, dtype) / 1e9:.3g} GB and is compressed, so that it "
            "cannot be streamed; store it with numpy.savez, or with numpy.save as .npy in a folder"
        )
    with path.open("rb") as file:
        file.seek(member.header_offset)
        name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    start = member.header_offset + _LOCAL_HEADER.size + name_length + extra_length + offset
    return _mapped(path, start, shape, fortran, dtype)


def _header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the head of an .npy: shape, order, type."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise InputError(f"{name} has the .npy version {version}; store plain numbers")
    if dtype.hasobject:
        raise InputError(
            f"{name} holds Python objects (a pickle), which are not read; sequences of different "
            "length go into one array, padded, with their lengths in lengths_train, …"
        )
    return shape, fortran, dtype


def _bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    size = dtype.itemsize
    for length in shape:
        size *= length
    return size


def _mapped(
    path: Path, start: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any]
) -> NDArray[Any]:
    order: Any = "F" if fortran else "C"
    return np.memmap(path, dtype=dtype, mode="r", offset=start, shape=shape, order=order)
