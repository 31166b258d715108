"""Spiking Heidelberg Digits: spoken digits as spikes of 700 cochlear units, counted in frames.

Cramer, Stradmann, Schemmel and Zenke, "The Heidelberg Spiking Data Sets for the Systematic
Evaluation of Spiking Neural Networks", IEEE TNNLS 33, 2744 (2022). HDF5 files ``shd_train.h5`` and
``shd_test.h5`` with the arrays ``spikes/times`` [s] and ``spikes/units`` (of variable length, one
per recording) and ``labels``; 20 classes, the digits in English and German.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset, Split, stratified_parts
from imssa_sim.data.folders import find_folder
from imssa_sim.data.streamed import Read, sequences
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.config.schema import SpikesConfig

UNITS = 700
CLASSES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun",
)  # fmt: skip
VALIDATION_SHARE = 0.1
"""Of the training recordings; the test recordings are the official ones."""

LONGEST = 10.0
"""No recording of a digit is as long [s]; the longest of the data set takes less than 1.4 s."""

_FILES = {"train": "shd_train.h5", "test": "shd_test.h5"}
_KEYS = ("spikes/times", "spikes/units", "labels")
_SUBFOLDERS = ("shd", "SHD", "hdspikes")


def load_heidelberg(name: str, path: Path | None, spikes: SpikesConfig) -> Dataset:
    """Read the spikes from a local folder and count them in frames.

    Parameters
    ----------
    name : str
        Name of the data set.
    path : Path or None
        Folder; None looks in ``$IMSSA_DATA`` and ``./data``.
    spikes : SpikesConfig
        Frames of ``step``, as many as fit ``duration``; ``group`` neighbouring units together.
        Values are counts, not normalised.

    Raises
    ------
    MissingDataError
        There are no such files.
    InputError
        h5py is not installed; a file is missing, no HDF5, has other keys or lengths, or labels or
        units out of range; or frames do not fit the duration.
    """
    folder = find_folder("Spiking Heidelberg Digits", path, _SUBFOLDERS, "shd_*.h5")
    for file in _FILES.values():
        if not (folder / file).is_file():
            raise InputError(f"{folder}: Spiking Heidelberg Digits are incomplete, missing {file}")
    steps = round(spikes.duration / spikes.step)
    if steps < 1 or abs(steps * spikes.step - spikes.duration) > 1e-6 * spikes.duration:
        raise InputError("data.spikes: duration is no whole number of steps")
    if spikes.group > UNITS:
        raise InputError(f"data.spikes.group is {spikes.group}, but there are {UNITS} units")
    shape = (steps, -(-UNITS // spikes.group))
    labels = {part: _labels(folder / file) for part, file in _FILES.items()}
    held_out = round(VALIDATION_SHARE * len(labels["train"]))
    if not 0 < held_out < len(labels["train"]) or not len(labels["test"]):
        raise InputError(f"{folder}: too few recordings for training, validation and test parts")
    trained, validated = stratified_parts(
        labels["train"], (len(labels["train"]) - held_out, held_out)
    )
    of_train, of_test = (_counter(folder / file, spikes, shape) for file in _FILES.values())
    tested = np.arange(len(labels["test"]))
    sizes = " ".join(f"{file} {(folder / file).stat().st_size}" for file in _FILES.values())
    stated = (
        f"spikes per {1e3 * spikes.step:g} ms and {spikes.group} units, the first "
        f"{spikes.duration:g} s"
    )
    return Dataset(
        name=name,
        train=Split(sequences(of_train, trained, shape), labels["train"][trained]),
        validation=Split(sequences(of_train, validated, shape), labels["train"][validated]),
        test=Split(sequences(of_test, tested, shape), labels["test"]),
        classes=CLASSES,
        source=f"Spiking Heidelberg Digits from a local folder, {len(labels['train'])} training "
        f"and {len(tested)} test recordings",
        normalisation=stated,
        contents=f"{sizes} {stated}",
    )


def _open(path: Path) -> Any:
    try:
        import h5py
    except ModuleNotFoundError:
        raise InputError(
            f"{path} is an HDF5 file, which needs h5py: pip install 'imssa_sim[audio]' (or pip "
            "install h5py)"
        ) from None
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: truncated, or no HDF5 file ({error})") from error


def _labels(path: Path) -> NDArray[np.int64]:
    """Check the keys of a file and return its labels."""
    with _open(path) as file:
        missing = [key for key in _KEYS if key not in file]
        if missing:
            found = ", ".join(sorted(file)) or "nothing"
            raise InputError(
                f"{path}: has no '{missing[0]}'; expected {', '.join(_KEYS)}, found {found}"
            )
        lengths = {key: len(file[key]) for key in _KEYS}
        labels = np.asarray(file["labels"])
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise InputError(f"{path}: a label or a recording is missing: {counts}")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(f"{path}: 'labels' holds something else than whole numbers")
    outside = labels[(labels < 0) | (labels >= len(CLASSES))]
    if outside.size:
        raise InputError(
            f"{path}: corrupt: {outside.size} labels outside 0…{len(CLASSES) - 1}, "
            f"the first is {outside[0]}"
        )
    return labels.astype(np.int64)


def _counter(path: Path, spikes: SpikesConfig, shape: tuple[int, int]) -> Read:
    """Return a function that counts the spikes of one recording, opening the file once."""
    opened: list[Any] = []

    def read(place: int) -> NDArray[np.float32]:
        if not opened:
            opened.append(_open(path))
        try:
            times = np.asarray(opened[0]["spikes/times"][place], dtype=np.float64)
            units = np.asarray(opened[0]["spikes/units"][place], dtype=np.int64)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path}: recording {place} cannot be read ({error})") from error
        return frame_counts(times, units, spikes, shape, f"{path}: recording {place}")

    return read


def _check_unit(latest: float, where: str) -> None:
    """Refuse times that cannot be seconds; in silence nearly every spike would be left out."""
    if latest <= LONGEST:
        return
    scales = {"ms": 1e3, "µs": 1e6, "ns": 1e9}
    likely = [unit for unit, factor in scales.items() if latest <= LONGEST * factor]
    advice = f"; they seem to be in {likely[0]}: divide by {scales[likely[0]]:g}" if likely else ""
    raise InputError(
        f"{where} has a spike at {latest:g}, but times are in seconds and no recording of a digit "
        f"takes {LONGEST:g} s{advice}"
    )


def frame_counts(
    times: NDArray[np.float64],
    units: NDArray[np.int64],
    spikes: SpikesConfig,
    shape: tuple[int, int],
    where: str,
) -> NDArray[np.float32]:
    """Count spikes in frames.

    Parameters
    ----------
    times : float array (S,)
        [s]
    units : int array (S,)
    spikes : SpikesConfig
    shape : tuple of int
        Frames and groups.
    where : str
        For messages.

    Returns
    -------
    float32 array (frames, groups)

    Raises
    ------
    InputError
        The arrays differ in length, a time is negative, not finite or no time in seconds, or a
        unit is out of range.
    """
    if times.shape != units.shape or times.ndim != 1:
        raise InputError(f"{where} has {times.size} times and {units.size} units")
    if not (np.isfinite(times).all() and (times >= 0).all()):
        raise InputError(f"{where} has times that are negative or not finite")
    _check_unit(float(np.max(times, initial=0.0)), where)
    if units.size and not 0 <= units.min() <= units.max() < UNITS:
        raise InputError(f"{where} has units outside 0…{UNITS - 1}")
    # Times are multiples of the recording's clock, so the edge of a frame must not depend on the
    # rounding of a quotient.
    frame = np.floor(np.round(times / spikes.step, 6)).astype(np.int64)
    kept = frame < shape[0]
    flat = frame[kept] * shape[1] + units[kept] // spikes.group
    counts = np.bincount(flat, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float32)
