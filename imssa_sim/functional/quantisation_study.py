"""Accuracy of a quantised network against its bit widths and the granularity of its scales."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.calibration import CalibrationOptions
from imssa_sim.model.network import Network
from imssa_sim.model.ptq import quantise
from imssa_sim.model.quantised import BitWidths, OutputForm
from imssa_sim.model.quantisers import unknown_name

KINDS = tuple(field.name for field in fields(BitWidths))


@dataclass(frozen=True)
class Point:
    """One quantised network of a study.

    Attributes
    ----------
    label : str
        What varies besides the bits: a name of the options, or a tensor kind.
    bits : int
    accuracy : float
        Share of sequences whose prediction is their label.
    agreement : float
        Share whose prediction is that of ``reference`` (NaN without one).
    """

    label: str
    bits: int
    accuracy: float
    agreement: float


@dataclass(frozen=True)
class Study:
    """A float network and the data that its quantised forms are made and judged with.

    Attributes
    ----------
    network : Network
    calibration : array (S, L, d_in)
        From the training part.
    inputs, labels : array (B, L, d_in), (B,)
    reference : int array (B,) or None
        Predictions to compare with, of the float network for instance.
    form : {"lookahead", "separate"}
    """

    network: Network
    calibration: ArrayLike
    inputs: ArrayLike
    labels: ArrayLike
    reference: NDArray[np.int64] | None = None
    form: OutputForm = "lookahead"

    def point(self, label: str, bits: int, widths: BitWidths, options: CalibrationOptions) -> Point:
        """Quantise and evaluate one network."""
        quantised = quantise(self.network, widths, self.calibration, self.form, options)
        predicted = run_digital(quantised, self.inputs).predictions
        accuracy = float(np.mean(predicted == np.asarray(self.labels)))
        if self.reference is None:
            return Point(label, bits, accuracy, float("nan"))
        return Point(label, bits, accuracy, float(np.mean(predicted == self.reference)))


def against_bits(
    study: Study, bits: Iterable[int], options: dict[str, CalibrationOptions]
) -> list[Point]:
    """Evaluate one width for all tensor kinds, for each of several named options.

    Parameters
    ----------
    study : Study
    bits : iterable of int
    options : dict
        Calibrations (range methods, granularities) by the name that labels their points.
    """
    widths = list(bits)
    return [
        study.point(label, width, _homogeneous(width), chosen)
        for label, chosen in options.items()
        for width in widths
    ]


def sensitivity(
    study: Study,
    bits: Iterable[int],
    options: CalibrationOptions,
    rest: int = 16,
    kinds: Iterable[str] = KINDS,
) -> list[Point]:
    """Lower one tensor kind at a time while all others keep ``rest`` bits.

    Raises
    ------
    InputError
        An unknown tensor kind.
    """
    widths = list(bits)
    points = []
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_name("tensor kind", kind, KINDS)
        for width in widths:
            chosen = replace(_homogeneous(rest), **{kind: width})
            points.append(study.point(kind, width, chosen, options))
    return points


def threshold(points: Iterable[Point], label: str, wanted: float) -> int | None:
    """Return the least width from which on every wider point of ``label`` reaches ``wanted``.

    Returns
    -------
    int or None
        None where even the widest point misses it.

    Raises
    ------
    InputError
        No point has this label.
    """
    found = sorted((p for p in points if p.label == label), key=lambda p: -p.bits)
    if not found:
        raise InputError(f"the study has no point labelled '{label}'")
    least: int | None = None
    for point in found:
        if point.accuracy < wanted:
            break
        least = point.bits
    return least


def _homogeneous(bits: int) -> BitWidths:
    return BitWidths(**dict.fromkeys(KINDS, bits))
