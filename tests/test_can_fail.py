"""Every test of the suite can fail: it asserts, expects an error, or calls a helper that does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
EXPECTS = {"raises", "warns", "fail", "deprecated_call"}
REFUSES = {
    "check_runnable": "tests/model/test_runnable.py: raises by itself, beside tests that it does",
}
"""Functions of the package that a test calls to see that they raise nothing."""

Functions = dict[str, ast.FunctionDef | ast.AsyncFunctionDef]


def functions(tree: ast.Module) -> Functions:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in ast.walk(tree) if isinstance(node, kinds)}


def _asserts(function: ast.AST, known: set[str]) -> bool:
    swallowed = {
        id(inner)
        for node in ast.walk(function)
        if isinstance(node, ast.Try) and any(_catches(handler) for handler in node.handlers)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(function):
        if id(node) in swallowed:
            continue
        if isinstance(node, ast.Assert) and not (
            isinstance(node.test, ast.Constant) and node.test.value
        ):
            return True
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in EXPECTS or "assert" in name or name in known:
                return True
    return False


def _catches(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler catches a failed assertion and lets it go."""
    names = {"Exception", "BaseException", "AssertionError"}
    caught = handler.type is None or any(
        isinstance(node, ast.Name) and node.id in names for node in ast.walk(handler.type)
    )
    return caught and not any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def closure(own: Functions, known: set[str]) -> set[str]:
    """Return the functions that assert, themselves or through others."""
    found = set(known)
    while True:
        more = {n for n, f in own.items() if n not in found and _asserts(f, found)}
        if not more:
            return found
        found |= more


@pytest.fixture(scope="module")
def trees() -> dict[Path, Functions]:
    return {p: functions(ast.parse(p.read_text("utf-8"))) for p in FOLDER.rglob("*.py")}


def test_every_test_asserts(trees: dict[Path, Functions]) -> None:
    shared = set(REFUSES)
    for path, own in trees.items():
        if not path.name.startswith("test_"):
            shared |= closure(own, set()) & set(own)
    idle = [
        f"{path.relative_to(FOLDER)}:{own[name].lineno} {name}"
        for path, own in trees.items()
        for name in sorted(set(own) - closure(own, shared))
        if name.startswith("test_")
    ]
    assert not idle


@pytest.mark.parametrize(
    ("body", "can_fail"),
    [
        ("x = 1", False),
        ("assert True", False),
        ("assert x", True),
        ("with pytest.raises(ValueError): f()", True),
        ("try:\n        assert x\n    except Exception: pass", False),
        ("try:\n        assert x\n    except KeyError: pass", True),
        ("helper()", True),
    ],
)
def test_it_tells_them_apart(body: str, can_fail: bool) -> None:
    own = functions(ast.parse(f"def helper():\n    assert y\ndef test_a():\n    {body}\n"))
    assert ("test_a" in closure(own, set())) is can_fail
