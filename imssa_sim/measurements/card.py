"""A fitted cell as a card: every number with its unit, its error and where it comes from."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.measurements.fit import CONFIDENCE, CellFit

if TYPE_CHECKING:
    from pathlib import Path

    from imssa_sim.measurements.moments import Moments

FloatArray = NDArray[np.float64]

MICRO = 1e6
KEY = "measurements"
"""Of the card's own entry in its bibliography."""
KNOTS = 16
"""Places at which a card tabulates a logarithm, evenly in the logarithm of the conductance."""
LEAST = 0.02
"""The first of them, relative to the highest target."""
RARE = 0.01
"""Probability below which a test is said to fail."""


def card_text(fit: CellFit, data: Path, name: str) -> str:
    """Return the card of a fitted cell as YAML.

    Parameters
    ----------
    fit : CellFit
    data : Path
        The measurements; its digest becomes part of the source.
    name : str
        Of the card.
    """
    digest = hashlib.sha256(data.read_bytes()).hexdigest()
    lines = [
        f"name: {name}",
        "kind: cell",
        f"title: {_quoted(f'Cell fitted to {fit.data.rows} readings in {data.name}')}",
        "references: |",
        f"  @misc{{{KEY},",
        f"    title = {{Measurements of cells, {re.sub(r'[^ -~]|[{}]', '_', data.name)}}},",
        f"    note = {{sha256 {digest}}}",
        "  }",
        "parameters:",
        *_entries(fit),
    ]
    limits = {}
    if fit.last > 0:
        limits["time"] = f"[0 s, {fit.last:.12g} s]"
    warm = fit.data.temperature
    if warm is not None:
        limits["temperature"] = f"[{warm.min():.6g} K, {warm.max():.6g} K]"
    if limits:
        lines += ["valid:", *(f"  {key}: {value}" for key, value in limits.items())]
    lines += ["not_modelled:", *(f"  - {_quoted(text)}" for text in _missing(fit))]
    lines.append(f"notes: {_quoted(' '.join(_sentences(fit)))}")
    return "\n".join(lines) + "\n"


def _entries(fit: CellFit) -> list[str]:
    target = fit.data.target
    lines = [
        _entry("g_min", target.min() * MICRO, "uS", note="lowest target"),
        _entry("g_max", target.max() * MICRO, "uS", note="highest target"),
        *_programming(fit),
    ]
    if fit.drift is not None:
        lines += _drift(fit, fit.drift)
    if fit.relaxation is not None:
        held = fit.relaxation
        lines += [
            _form("relaxation", "interpolated"),
            _entry("relaxation_targets", held.targets * MICRO, "uS"),
            _entry("relaxation_times", held.times, "s"),
            _entry("relaxation_sigmas", held.sigmas * MICRO, "uS", held.errors * MICRO),
            _entry("relaxation_shifts", held.shifts * MICRO, "uS"),
        ]
    if fit.noise is not None:
        lines += _noise(fit)
    stuck = fit.stuck
    if stuck.on or stuck.off:
        lines.append(_form("faults", "stuck"))
        for kind, number, found, end in (
            ("on", stuck.on, stuck.on_range, target.max()),
            ("off", stuck.off, stuck.off_range, max(target.min(), 1e-12)),
        ):
            share = number / stuck.cells
            error = (share * (1 - share) / stuck.cells) ** 0.5
            seen = f"{number} of {stuck.cells} cells"
            lines.append(_entry(f"faults_{kind}_rate", share, "1", error, seen))
            limits = found or (end, end)
            note = "" if found else "no such cell was seen"
            lines.append(_entry(f"faults_{kind}_range", np.array(limits) * MICRO, "uS", note=note))
    return lines


def _programming(fit: CellFit) -> list[str]:
    held = fit.programming
    curve, own = held.spread, held.parameters[held.mean.size :]
    errors = held.errors("spread")
    why = f"{held.rows} cells, maximum likelihood; Schwarz's criterion prefers a {curve.name}"
    y, x = held.scale_y * MICRO, held.scale_x * MICRO
    lines: list[str] = []
    if curve.knots is not None or held.mean.knots is not None:
        knots = _knots(held)
        lines += [
            _form("programming", "interpolated"),
            _entry("programming_targets", knots * MICRO, "uS"),
            _entry("programming_sigmas", held.spread_at(knots) * MICRO, "uS",
                   held.error_of("spread", knots) * MICRO, why),
        ]  # fmt: skip
        if held.mean.knots is not None:
            errors = held.error_of("mean", knots) * MICRO
            lines.append(_entry("programming_biases", held.mean_at(knots) * MICRO, "uS", errors))
            return lines
    elif curve.name == "constant":
        lines += [
            _form("programming", "constant"),
            _entry("programming_sigma_g", abs(own[0]) * y, "uS", errors[0] * y, why),
        ]
    elif curve.name == "saturating":
        lines += [
            _form("programming", "saturating"),
            _entry("programming_amplitude", own[0] * y, "uS", errors[0] * y, why),
            _entry("programming_scale", abs(own[1]) * x, "uS", errors[1] * x),
        ]
    else:
        lines += [
            _form("programming", "polynomial"),
            _entry("programming_coefficients", own * y, "uS", errors * y, why),
            _entry("programming_reference", x, "uS", note="highest target"),
        ]
    words = {"offset": ("offset",), "gain": ("gain",), "gain and offset": ("offset", "gain")}
    named = words.get(held.mean.name, ())
    bias = zip(named, held.parameters[: held.mean.size], held.errors("mean"), strict=True)
    for word, value, error in bias:
        if word == "offset":
            lines.append(_entry("programming_offset", value * y, "uS", error * y))
        elif word == "gain":
            lines.append(_entry("programming_gain", value * y / x, "1", error * y / x))
    return lines


def _drift(fit: CellFit, held: Moments) -> list[str]:
    t0 = _entry("drift_t0", fit.first, "s", note="first readings")
    why = f"{held.rows} cells, first against last readings"
    plain = held.mean.name == held.spread.name == "constant"
    at = np.array([held.scale_x])
    if plain and held.mean_at(at)[0] >= 0:
        mean, spread = held.mean_at(at)[0], held.spread_at(at)[0]
        errors = held.error_of("mean", at)[0], held.error_of("spread", at)[0]
        return [
            _form("drift", "power_law"),
            _entry("drift_exponent", mean, "1", errors[0], why),
            _entry("drift_exponent_sigma", spread, "1", errors[1], why),
            t0,
        ]
    knots = at if plain else _knots(held)
    return [
        _form("drift", "interpolated"),
        _entry("drift_targets", knots * MICRO, "uS"),
        _entry("drift_means", held.mean_at(knots), "1", held.error_of("mean", knots), why),
        _entry("drift_sigmas", held.spread_at(knots), "1", held.error_of("spread", knots), why),
        t0,
    ]


def _noise(fit: CellFit) -> list[str]:
    held = fit.noise
    assert held is not None
    y, x = held.scale_y * MICRO, held.scale_x * MICRO
    why = f"repeated first reads, {held.freedom} degrees of freedom"
    own = np.abs(held.parameters)
    if held.curve.knots is not None:
        knots = held.curve.knots * held.scale_x
        return [
            _form("read_noise", "interpolated"),
            _entry("read_noise_conductances", knots * MICRO, "uS"),
            _entry("read_noise_sigmas", held.sigma_at(knots) * MICRO, "uS", None, why),
        ]
    error = 1 / (2 * held.freedom) ** 0.5
    if held.curve.name == "constant":
        form, name, value, unit = "constant", "sigma_g", own[0] * y, "uS"
    elif held.curve.name == "relative":
        form, name, value, unit = "relative", "ratio", own[0] * y / x, "1"
    else:
        return [
            _form("read_noise", "saturating"),
            _entry("read_noise_amplitude", own[0] * y, "uS", None, why),
            _entry("read_noise_scale", own[1] * x, "uS"),
        ]
    return [
        _form("read_noise", form),
        _entry(f"read_noise_{name}", value, unit, value * error, why),
    ]


def _knots(held: Moments) -> FloatArray:
    found = [curve.knots for curve in (held.mean, held.spread) if curve.knots is not None]
    if "logarithm" in held.mean.name + held.spread.name or not found:
        found.append(np.geomspace(max(held.lowest, LEAST), 1, KNOTS))
    return np.asarray(np.unique(np.round(np.concatenate(found), 9)) * held.scale_x)


def _missing(fit: CellFit) -> list[str]:
    found = ["current-voltage non-linearity and read voltage (not in the measurements)"]
    if fit.last == fit.first:
        found.append("drift and relaxation (readings at one time alone)")
    elif fit.drift is not None:
        found.append("relaxation beside drift")
    if fit.noise is None:
        found.append("read noise by itself (no repeated reads)")
    if not fit.stuck.on + fit.stuck.off:
        most = 3 / fit.stuck.cells
        found.append(f"stuck cells (none of {fit.stuck.cells}: with 95 % fewer than {most:.2g})")
    if fit.data.temperature is None:
        found.append("temperature (not in the measurements)")
    else:
        found.append("temperature dependence (the limits are those of the measurements)")
    return found


def _sentences(fit: CellFit) -> list[str]:
    """Return what the fit decided and how good it is."""
    held = fit.programming
    at = np.linspace(fit.data.target.min(), fit.data.target.max(), 5)
    said = [
        "95 % intervals of the programming error: "
        + ", ".join(
            f"{s * MICRO:.4g} ± {CONFIDENCE * e * MICRO:.2g} µS at {g * MICRO:.4g} µS"
            for g, s, e in zip(at, held.spread_at(at), held.error_of("spread", at), strict=True)
        )
        + ".",
        f"Mean deviation: {held.mean.name}.",
        f"Normal distribution (Anderson-Darling): p = {fit.normal:.2g}"
        + ("; it does not describe the errors." if fit.normal < RARE else "."),
    ]
    if fit.warmth is not None:
        slope, error = fit.warmth
        clear = abs(slope) > CONFIDENCE * error
        said.append(
            f"Deviations change by {slope:.2g} ± {CONFIDENCE * error:.2g} of their spread per "
            f"kelvin{', which the card leaves out' if clear else ''}."
        )
    return [*said, *(f"{note[0].upper()}{note[1:]}." for note in fit.notes)]


def _form(aspect: str, form: str) -> str:
    return f"  {aspect}_form: {{value: {form}}}"


def _entry(
    name: str, value: Any, unit: str, sigma: Any = None, derivation: str = "", note: str = ""
) -> str:
    parts = [f"value: {_numbers(value)}", f'unit: "{unit}"']
    if sigma is not None:
        parts.append(f"sigma: {_numbers(sigma)}")
    parts += [f"source: {KEY}", "status: measured"]
    for key, text in (("derivation", derivation), ("note", note)):
        if text:
            parts.append(f"{key}: {_quoted(text)}")
    return f"  {name}: {{{', '.join(parts)}}}"


def _numbers(value: Any) -> str:
    if np.ndim(value):
        return "[" + ", ".join(_numbers(item) for item in value) + "]"
    return f"{float(value):.9g}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
