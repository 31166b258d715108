"""One crossbar as a matrix: its forms, its costs, and the codes of CrossSim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim

DATA = Path(__file__).parent / "data" / "crosssim_mvm64.npz"
QUIET = {
    f"effects.{name}": False
    for name in ("programming_error", "relaxation", "read_noise", "drift", "faults")
}
SCHEMES = [
    ("differential", "analog"), ("differential", "digital"), ("one_sided", "analog"),
    ("one_sided", "digital"), ("offset", "analog"), ("offset", "digital"),
    ("four_line", "digital"),
]  # fmt: skip


def matrix(outputs: int = 7, inputs: int = 9, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, (outputs, inputs))


def vectors(inputs: int = 9, number: int = 5) -> Any:
    return np.random.default_rng(1).uniform(-1, 1, (inputs, number))


CORES = [
    (core, scheme, subtraction, adc, levels)
    for core, scheme, subtraction in (
        ("one_sided", "one_sided", "analog"),
        ("two_sided", "differential", "analog"),
        ("offset_digital", "offset", "digital"),
        ("offset_unit_column", "offset", "unit_column"),
    )
    for adc, levels in (("SignMagnitudeADC", "mid_tread"), ("QuantizerADC", "mid_rise"))
]
# Both lines converted.
CORES += [
    ("one_sided", "one_sided", "digital", "SignMagnitudeADC.two_adcs", "mid_tread"),
    ("two_sided", "differential", "digital", "SignMagnitudeADC.two_adcs", "mid_tread"),
]


# CrossSim 3.2.0, with the settings in the file's meta_json; made once with its own AnalogCore.


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    with np.load(DATA) as file:
        return {name: file[name] for name in file}


def error_of(core: str, reference: dict[str, Any], wanted: str, low: float, g_max: float) -> Any:
    """Its errors (inputs, lines) in our order: pairs side by side, the offset's line last.

    Two-sided pairs of zero weight rest at the lowest conductance here, in the middle there: they
    are given as errors, which is to say where these cells really are.
    """
    if core == "two_sided":
        rest = np.where(reference["w_int"] == 0, (g_max - low) / 2, 0)
        given = error_of("pairs", reference, wanted, low, g_max)
        return np.repeat(rest, 2, axis=0).T + (0 if given is None else given)
    if wanted == "ideal":
        return None
    plus, minus = (reference[name].astype(float) for name in ("err_pos", "err_neg"))
    if core == "offset_digital":
        return np.concatenate([plus[:64], np.zeros((1, 64))]).T * g_max
    if core == "offset_unit_column":
        return np.concatenate([plus[1:], plus[:1]]).T * g_max
    pairs = np.stack([plus[:64], minus[:64]], axis=1)
    return pairs.reshape(128, 64).T * g_max


@pytest.mark.parametrize("weight_bits", [8, None])
@pytest.mark.parametrize("wanted", ["ideal", "error"])
@pytest.mark.parametrize("width", ["wide", "tight"])
@pytest.mark.parametrize(("core", "scheme", "subtraction", "adc", "levels"), CORES)
def test_codes_are_those_of_crosssim(
    reference: dict[str, Any], core: str, scheme: str, subtraction: str, adc: str, levels: str,
    width: str, wanted: str, weight_bits: int | None,
) -> None:  # fmt: skip
    name = f"grid.{core}.{width}.{wanted}.{adc}"
    weights, inputs = reference["w_int"] / 127, reference["x_int"] / 127
    low, high = 1e-5, 1e-4
    unit = (2 if core.startswith("offset") else 1) * np.abs(weights).max() / (1 - low / high)
    span = json.loads(str(reference["meta_json"]))["settings"][name]["adc_range"][1] * unit
    crossbar = imssa_sim.Crossbar(
        weights, adc_range=span, adc_levels=levels, scheme=scheme, subtraction=subtraction,
        conductance_range=(low, high), set=QUIET, weight_bits=weight_bits,
        error=error_of(core, reference, wanted, low, high),
    )  # fmt: skip
    step = 2 * span / (254 if levels == "mid_tread" else 255)
    np.testing.assert_allclose((crossbar @ inputs) / step, reference[name] / step, atol=1e-3)


# A matrix.


@pytest.mark.parametrize(("scheme", "subtraction"), SCHEMES)
def test_all_forms_of_the_product(scheme: str, subtraction: str) -> None:
    weights, x = matrix(), vectors()
    crossbar = imssa_sim.Crossbar(
        weights, scheme=scheme, subtraction=subtraction, adc_bits=14, dac_bits=12,
        weight_bits=None, set=QUIET,
    )  # fmt: skip
    y = vectors(7)

    def near(found: Any, expected: Any) -> None:
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=0.01)

    near(crossbar @ x, weights @ x)
    near(crossbar.matmat(x), weights @ x)
    near(crossbar @ x[:, 0], weights @ x[:, 0])
    near(crossbar.matvec(x[:, 0]), weights @ x[:, 0])
    near(crossbar.T @ y, weights.T @ y)
    near(crossbar.rmatvec(y[:, 1]), weights.T @ y[:, 1])
    near(y.T @ crossbar, y.T @ weights)
    near(y[:, 0] @ crossbar, y[:, 0] @ weights)
    near(crossbar.T.T @ x, weights @ x)
    near(crossbar[2:5] @ x, weights[2:5] @ x)
    near(crossbar[1:6, ::2] @ x[::2], weights[1:6, ::2] @ x[::2])
    near(crossbar[[0, 3], -1:] @ x[-1:], weights[[0, 3], -1:] @ x[-1:])
    near(crossbar[4] @ x, weights[4:5] @ x)
    near(crossbar.T[::2, 1:4] @ y[1:4], weights.T[::2, 1:4] @ y[1:4])
    near(crossbar[1:4].T @ y[1:4], weights[1:4].T @ y[1:4])
    near(np.asarray(crossbar), weights)
    near(np.asarray(crossbar.T[2:4]), weights.T[2:4])
    assert crossbar.shape == (7, 9)
    assert crossbar.T.shape == (9, 7)


@pytest.mark.parametrize(("scheme", "subtraction"), SCHEMES)
def test_cells_in_parallel_hold_the_same_weights(scheme: str, subtraction: str) -> None:
    weights, x = matrix(), vectors()
    crossbar = imssa_sim.Crossbar(
        weights, scheme=scheme, subtraction=subtraction, adc_bits=14, dac_bits=12,
        weight_bits=None, set=QUIET | {"chip.tile.devices": 3},
    )  # fmt: skip
    np.testing.assert_allclose(crossbar @ x, weights @ x, atol=0.01)


def test_noise_does_not_depend_on_where_lines_are_subtracted() -> None:
    x = np.repeat(vectors(number=1), 2000, axis=1)
    spread = [
        (imssa_sim.Crossbar(matrix(), subtraction=where, adc_bits=15) @ x).std(axis=1)
        for where in ("analog", "digital")
    ]
    assert spread[0].min() > 0
    np.testing.assert_allclose(spread[0], spread[1], rtol=0.15)


def test_an_ideal_crossbar_is_exact() -> None:
    rng = np.random.default_rng(3)
    weights, x = rng.integers(-127, 128, (6, 5)), rng.integers(-127, 128, (5, 4))
    weights[0, 0] = 127
    crossbar = imssa_sim.Crossbar(weights, ideal=True, input_range=127)
    np.testing.assert_allclose(crossbar @ x, weights @ x, rtol=1e-15)
    assert crossbar.energy > 0


def test_noise_is_new_in_each_read_and_the_same_in_each_process() -> None:
    first, second = (imssa_sim.Crossbar(matrix(), adc_bits=12, seed=4) for _ in range(2))
    x = vectors()
    a, b = first @ x, first @ x
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(second @ x, a)
    third = imssa_sim.Crossbar(matrix(), adc_bits=12, seed=4)
    np.testing.assert_array_equal(np.hstack([third @ x[:, :2], third @ x[:, 2:]]), a)
    other = imssa_sim.Crossbar(matrix(), adc_bits=12, seed=4, chip=1)
    assert not np.array_equal(other.conductance, first.conductance)


def test_a_given_error_moves_the_conductances_and_the_product() -> None:
    weights = matrix(4, 5)
    plain = imssa_sim.Crossbar(weights, set=QUIET, weight_bits=None)
    error = np.zeros((5, 8))
    error[2, 6] = 5e-6
    moved = imssa_sim.Crossbar(weights, set=QUIET, weight_bits=None, error=error, adc_bits=14)
    np.testing.assert_allclose(moved.conductance - plain.conductance, error, atol=1e-18)
    change = np.asarray(moved) - weights
    assert change[3, 2] > 0.01
    change[3, 2] = 0
    np.testing.assert_allclose(change, 0, atol=1e-6)


def test_time_passes() -> None:
    crossbar = imssa_sim.Crossbar(matrix(), cell="cells/pcm_joshi_2020", seed=2)
    late = crossbar.later(86400.0)
    assert late.conductance.sum() < crossbar.conductance.sum()
    assert late.reads == 0


# What it takes.


def test_energy_and_time_grow_with_the_reads() -> None:
    crossbar, x = imssa_sim.Crossbar(matrix(), set=QUIET), vectors()
    assert (crossbar.energy, crossbar.time, crossbar.reads) == (0.0, 0.0, 0)
    _ = crossbar @ x
    once, time = crossbar.energy, crossbar.time
    assert crossbar.reads == 5
    assert once == pytest.approx(sum(crossbar.energy_by_kind.values()))
    _ = crossbar.T.T[:, :] @ x
    assert crossbar.energy == pytest.approx(2 * once)
    assert crossbar.time == pytest.approx(2 * time)
    # 9 word lines driven for 127 ns, one cycle of 1 ns, 7 columns on 16 converters at 100 MHz
    assert time == pytest.approx(5 * (127e-9 + 1e-9 + 10e-9))
    assert crossbar.area > 0


def test_cells_dissipate_what_ohms_law_says() -> None:
    crossbar, x = imssa_sim.Crossbar(matrix(), set=QUIET), vectors()
    _ = crossbar @ x
    codes = np.abs(np.rint(x * 127)).sum(axis=1)
    expected = (crossbar.conductance.sum(axis=1) * 0.2**2 * codes * 1e-9).sum()
    assert crossbar.energy_by_kind["array"] == pytest.approx(expected)


def test_fewer_lines_take_less() -> None:
    whole, part = (imssa_sim.Crossbar(matrix(), set=QUIET) for _ in range(2))
    _, _ = whole @ vectors(), part[:3, :4] @ vectors(4)
    for kind in ("dac", "adc", "array"):
        assert part.energy_by_kind[kind] < whole.energy_by_kind[kind]


# Bad input.


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weights": [1.0, 2.0]}, "weights: expected a matrix"),
        ({"weights": [[np.nan]]}, "weights: a number is not finite"),
        ({"weights": [["a"]]}, "weights: expected a matrix of real numbers"),
        ({"weights": np.zeros((0, 3))}, "has no weight"),
        ({"cell": "cells/taox_imsa"}, "cells/taox_imssa"),
        ({"adc_bits": 99}, "adc.bits"),
        ({"dac_bits": 1}, "dac_bits: expected an integer from 2 to 15"),
        ({"weight_bits": "x"}, "weight_bits"),
        ({"scheme": "onesided"}, "did you mean 'one_sided'"),
        ({"subtraction": "unit_column"}, "goes with scheme='offset'"),
        ({"adc_range": -1.0}, "adc_range: expected a positive number"),
        ({"adc_range": [1.0, 2.0]}, "or 7 of them"),
        ({"error": np.zeros((2, 2))}, r"error: expected conductances of shape \(9, 14\)"),
        ({"conductance_range": (2e-5, 1e-5)}, "conductance_range"),
        ({"input_range": 0}, "input_range"),
        ({"set": {"effects.drifts": False}}, "did you mean 'hardware.effects.drift'"),
        ({"set": {"chip.tile.slices": 2}}, "holds whole weights"),
        ({"time": 1e30}, "holds for"),
    ],
)
def test_bad_arguments_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(imssa_sim.ImssaError, match=said):
        imssa_sim.Crossbar(**({"weights": matrix(), "cell": "cells/pcm_joshi_2020"} | given))


def test_bad_inputs_are_refused() -> None:
    crossbar = imssa_sim.Crossbar(matrix(), ideal=True)
    with pytest.raises(imssa_sim.InputError, match="inner sizes differ"):
        _ = crossbar @ vectors(7)
    with pytest.raises(imssa_sim.InputError, match="beyond input_range"):
        _ = crossbar @ np.full(9, 1.5)
    with pytest.raises(imssa_sim.InputError, match="chooses"):
        _ = crossbar[12:]
    with pytest.raises(imssa_sim.InputError, match="two axes"):
        _ = crossbar[1, 2, 3]
    with pytest.raises(imssa_sim.InputError, match="takes a vector"):
        crossbar.matvec(vectors())
    unit = imssa_sim.Crossbar(matrix(), scheme="offset", subtraction="unit_column")
    with pytest.raises(imssa_sim.InputError, match="unit column"):
        _ = unit.T


def test_complex_numbers_stand_on_four_lines_of_either_side():
    """Of -1 - 2i times a complex input, cell by cell; three levels of conductance."""
    product = np.array([[-1.0, 2.0], [-2.0, -1.0]])  # re, im of the output by those of the input
    crossbar = imssa_sim.Crossbar(
        product, scheme="four_line", subtraction="digital", weight_bits=None, set=QUIET,
        conductance_range=(1e-6, 3e-4),
    )  # fmt: skip
    level = np.rint((crossbar.targets - 1e-6) / (3e-4 - 1e-6) * 2)
    np.testing.assert_array_equal(level, [[0, 1, 0, 2], [1, 0, 2, 0], [2, 0, 0, 1], [0, 2, 1, 0]])


def test_four_lines_are_subtracted_behind_the_converters():
    with pytest.raises(imssa_sim.InputError, match="give subtraction='digital'"):
        imssa_sim.Crossbar(matrix(), scheme="four_line")
