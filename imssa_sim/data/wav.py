"""Sound from WAV files: 16-bit PCM of one channel, nothing else.

The chunks are read here, because Python's ``wave`` takes the extensible header in some versions
only and no file whose writer did not know its length; a library that converts whatever it meets
would hide a recording of another kind.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError

FULL_SCALE = 32768.0
_PCM, _EXTENSIBLE = 0x0001, 0xFFFE
#: What follows the code of the coding in the extensible header's GUID (RFC 2361, section 2).
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
#: Size of a chunk whose writer could not go back to fill it in: until the end of the file.
_UNKNOWN = 0xFFFFFFFF


@dataclass(frozen=True)
class _Format:
    coding: int
    channels: int
    rate: int
    width: int  # [bit]


def read_wav(path: Path, rate: int) -> NDArray[np.int16]:
    """Read a mono 16-bit PCM file.

    Parameters
    ----------
    path : Path
    rate : int
        Samples per second that the file must have [Hz].

    Returns
    -------
    int16 array (T,)

    Raises
    ------
    InputError
        The file cannot be read, is no PCM WAV file, has another rate, width or number of channels,
        holds no sample, or ends before its header says.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        form, sound, stated = _chunks(content)
    except ValueError as error:
        raise InputError(f"{path}: no PCM WAV file ({error})") from error
    if form.rate != rate:
        raise InputError(
            f"{path}: {form.rate} samples per second instead of {rate}; resample it first"
        )
    if form.channels != 1:
        raise InputError(f"{path}: {form.channels} channels instead of one; mix them first")
    if form.width != 16:
        raise InputError(f"{path}: {form.width} bits per sample instead of 16")
    if len(sound) < stated or len(sound) % 2:
        raise InputError(
            f"{path}: truncated: {len(sound) // 2} of the {-(-stated // 2)} samples that its "
            "header states"
        )
    if not sound:
        raise InputError(f"{path}: holds no sample")
    return np.frombuffer(sound, dtype="<i2").astype(np.int16)


def _chunks(content: bytes) -> tuple[_Format, bytes, int]:
    """Return the format, the sound, and how many bytes of it the header states.

    Raises
    ------
    ValueError
        Says why these are no PCM samples.
    """
    if len(content) < 12:
        raise ValueError("it ends within its header")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("it does not begin with RIFF and WAVE")
    place, form = 12, None
    while place + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        begin = place + 8
        if name == b"fmt ":
            form = _format(content[begin : begin + size])
        elif name == b"data":
            if form is None:
                raise ValueError("its sound comes before its format")
            if size == _UNKNOWN:
                return form, content[begin:], 0
            return form, content[begin : begin + size], size
        place = begin + size + size % 2
    raise ValueError("it ends within its header")


def _format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise ValueError("it ends within its header")
    coding, channels, rate, _, _, width = struct.unpack_from("<HHIIHH", chunk)
    if coding == _EXTENSIBLE:
        if len(chunk) < 40:
            raise ValueError("its extensible header is too short")
        coding, valid = struct.unpack_from("<H", chunk, 24)[0], struct.unpack_from("<H", chunk, 18)
        if chunk[26:40] != _GUID_TAIL:
            raise ValueError("its coding is of another standard")
        if coding == _PCM and valid[0] not in (0, width):
            raise ValueError(f"{valid[0]} valid bits in samples of {width}")
    if coding != _PCM:
        raise ValueError(f"its coding is number {coding}, not 1, PCM")
    return _Format(coding, channels, rate, width)
