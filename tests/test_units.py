"""Quantities against pint, exact decimal arithmetic, and the wording of rejections."""

import math
import re
import warnings
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.units import (
    UnitError,
    dimension_of,
    dimensions,
    example,
    format_exact,
    format_si,
    parse_any,
    parse_quantity,
    parse_unit,
    si_unit,
    si_unit_of,
    to_si,
)


@pytest.fixture(scope="module")
def pint_registry():  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pint

        return pint.UnitRegistry()


# unit of ours, the same in pint's language, SI unit in pint's language
PINT = [
    ("uS", "microsiemens", "siemens"),
    ("pJ", "picojoule", "joule"),
    ("fF/um", "femtofarad/micrometer", "farad/meter"),
    ("ohm/um", "ohm/micrometer", "ohm/meter"),
    ("um^2", "micrometer**2", "meter**2"),
    ("mm^2", "millimeter**2", "meter**2"),
    ("cm^2", "centimeter**2", "meter**2"),
    ("mm²", "millimeter**2", "meter**2"),
    ("pJ/bit", "picojoule/bit", "joule/bit"),
    ("mW/bit", "milliwatt/bit", "watt/bit"),
    ("uW", "microwatt", "watt"),
    ("GB/s", "gigabyte/second", "bit/second"),
    ("KiB", "kibibyte", "bit"),
    ("W/mm^2", "watt/millimeter**2", "watt/meter**2"),
    ("V/ns", "volt/nanosecond", "volt/second"),
    ("mV", "millivolt", "volt"),
    ("uA", "microampere", "ampere"),
    ("aJ", "attojoule", "joule"),
    ("fC", "femtocoulomb", "coulomb"),
    ("GHz", "gigahertz", "1/second"),
    ("h", "hour", "second"),
    ("min", "minute", "second"),
    ("d", "day", "second"),
    ("ns", "nanosecond", "second"),
    ("degC", "degC", "kelvin"),
    ("eV", "electron_volt", "joule"),
    ("%", "percent", ""),
    ("ppm", "ppm", ""),
    ("kg*m^2/s^2", "kilogram*meter**2/second**2", "joule"),
    ("V^2 S s", "volt**2*siemens*second", "joule"),
    ("s^-1", "1/second", "1/second"),
    ("µm", "micrometer", "meter"),
    ("kΩ", "kiloohm", "ohm"),
]


@pytest.mark.parametrize(("ours", "theirs", "si"), PINT)
def test_agrees_with_pint(pint_registry, ours: str, theirs: str, si: str) -> None:  # type: ignore[no-untyped-def]
    for value in (1.0, 0.237, 1e-4, 4.66e3):
        quantity = pint_registry.Quantity(value, theirs)
        expected = quantity.to(si or "dimensionless").magnitude
        assert to_si(value, ours) == pytest.approx(expected, rel=1e-8 if ours == "eV" else 1e-12)


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("50 uS", "conductance", 5e-05),  # pint: 4.9999999999999996e-05
        ("0.25 mm^2", "area", 2.5e-07),  # quantiphy: 10³ off
        ("1 GHz", "frequency", 1e9),
        ("1.28 GS/s", "frequency", 1.28e9),
        ("100 MSa/s", "frequency", 1e8),
        ("32nm", "length", 3.2e-08),
        ("25.6 GB/s", "bandwidth", 204.8e9),
        ("64 KiB", "information", 524288.0),
        ("0.225 mW/bit", "power per bit", 0.000225),
        ("627.5 GOPS/W", "efficiency", 6.275e11),
        ("478.95 GOPS/mm^2", "rate density", 4.7895e17),
        ("12 feature^2", "feature area", 12.0),
        ("-40 degC", "temperature", 233.15),
        ("1_000 ns", "time", 1e-06),
        (".5 V", "voltage", 0.5),
        ("1.e2 V", "voltage", 100.0),
        ("0.5", "number", 0.5),
        ("50 %", "number", 0.5),
        ("3.6 dB", "level", 3.6),
        ("1 h", "time", 3600.0),
        ("  5\tuW ", "power", 5e-06),
    ],
)
def test_exact_values(text: str, dimension: str, expected: float) -> None:
    assert parse_quantity(text, dimension) == expected


PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}


@given(
    st.decimals(-1_000_000, 1_000_000, places=6, allow_nan=False),
    st.sampled_from(sorted(PREFIXES)),
    st.sampled_from(["V", "S", "J", "W", "F", "s", "ohm", "A", "Hz", "C"]),
)
def test_prefixes_scale_exactly(number: Decimal, prefix: str, symbol: str) -> None:
    value, unit = parse_any(f"{number} {prefix}{symbol}")
    assert value == float(number.scaleb(PREFIXES[prefix]))
    assert unit.vector == parse_unit(symbol).vector


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(sorted(dimensions())))
def test_format_exact_gives_the_same_float_back(value: float, dimension: str) -> None:
    if dimension == "temperature":
        value = abs(value)
    if value == 0 or abs(value) > 1e-290:  # subnormal numbers have fewer digits
        assert parse_quantity(format_exact(value, dimension), dimension) == value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (60, "1 min"), (3600, "1 h"), (5400, "1.5 h"), (2_592_000, "30 d"),
        (31_557_600, "1 year"), (315_576_000, "10 years"), (3601, "3601 s"), (3600.5, "3600.5 s"),
        (59, "59 s"), (1e-9, "1 ns"), (1e300, "1e+300 s"),
    ],
)  # fmt: skip
def test_long_times_are_in_units_that_people_read(seconds: float, text: str) -> None:
    assert format_exact(seconds, "time") == text


@pytest.mark.parametrize("dimension", dimensions())
def test_every_dimension_has_a_consistent_row(dimension: str) -> None:
    parse_quantity(example(dimension), dimension)
    unit = parse_unit(si_unit(dimension))
    assert dimension_of(unit) == dimension
    assert unit.factor == 1
    assert si_unit_of(unit) == si_unit(dimension)


@pytest.mark.parametrize(
    ("text", "dimension", "words"),
    [
        ("0.2 V", "frequency", "'0.2 V' is a voltage; expected a frequency, for example '1 GHz'"),
        ("1 ns", "frequency", "'1 ns' is a time; expected a frequency"),
        ("100", "frequency", "'100' has no unit; expected a frequency, for example '1 GHz'"),
        ("1 J", "area", "'1 J' is an energy; expected an area, for example '0.25 mm^2'"),
        ("1 pJ", "energy per bit", "'1 pJ' is an energy; expected an energy per bit"),
        ("1 GOPS", "frequency", "'1 GOPS' is an operation rate; expected a frequency"),
        ("1 mm", "area", "'1 mm' is a length; expected an area"),
        ("5 %", "voltage", "'5 %' is a number; expected a voltage"),
        ("1 kg V", "voltage", "expected a voltage"),
        ("1 GHy", "frequency", "unknown unit 'GHy' in 'GHy'; did you mean 'GHz'?"),
        ("1 us/zz", "time", "unknown unit 'zz' in 'us/zz'"),
        ("64 KB", "information", "write 'KiB' (1024 B) or 'kB' (1000 B)"),
        ("fast", "time", "'fast' is not a number with a unit; expected a time"),
        ("", "time", "'' is not a number with a unit"),
        ("nan s", "time", "not a number"),
        ("inf s", "time", "not a number"),
        ("1 W/m K", "power", "ambiguous after its '/'"),
        ("1 m^99", "length", "out of range"),
        ("1 m^x", "length", "cannot read the unit"),
        ("1 V/", "voltage", "cannot read the unit"),
        ("1e999 V", "voltage", "out of range"),
        ("1e309 V", "voltage", "out of range"),
        ("1e-400 V", "voltage", "out of range"),
        ("1e-330 V", "voltage", "out of range"),
        ("1e99999999999 V", "voltage", "out of range"),
        ("1" * 500 + " V", "voltage", "out of range"),
        ("1 2 V", "voltage", "cannot read the unit"),
        ("1,5 V", "voltage", "cannot read the unit"),
    ],
)
def test_rejections_say_what_was_expected(text: str, dimension: str, words: str) -> None:
    with pytest.raises(UnitError, match=re.escape(words)):
        parse_quantity(text, dimension)


def test_a_bare_number_is_not_a_quantity() -> None:
    with pytest.raises(UnitError, match="100 has no unit; expected a time"):
        parse_quantity(100, "time")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_must_be_finite(value: float) -> None:
    with pytest.raises(UnitError, match="not a finite number"):
        to_si(value, "V")


@given(st.text(max_size=20))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    try:
        value, _ = parse_any(text)
    except UnitError:
        return
    assert math.isfinite(value)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (5e-5, "S", "50 µS"),
        (1.23456e-9, "J", "1.235 nJ"),
        (999.99e-9, "s", "1 µs"),
        (999.94e-9, "s", "999.9 ns"),
        (3.2e-8, "m^2", "32000 µm²"),
        (6.25e-5, "m^2", "62.5 mm²"),
        (4e-13, "m^2", "0.4 µm²"),
        (12e12, "OPS/W", "12 TOPS/W"),
        (0.0, "J", "0 J"),
        (-2e-3, "V", "-2 mV"),
        (0.1234567, "1", "0.1235"),
        (1e30, "W", "1e+12 EW"),
        (math.nan, "W", "nan W"),
        (59.99, "s", "59.99 s"),
        (90.0, "s", "1.5 min"),
        (7200.0, "s", "2 h"),
        (86400.0, "s", "1 d"),
        (31557600.0, "s", "1 year"),
        (315576000.0, "s", "10 years"),
        (-7200.0, "s", "-2 h"),
        (1234567.0, "1", "1.235e+06"),
        (123456.0, "1", "123456"),
    ],
)
def test_format_si(value: float, unit: str, expected: str) -> None:
    assert format_si(value, unit) == expected


@given(st.floats(1e-17, 1e17), st.sampled_from(["V", "J", "s", "Hz", "W", "S"]))
def test_format_si_stays_within_its_digits(value: float, unit: str) -> None:
    text = format_si(value, unit)
    assert parse_any(text)[0] == pytest.approx(value, rel=5.01e-4)
    mantissa = float(text.split()[0])
    assert mantissa >= 1
    assert mantissa < 1000 or "year" in text
