"""What pyproject.toml declares is what the package imports and ships."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

import imssa_sim

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "imssa_sim"
CHECKPOINTS = sorted((ROOT / "checkpoints").glob("*.safetensors"))
MODULE = {"scikit-learn": "sklearn", "ruamel.yaml": "ruamel", "pyvcd": "vcd"}


def _project() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        return dict(tomllib.load(stream))


def _modules(requirements: list[str]) -> set[str]:
    names = [re.split(r"[<>=!~\[; ]", text, maxsplit=1)[0] for text in requirements]
    return {MODULE.get(name.lower(), MODULE.get(name, name)) for name in names}


def _imported(files: list[Path]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                found.setdefault(name.split(".")[0], set()).add(str(file.relative_to(ROOT)))
    standard = {*sys.stdlib_module_names, "imssa_sim"}
    return {name: files for name, files in found.items() if name not in standard}


def test_every_import_of_the_package_is_declared() -> None:
    project: dict = _project()["project"]  # type: ignore[type-arg,assignment]
    declared = _modules(project["dependencies"])
    for extra in ("train", "audio", "data", "search", "cluster"):
        declared |= _modules(project["optional-dependencies"][extra])
    # What the declared packages bring and name as theirs.
    declared |= {"pydantic_core", "llvmlite"}
    undeclared = {
        n: f for n, f in _imported(list(PACKAGE.rglob("*.py"))).items() if n not in declared
    }
    assert undeclared == {}


def test_extras_are_imported_only_where_they_are_used() -> None:
    project: dict = _project()["project"]  # type: ignore[type-arg,assignment]
    optional = _modules(project["optional-dependencies"]["train"])
    for file in PACKAGE.rglob("*.py"):
        if "training" in file.parts:
            continue
        top = ast.parse(file.read_text(encoding="utf-8")).body
        names = {
            alias.name.split(".")[0]
            for node in top
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {(node.module or "").split(".")[0] for node in top if isinstance(node, ast.ImportFrom)}
        assert not names & optional, file


@pytest.mark.parametrize("folder", ["device_models", "hardware", "workloads", "checkpoints"])
def test_folders_that_ship_in_the_wheel_exist(folder: str) -> None:
    tool: dict = _project()["tool"]  # type: ignore[type-arg,assignment]
    shipped = tool["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert shipped[folder] == f"imssa_sim/_data/{folder}"
    assert any((ROOT / folder).iterdir())


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_changelog_citation_and_package_agree_on_the_version() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.+)$", changes, re.M)
    assert headings[0] == "[Unreleased]"
    assert headings.count("[Unreleased]") == 1
    released = re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", headings[1])
    assert released is not None
    cited = (ROOT / "CITATION.cff").read_text("utf-8")
    assert released.groups() == (
        re.findall(r"^version: (.+)$", cited, re.M)[0],
        re.findall(r"^date-released: (.+)$", cited, re.M)[0],
    )
    assert released[1] == imssa_sim.__version__


@pytest.mark.parametrize(
    "path", sorted((ROOT / "checkpoints").glob("*.safetensors")), ids=lambda p: p.stem
)
def test_checkpoints_say_how_to_make_them_anywhere(path: Path) -> None:
    """Their command names the file as it ships, and no folder of the machine that made it."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    stored = json.loads(content[8 : 8 + length])["__metadata__"]["imssa_sim"]
    command = json.loads(stored)["command"]
    assert f"-o checkpoints/{path.name}" in command
    assert not re.search(r"[ \"'=]/\w", command)
