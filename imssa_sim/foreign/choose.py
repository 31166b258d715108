"""Which network a file holds: named by the user, or decided by its authors' outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imssa_sim.errors import InputError, nearest
from imssa_sim.foreign.arrays import NamedArrays
from imssa_sim.foreign.check import TOLERANCE, Check
from imssa_sim.foreign.flax_ssm import read_flax
from imssa_sim.foreign.reading import MisfitError, Options, Reading, shown
from imssa_sim.foreign.torch_s4 import read_s4
from imssa_sim.model.network import Network
from imssa_sim.registry import unknown
from imssa_sim.ssm.families import FAMILIES

_SCREENED = 2
"""Sequences on which candidates are tried; the likeliest one sees all."""
_TOLD_APART = 2
"""Factor between the deviations of two structures at which a check decides."""
_EXACT = 1e-12
"""Deviations below are those of rounding."""
_MOST_TRIED = 20_000
_LEAST_TRIED = 500
_MOST_VALUES = 10**9
"""Values of activations over all candidates: fewer of a large network are tried, in a minute."""
_MOST_UNUSUAL = 3
"""Options that a check tries away from their authors' defaults at once."""


@dataclass(frozen=True)
class Chosen:
    """A network, and how it came to be taken.

    Attributes
    ----------
    network : Network
    options : dict
        All options by name.
    assumptions : tuple of str
        A line each.
    deviation : float or None
        Of the check.
    """

    network: Network
    options: dict[str, Any]
    assumptions: tuple[str, ...]
    deviation: float | None = None


def choose(found: NamedArrays, family: str | None, wanted: Options, check: Check | None) -> Chosen:
    """Return the one network that the arrays are.

    Parameters
    ----------
    found : NamedArrays
    family : str or None
    wanted : mapping
        Options by name, of `Structure` or of the family.
    check : Check or None
        Decides where several fit.

    Raises
    ------
    InputError
        None fits, several do, or none gives the outputs of the check.
    """
    readings = _named(_readings(found), found.source, family, wanted)
    if check is not None:
        return _checked(readings, found, check)
    undecided = [reading for reading in readings if reading.undecided]
    if len(readings) > 1 or undecided:
        raise InputError(_ambiguous(readings, found.source))
    (reading,) = readings
    options = reading.options({})
    return Chosen(reading.build(options), options, _assumptions(reading, options, found))


def _readings(found: NamedArrays) -> list[Reading]:
    reasons = []
    for read in (read_s4, read_flax):
        try:
            return read(found.arrays)
        except MisfitError as error:
            reasons.append(str(error))
    names = ", ".join(sorted(found.arrays)[:6])
    raise InputError(
        f"{found.source}: no family that is known here. As a network of the S4 authors' code "
        f"(s4d, qs4d, s4block): {reasons[0]}. As S5 or LRU: {reasons[1]}. It holds {names}, …; "
        "other names can be given with --map OLD=NEW"
    )


def _named(
    readings: Sequence[Reading], source: str, family: str | None, wanted: Options
) -> list[Reading]:
    if family is not None:
        if family not in FAMILIES:
            raise unknown("family", family, FAMILIES)
        fitting = ", ".join(reading.family for reading in readings)
        readings = [reading for reading in readings if reading.family == family]
        if not readings:
            raise InputError(f"{source}: this is not a network of {family}; it could be {fitting}")
    known = {name for r in readings for name in (*r.settled, *r.open, *r.usual)}
    for name in wanted:
        if name not in known:
            close = nearest(name, known)
            hint = f"; did you mean 'model.{close}'?" if close else ""
            raise InputError(
                f"{source}: there is no option 'model.{name}'{hint} (one of "
                f"{', '.join(sorted(known))})"
            )
    kept, reasons = [], []
    for reading in readings:
        taken = reading.with_named(wanted)
        if isinstance(taken, str):
            reasons.append(f"as {reading.family}: {taken}")
        else:
            kept.append(taken)
    if not kept:
        raise InputError(f"{source}: nothing fits what was named; " + "; ".join(reasons))
    return kept


def _checked(readings: Sequence[Reading], found: NamedArrays, check: Check) -> Chosen:
    """Return the candidate that gives the outputs; those nearest to the authors' defaults first."""
    tried = 0
    sequences, steps, _ = check.inputs.shape
    width, layers = (readings[0].settled[name] for name in ("width", "layers"))
    affordable = _MOST_VALUES // (min(sequences, _SCREENED) * steps * width * layers)
    most = min(max(affordable, _LEAST_TRIED), _MOST_TRIED)
    nearest_one: tuple[float, Reading, dict[str, Any]] | None = None
    for unusual in range(_MOST_UNUSUAL + 1):
        fitting = []
        for reading in readings:
            for options in reading.candidates(unusual):
                if tried >= most:
                    break
                tried += 1
                off = _deviation(reading, options, check, _SCREENED)
                if nearest_one is None or off < nearest_one[0]:
                    nearest_one = off, reading, options
                if off <= TOLERANCE:
                    fitting.append((off, reading, options))
        if fitting:
            return _best(fitting, found, check, tried)
    assert nearest_one is not None
    off, reading, options = nearest_one
    if off == float("inf"):
        raise InputError(
            f"{found.source}: no structure that fits takes inputs {check.inputs.shape} and gives "
            f"finite outputs {check.outputs.shape}, as {check.source} has them"
        )
    raise InputError(
        f"{found.source}: none of {tried:,} structures that fit gives the outputs of "
        f"{check.source}; the nearest, {_told(reading, options)}, is off by {off:.2g} of the "
        f"largest ({TOLERANCE:g} is allowed)"
    )


def _deviation(reading: Reading, options: Options, check: Check, sequences: int | None) -> float:
    with np.errstate(all="ignore"):
        network = reading.build(options)
        return check.deviation(network, sequences)


def _best(
    fitting: list[tuple[float, Reading, dict[str, Any]]],
    found: NamedArrays,
    check: Check,
    tried: int,
) -> Chosen:
    fitting = sorted(fitting, key=lambda one: one[0])
    (off, reading, options), *others = fitting
    if others and others[0][0] <= _TOLD_APART * max(off, _EXACT):
        named = " or as ".join(f"{_told(r, o)} (off by {d:.2g})" for d, r, o in fitting[:2])
        raise InputError(
            f"{found.source}: the outputs of {check.source} do not decide; they are right as "
            f"{named}: name the right one (--family, --set)"
        )
    whole = _deviation(reading, options, check, None)
    if whole > TOLERANCE:
        raise InputError(
            f"{found.source}: {_told(reading, options)} gives the first outputs of "
            f"{check.source}, but is off by {whole:.2g} of the largest over all"
        )
    said = [f"of {tried:,} structures tried, the outputs of {check.source} decided"]
    if check.levels is not None:
        said.append("these outputs are of QS4D's fake-quantised forward, and were compared as such")
    said += [f"allowed too: {_told(r, o)} (off by {d:.2g})" for d, r, o in others]
    notes = (*_assumptions(reading, options, found, decided=True), *said)
    return Chosen(reading.build(options), options, notes, whole)


def _told(reading: Reading, options: Options) -> str:
    names = (*reading.open, *reading.usual)
    return ", ".join([reading.family, *(f"{n} {shown(options[n])}" for n in names)])


def _assumptions(
    reading: Reading, options: Options, found: NamedArrays, decided: bool = False
) -> tuple[str, ...]:
    lines = [*found.notes, *reading.notes, f"family: {reading.family}"]
    for name in reading.open:
        why = "as named" if name in reading.named else "by the check" if decided else "fits alone"
        lines.append(f"model.{name}: {shown(options[name])} ({why})")
    for name, values in reading.usual.items():
        usual = "assumed: the file does not say, and this is the authors' default"
        if decided and len(values) > 1:
            usual = "by the check"
        lines.append(f"model.{name}: {shown(options[name])} ({usual})")
    return tuple(lines)


def _ambiguous(readings: Sequence[Reading], source: str) -> str:
    """Return the message that lists what fits."""
    lines = [
        f"{source}: names and shapes fit more than one network; name the right one (--family, "
        "--set), or give its inputs and outputs (--check io.npz). What fits:"
    ]
    for reading in readings:
        lines.append(f"  --family {reading.family}")
        lines += [
            f"    --set model.{name}= one of {', '.join(map(shown, values))}"
            for name, values in reading.undecided.items()
        ]
    return "\n".join(lines)


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Return options of texts such as ``model.norm_position=pre``.

    Raises
    ------
    InputError
        A text has no ``=``, or does not begin with ``model.``.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.startswith("model."):
            raise InputError(f"--set {text}: write model.NAME=VALUE, as model.norm_position=pre")
        found[name.removeprefix("model.")] = _value(value.strip())
    return found


def _value(text: str) -> Any:
    words: Mapping[str, Any] = {"true": True, "false": False, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
