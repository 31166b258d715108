"""Names of the package: each means one thing, wherever it stands."""

import ast
import io
import tokenize
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "imssa_sim"
MODULES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}


def test_no_two_public_classes_have_one_name():
    found = defaultdict(list)
    for path, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert len(found) > 300
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


HOMES = {
    "kernel_reverse": {"program/blocks.py"},
    "fused_lookahead": {"mapping/kernels/fused_lookahead.py"},
    "fused_delayed": {"mapping/kernels/fused_delayed.py"},
    "fused_delta": {"mapping/kernels/fused_delta.py"},
    "two_pass": {"mapping/kernels/two_pass.py"},
}
SCHEMA = "config/schema/chip.py"


def texts(path):
    """Return the strings of a module that are no documentation, f-strings included."""
    source = path.read_text(encoding="utf-8")
    documents = {
        (node.value.lineno, node.value.col_offset)
        for node in ast.walk(MODULES[path])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    kinds = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in kinds and token.start not in documents:
            yield token.start[0], token.string


def test_names_of_mappings_and_of_a_direction_stand_at_home_alone():
    found = defaultdict(set)
    for path in MODULES:
        place = path.relative_to(PACKAGE).as_posix()
        for _, text in texts(path):
            for name in HOMES:
                if name in text:
                    found[name].add(place)
    assert {name: places - {SCHEMA} for name, places in found.items()} == HOMES


def test_no_identifier_carries_the_name_of_the_other_direction():
    for path, tree in MODULES.items():
        names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        names |= {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        assert not {n for n in names if "kernel_reverse" in n}, path
