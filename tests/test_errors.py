"""Errors: exit codes, rebuilding from args, wording, nearest names."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.errors import (
    ConfigError,
    ImssaError,
    InputError,
    InternalError,
    Problem,
    ValidityError,
    nearest,
)
from imssa_sim.units import UnitError

PROBLEM = Problem("is wrong", "a.yaml", 3, 5, "x.y", "z", "do this")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImssaError("m"), 4),
        (InputError("m"), 2),
        (UnitError("m"), 2),
        (ConfigError([PROBLEM]), 2),
        (ValidityError("m"), 3),
        (InternalError("m"), 4),
    ],
)
def test_exit_codes(error: ImssaError, code: int) -> None:
    assert error.exit_code == code


@pytest.mark.parametrize(
    "error",
    [InputError("two words"), ValidityError(""), InputError("m", 1, "b"), ConfigError([PROBLEM])],
)
def test_errors_can_be_rebuilt_from_their_args_and_pickled(error: ImssaError) -> None:
    # SimPy re-raises type(e)(*e.args); process pools pickle.
    for copy in (type(error)(*error.args), pickle.loads(pickle.dumps(error))):
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert copy.args == error.args


def test_simpy_re_raises_an_error_unchanged() -> None:
    import simpy

    def process(env: simpy.Environment):  # type: ignore[no-untyped-def]
        yield env.timeout(1)
        raise ConfigError([PROBLEM])

    env = simpy.Environment()
    env.process(process(env))
    with pytest.raises(ConfigError, match=r"a\.yaml:3:5: x\.y: is wrong"):
        env.run()


def test_problem_wording() -> None:
    assert str(PROBLEM) == "a.yaml:3:5: x.y: is wrong; did you mean 'z'? do this"
    assert str(Problem("is empty", "a.yaml")) == "a.yaml: is empty"
    assert str(Problem("bad", "a.yaml", 1, 2, remedy="mend")) == "a.yaml:1:2: bad; mend"


def test_config_error_lists_problems_in_the_order_of_the_file() -> None:
    late, early, also = Problem("c", "a", 10, 1), Problem("b", "a", 9, 7), Problem("a", "a", 9, 2)
    lines = str(ConfigError([late, early, also])).splitlines()
    assert lines == ["a:9:2: a", "a:9:7: b", "a:10:1: c"]


@pytest.mark.parametrize(
    ("name", "candidates", "expected"),
    [
        ("widht", ["width", "state"], "width"),
        ("Width", ["width", "state"], "width"),
        ("survey_andrulis", ["adc/survey_andrulis_2024", "dac/x"], "adc/survey_andrulis_2024"),
        ("adc/survey_andrulis_2023", ["adc/survey_andrulis_2024"], "adc/survey_andrulis_2024"),
        ("qqq", ["width", "state"], ""),
        ("", ["width"], ""),
        (8, ["width"], ""),
        ("x", [], ""),
        ("Mhz", ["mHz", "MHz"], "MHz"),
        ("acd.yaml", ["dac.yaml", "adc.yaml"], "adc.yaml"),
    ],
)
def test_nearest(name: object, candidates: list[str], expected: str) -> None:
    assert nearest(name, candidates) == expected


@given(st.lists(st.text(max_size=12), max_size=6), st.text(max_size=12))
def test_nearest_is_a_candidate_or_nothing(candidates: list[str], name: str) -> None:
    assert nearest(name, candidates) in {*candidates, ""}


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6), st.data())
def test_a_candidate_is_nearest_to_itself(candidates: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(candidates))
    assert nearest(name, candidates).casefold() == name.casefold()
