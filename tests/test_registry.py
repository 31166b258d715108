"""Names of this package and of others, and what is said where they do not fit."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from imssa_sim.errors import InputError
from imssa_sim.registry import Registry, plugin_names

GROUP = "imssa_sim.tests"


def put(install: Any, name: str, *points: str) -> None:
    """Install a distribution with a module that works and one that does not."""
    modules = {
        f"{name}_module": "THING = 'from the plugin'",
        f"{name}_broken": "raise RuntimeError('no such library')",
    }
    install(name, {GROUP: dict(point.split(" = ") for point in points)}, **modules)


@pytest.fixture
def registry() -> Registry[str]:
    return Registry("thing", GROUP, {"one": "own"})


def test_own_objects_are_found_by_name(registry: Registry[str]) -> None:
    assert registry.add("two", "own too") == "own too"
    assert registry["one"] == "own"
    assert (registry.names(), "two" in registry, "three" in registry) == (
        ("one", "two"),
        True,
        False,
    )


def test_a_name_is_given_once(registry: Registry[str]) -> None:
    with pytest.raises(ValueError, match="two things 'one'"):
        registry.add("one", "again")


def test_an_unknown_name_is_answered_with_the_nearest(registry: Registry[str]) -> None:
    with pytest.raises(InputError, match=r"unknown thing 'onne'; did you mean 'one'\? \(one of"):
        registry["onne"]


def test_what_another_package_adds_is_imported_when_asked_for(
    registry: Registry[str], install: Any
) -> None:
    put(install, "lazy", "three = lazy_module:THING", "bad = lazy_broken:THING")
    assert registry.names() == ("one", "bad", "three")
    assert "lazy_module" not in sys.modules
    assert registry["three"] == "from the plugin"


def test_a_package_that_cannot_be_imported_is_named(registry: Registry[str], install: Any) -> None:
    put(install, "faulty", "bad = faulty_broken:THING")
    with pytest.raises(
        InputError,
        match=r"thing 'bad' of faulty cannot be imported from faulty_broken:THING: "
        r"RuntimeError: no such library",
    ):
        registry["bad"]


def test_two_packages_with_one_name_are_refused(registry: Registry[str], install: Any) -> None:
    put(install, "first", "same = first_module:THING", "one = first_module:THING")
    put(install, "second", "same = second_module:THING")
    with pytest.raises(InputError, match="'same' is defined more than once, by first and second"):
        registry["same"]
    with pytest.raises(InputError, match="'one' is defined more than once, by imssa_sim and first"):
        registry["one"]


def test_kinds_that_share_a_group_are_told_apart_by_their_prefix(install: Any) -> None:
    put(install, "both", "a.x = both_module:THING", "b.x = both_module:THING")
    assert plugin_names(GROUP, "a.") == ("x",)
    registry: Registry[str] = Registry("thing", GROUP, prefix="a.")
    assert registry["x"] == "from the plugin"
