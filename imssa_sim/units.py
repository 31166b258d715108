"""Quantities with units: text to SI floats, and SI floats to text.

A unit is a product of powers of table entries, each with an optional SI prefix:
``uS``, ``fF/um``, ``mm^2``, ``pJ/bit``, ``GB/s``. Arithmetic is exact (rational numbers, rounded
once at the end), so ``50 uS`` is the float ``5e-05``. Every quantity is checked against the
dimension that its place wants; counts that must not be confused with plain numbers (bit, op, MAC)
are dimensions of their own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from imssa_sim.errors import InputError, nearest

Vector = tuple[tuple[str, int], ...]
"""Exponents of the base dimensions, sorted by name, zeros left out."""


class UnitError(InputError):
    """A quantity whose number, unit or dimension cannot be accepted."""


@dataclass(frozen=True)
class Unit:
    """A parsed unit: ``SI value = (value + offset) * factor``."""

    text: str
    factor: Fraction
    vector: Vector
    offset: Fraction = Fraction(0)


_PREFIXES = {
    "a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "c": -2,
    "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BINARY_PREFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}

# symbol: (factor to SI base units, exponents of the base dimensions, takes SI prefixes)
_SYMBOLS: dict[str, tuple[Fraction, dict[str, int], bool]] = {
    "m": (Fraction(1), {"m": 1}, True),
    "s": (Fraction(1), {"s": 1}, True),
    "g": (Fraction(1, 1000), {"kg": 1}, True),
    "A": (Fraction(1), {"A": 1}, True),
    "K": (Fraction(1), {"K": 1}, True),
    "V": (Fraction(1), {"kg": 1, "m": 2, "s": -3, "A": -1}, True),
    "W": (Fraction(1), {"kg": 1, "m": 2, "s": -3}, True),
    "J": (Fraction(1), {"kg": 1, "m": 2, "s": -2}, True),
    "C": (Fraction(1), {"A": 1, "s": 1}, True),
    "F": (Fraction(1), {"kg": -1, "m": -2, "s": 4, "A": 2}, True),
    "S": (Fraction(1), {"kg": -1, "m": -2, "s": 3, "A": 2}, True),
    "ohm": (Fraction(1), {"kg": 1, "m": 2, "s": -3, "A": -2}, True),
    "Hz": (Fraction(1), {"s": -1}, True),
    "eV": (Fraction(1602176634, 10**28), {"kg": 1, "m": 2, "s": -2}, True),  # SI 2019, exact
    "min": (Fraction(60), {"s": 1}, False),
    "h": (Fraction(3600), {"s": 1}, False),
    "d": (Fraction(86400), {"s": 1}, False),
    "year": (Fraction(31557600), {"s": 1}, False),  # Julian year, 365.25 d (IAU)
    "years": (Fraction(31557600), {"s": 1}, False),
    "bit": (Fraction(1), {"bit": 1}, True),
    "B": (Fraction(8), {"bit": 1}, True),
    "op": (Fraction(1), {"op": 1}, True),
    "FLOP": (Fraction(1), {"op": 1}, True),
    "OPS": (Fraction(1), {"op": 1, "s": -1}, True),
    "FLOPS": (Fraction(1), {"op": 1, "s": -1}, True),
    "MAC": (Fraction(1), {"MAC": 1}, True),
    "Sa": (Fraction(1), {}, True),  # sample; a count
    "cycle": (Fraction(1), {"cycle": 1}, False),
    "feature": (Fraction(1), {"feature": 1}, False),  # minimum feature size F of a node
    "dB": (Fraction(1), {"dB": 1}, False),
    "%": (Fraction(1, 100), {}, False),
    "ppm": (Fraction(1, 10**6), {}, False),
    "1": (Fraction(1), {}, False),
}
_CELSIUS = Unit("degC", Fraction(1), (("K", 1),), Fraction(27315, 100))

# dimension: (unit in which SI values are held, an example for messages, units for display)
_DIMENSIONS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "number": ("1", "0.5", ("1",)),
    "time": ("s", "10 ns", ("s",)),
    "frequency": ("Hz", "1 GHz", ("Hz",)),
    "length": ("m", "32 nm", ("m",)),
    "area": ("m^2", "0.25 mm^2", ("nm^2", "um^2", "mm^2", "m^2")),
    "temperature": ("K", "300 K", ("K",)),
    "voltage": ("V", "0.2 V", ("V",)),
    "current": ("A", "1 uA", ("A",)),
    "charge": ("C", "1 fC", ("C",)),
    "conductance": ("S", "50 uS", ("S",)),
    "resistance": ("ohm", "1 kohm", ("ohm",)),
    "capacitance": ("F", "1 fF", ("F",)),
    "energy": ("J", "1 pJ", ("J",)),
    "power": ("W", "1 mW", ("W",)),
    "information": ("bit", "64 KiB", ("bit",)),
    "bandwidth": ("bit/s", "25.6 GB/s", ("bit/s",)),
    "operations": ("op", "1 Gop", ("op",)),
    "operation rate": ("op/s", "1 TOPS", ("op/s",)),
    "energy per bit": ("J/bit", "1 pJ/bit", ("J/bit",)),
    "power per bit": ("W/bit", "0.225 mW/bit", ("W/bit",)),
    "area per bit": ("m^2/bit", "1 um^2/bit", ("um^2/bit",)),
    "energy per operation": ("J/op", "1 pJ/op", ("J/op",)),
    "energy per MAC": ("J/MAC", "10 fJ/MAC", ("J/MAC",)),
    "energy per cycle": ("J/cycle", "1 pJ/cycle", ("J/cycle",)),
    "efficiency": ("op/J", "1 TOPS/W", ("op/J",)),
    "rate density": ("op/s/m^2", "1 TOPS/mm^2", ("TOPS/mm^2",)),
    "power density": ("W/m^2", "1 mW/mm^2", ("W/m^2",)),
    "energy per length": ("J/m", "1 pJ/mm", ("J/m",)),
    "capacitance per length": ("F/m", "0.2 fF/um", ("F/m",)),
    "resistance per length": ("ohm/m", "4.66 ohm/um", ("ohm/m",)),
    "time per length": ("s/m", "1 ns/mm", ("s/m",)),
    "voltage rate": ("V/s", "1 V/ns", ("V/s",)),
    "field": ("V/m", "1 V/nm", ("V/m",)),
    "feature length": ("feature", "10 feature", ("feature",)),
    "feature area": ("feature^2", "12 feature^2", ("feature^2",)),
    "cycles": ("cycle", "4 cycle", ("cycle",)),
    "level": ("dB", "50 dB", ("dB",)),
}

_NUMBER = re.compile(r"[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_FACTOR = re.compile(r"([A-Za-z%]+|1)(?:\^(-?\d+))?")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LARGEST_EXPONENT = 400  # beyond the range of floats; a bound on the work of exact arithmetic


def dimensions() -> tuple[str, ...]:
    """Return the names of all dimensions that `parse_quantity` accepts."""
    return tuple(_DIMENSIONS)


def si_unit(dimension: str) -> str:
    """Return the unit in which values of a dimension are held, for example ``"S"``."""
    return _DIMENSIONS[dimension][0]


def example(dimension: str) -> str:
    """Return an example quantity of a dimension, for messages."""
    return _DIMENSIONS[dimension][1]


def _symbol(text: str, whole: str) -> tuple[Fraction, dict[str, int]]:
    if text in _SYMBOLS:
        factor, vector, _ = _SYMBOLS[text]
        return factor, vector
    if text == "KB":
        raise UnitError(
            f"unit 'KB' in '{whole}' is ambiguous; write 'KiB' (1024 B) or 'kB' (1000 B)"
        )
    if text[:2] in _BINARY_PREFIXES and text[2:] in ("B", "bit"):
        factor, vector, _ = _SYMBOLS[text[2:]]
        return factor * 2 ** _BINARY_PREFIXES[text[:2]], vector
    rest = _SYMBOLS.get(text[1:])
    if text[0] in _PREFIXES and rest is not None and rest[2]:
        return rest[0] * Fraction(10) ** _PREFIXES[text[0]], rest[1]
    close = nearest(
        text, [*_SYMBOLS, *(p + s for s, e in _SYMBOLS.items() if e[2] for p in _PREFIXES)]
    )
    hint = f"; did you mean '{close}'?" if close else ""
    raise UnitError(f"unknown unit '{text}' in '{whole}'{hint}")


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit:
    """Parse a unit such as ``fF/um`` or ``mm^2``.

    ``*``, ``·`` or a space multiply, ``/`` divides by the one factor after it, ``^`` or ``**``
    raise to an integer power, superscript digits do too.

    Raises
    ------
    UnitError
        For an unknown symbol or a malformed expression.
    """
    plain = text.strip().replace("µ", "u").replace("μ", "u").replace("Ω", "ohm").replace("Ω", "ohm")
    if plain in ("degC", "°C"):
        return _CELSIUS
    plain = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "^" + m[0].translate(_SUPERSCRIPTS), plain)
    plain = plain.replace("**", "^").replace("·", "*")
    plain = re.sub(r"\s*([*/^])\s*", r"\1", plain)
    tokens = re.split(r"([*/]|\s+)", plain)
    factor = Fraction(1)
    exponents: dict[str, int] = {}
    divided = False
    for index in range(0, len(tokens), 2):
        operator = tokens[index - 1].strip() if index else "*"
        match = _FACTOR.fullmatch(tokens[index])
        if match is None:
            raise UnitError(f"cannot read the unit '{text}'; write for example 'fF/um' or 'mm^2'")
        if divided and operator != "/":
            raise UnitError(f"unit '{text}' is ambiguous after its '/'; put all products before it")
        divided = divided or operator == "/"
        power = int(match[2] or 1) * (-1 if operator == "/" else 1)
        if abs(power) > 9:
            raise UnitError(f"power {power} in the unit '{text}' is out of range")
        base, vector = _symbol(match[1], text)
        factor *= base**power
        for name, exponent in vector.items():
            exponents[name] = exponents.get(name, 0) + exponent * power
    return Unit(text.strip(), factor, tuple(sorted((k, v) for k, v in exponents.items() if v)))


@lru_cache(maxsize=1)
def _by_vector() -> dict[Vector, str]:
    names: dict[Vector, str] = {}
    for name, (unit, _, _) in _DIMENSIONS.items():
        names.setdefault(parse_unit(unit).vector, name)
    return names


def dimension_of(unit: Unit) -> str:
    """Return the name of a unit's dimension, or its base units if it has no name here."""
    named = _by_vector().get(unit.vector)
    return named or "·".join(n if e == 1 else f"{n}^{e}" for n, e in unit.vector)


def si_unit_of(unit: Unit) -> str:
    """Return the unit in which values of ``unit``'s dimension are held in SI."""
    named = _by_vector().get(unit.vector)
    if named:
        return _DIMENSIONS[named][0]
    return "*".join(n if e == 1 else f"{n}^{e}" for n, e in unit.vector)


def _exact(number: str) -> Fraction:
    exponent = re.search(r"[eE]([+-]?\d+)$", number)
    if len(number) > 200 or (exponent and abs(int(exponent[1])) > _LARGEST_EXPONENT):
        raise UnitError(f"number '{number[:40]}' is out of range")
    return Fraction(number)


def _rounded(value: Fraction, shown: str) -> float:
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if math.isinf(result) or (result == 0.0 and value != 0):
        raise UnitError(f"'{shown}' is out of range")
    return result


def to_si(value: float, unit: str | Unit) -> float:
    """Convert a number in ``unit`` to SI, exact up to one rounding of the decimal number.

    Raises
    ------
    UnitError
        For an unknown unit, or a value that is not finite or leaves the range of floats.
    """
    parsed = parse_unit(unit) if isinstance(unit, str) else unit
    if not math.isfinite(value):
        raise UnitError(f"{value} is not a finite number")
    number = repr(int(value)) if isinstance(value, int) else repr(float(value))
    return _rounded((_exact(number) + parsed.offset) * parsed.factor, f"{number} {parsed.text}")


def parse_quantity(text: str, dimension: str) -> float:
    """Parse a quantity with unit, for example ``parse_quantity("50 uS", "conductance") == 5e-5``.

    Parameters
    ----------
    text : str
        A decimal number and a unit; the unit may be left out for dimension "number" alone.
    dimension : str
        One of `dimensions`.

    Returns
    -------
    float
        The value in the SI unit `si_unit` of the dimension.

    Raises
    ------
    UnitError
        Says which dimension was found and which was expected.
    """
    unit, sample, _ = _DIMENSIONS[dimension]
    article = "an" if dimension[0] in "aeiou" else "a"
    expected = f"expected {article} {dimension}, for example '{sample}'"
    if not isinstance(text, str):
        raise UnitError(f"{text!r} has no unit; {expected}")
    stripped = text.strip()
    match = _NUMBER.match(stripped)
    if match is None:
        raise UnitError(f"'{stripped}' is not a number with a unit; {expected}")
    rest = stripped[match.end() :].strip()
    if not rest and dimension != "number":
        raise UnitError(f"'{stripped}' has no unit; {expected}")
    try:
        # In a rate, S stands for samples: GS/s is what data sheets of converters print.
        sample_rate = dimension == "frequency" and re.fullmatch(r"[kMG]?S/s", rest)
        parsed = parse_unit(rest.replace("S/s", "Sa/s") if sample_rate else rest or "1")
    except UnitError as error:
        raise UnitError(f"{error}; {expected}") from None
    if parsed.vector != parse_unit(unit).vector:
        found = dimension_of(parsed) or "number"
        raise UnitError(
            f"'{stripped}' is {'an' if found[0] in 'aeiou' else 'a'} {found}; {expected}"
        )
    return _rounded((_exact(match[0]) + parsed.offset) * parsed.factor, stripped)


def parse_any(text: str) -> tuple[float, Unit]:
    """Parse a quantity of any dimension; return its SI value and its unit.

    Raises
    ------
    UnitError
        If the text is not a number with a unit, or a bare number.
    """
    stripped = text.strip()
    match = _NUMBER.match(stripped)
    if match is None:
        raise UnitError(f"'{stripped}' is not a number with a unit")
    parsed = parse_unit(stripped[match.end() :].strip() or "1")
    return _rounded((_exact(match[0]) + parsed.offset) * parsed.factor, stripped), parsed


_ENGINEERING = {
    -18: "a", -15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "",
    3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E",
}  # fmt: skip


def _takes_prefix(unit: str) -> bool:
    head = _SYMBOLS.get(re.split(r"[*/ ]", unit)[0])  # with a power: not a symbol
    return head is not None and head[2]


def format_si(value: float, unit: str, digits: int = 4) -> str:
    """Format an SI value for a screen with an engineering prefix: ``format_si(5e-5, "S")``.

    Parameters
    ----------
    value : float
        In ``unit``.
    unit : str
        A unit whose first factor takes a prefix; others (``m^2``, ``1``) are printed as they are,
        areas in mm², µm² or nm², times of a minute and more in min, h, d and years.
    digits : int
        Significant digits; trailing zeros are dropped.
    """
    if not math.isfinite(value):
        return f"{value} {unit}".rstrip()
    if unit in ("m^2", "m²"):
        power = next((p for p in (-6, -12, -18) if abs(value) >= 0.1 * 10.0**p), -18)
        name = {-6: "mm²", -12: "µm²", -18: "nm²"}[power]
        return f"{_significant(value / 10.0**power, digits)} {name}"
    if unit == "s" and abs(value) >= 60:
        return _long_time(value, digits)
    if value == 0 or not _takes_prefix(unit):
        return f"{_significant(value, digits)} {'' if unit == '1' else unit}".rstrip()
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = min(18, max(-18, 3 * math.floor(math.log10(abs(rounded)) / 3 + 1e-12)))
    prefix = _ENGINEERING[exponent].replace("u", "µ")
    return f"{_significant(float(Decimal(repr(value)).scaleb(-exponent)), digits)} {prefix}{unit}"


def _long_time(seconds: float, digits: int) -> str:
    units = ("year", "d", "h", "min")
    name = next(n for n in units if abs(seconds) >= float(_SYMBOLS[n][0]))
    return _long_time_in(name, seconds, digits)


def _long_time_in(name: str, seconds: float, digits: int) -> str:
    number = _significant(seconds / float(_SYMBOLS[name][0]), digits)
    return f"{number} {name}{'s' if name == 'year' and number != '1' else ''}"


def _significant(value: float, digits: int) -> str:
    text = f"{value:.{digits}g}"
    return repr(round(value)) if "e+" in text and abs(value) < 1e6 else text


def format_exact(value: float, dimension: str) -> str:
    """Format an SI value so that `parse_quantity` gives the very same float back."""
    unit = si_unit(dimension)
    exact = Decimal(repr(float(value)))
    if dimension == "time" and abs(value) >= 60:
        return _exact_long_time(float(value))
    exponent = 0
    if value != 0 and _takes_prefix(unit):
        exponent = min(18, max(-18, 3 * (exact.adjusted() // 3)))
    mantissa = f"{exact.scaleb(-exponent).normalize():f}"
    if len(mantissa) > 24:
        return f"{float(value)!r} {unit}"
    return f"{mantissa} {_ENGINEERING[exponent]}{unit}".rstrip()


def _exact_long_time(seconds: float) -> str:
    """Return a time in the largest unit of which it is some, in few digits; else in seconds."""
    for name in ("year", "d", "h", "min"):
        if abs(seconds) >= float(_SYMBOLS[name][0]):
            text = _long_time_in(name, seconds, 6)
            if parse_quantity(text, "time") == seconds:
                return text
    plain = f"{Decimal(repr(seconds)).normalize():f}"
    return f"{plain if len(plain) <= 24 else repr(seconds)} s"
