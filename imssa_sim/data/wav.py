"""Sound from WAV files: 16-bit PCM of one channel, nothing else.

Read by Python's own ``wave``, which knows this one format and refuses the others by name; a library
that converts whatever it meets would hide a recording of another kind.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError

FULL_SCALE = 32768.0


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
        with wave.open(str(path), "rb") as file:
            found = file.getparams()
            content = file.readframes(found.nframes)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it ends within its header"
        raise InputError(f"{path}: no PCM WAV file ({reason})") from error
    if found.framerate != rate:
        raise InputError(
            f"{path}: {found.framerate} samples per second instead of {rate}; resample it first"
        )
    if found.nchannels != 1:
        raise InputError(f"{path}: {found.nchannels} channels instead of one; mix them first")
    if found.sampwidth != 2:
        raise InputError(f"{path}: {8 * found.sampwidth} bits per sample instead of 16")
    if len(content) != 2 * found.nframes:
        raise InputError(
            f"{path}: truncated: {len(content) // 2} of the {found.nframes} samples that its "
            "header states"
        )
    if not content:
        raise InputError(f"{path}: holds no sample")
    return np.frombuffer(content, dtype="<i2").astype(np.int16)
