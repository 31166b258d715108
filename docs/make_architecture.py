"""Write the diagram and table of docs/architecture.md from the import contract of pyproject.toml.

``python docs/make_architecture.py`` rewrites what stands between the page's two marks; a test
fails while the page differs.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- layers: begin -->\n", "<!-- layers: end -->\n"


def layers(root: Path = ROOT) -> list[list[str]]:
    """Return the packages of each layer, the highest first."""
    with (root / "pyproject.toml").open("rb") as stream:
        contracts = tomllib.load(stream)["tool"]["importlinter"]["contracts"]
    (contract,) = [c for c in contracts if c["type"] == "layers"]
    return [[name.strip().strip("()") for name in layer.split("|")] for layer in contract["layers"]]


def subject(name: str, root: Path = ROOT) -> str:
    """Return the first sentence of a package's own description."""
    place = root / "imssa_sim" / name
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def diagram(root: Path = ROOT) -> str:
    """Return the layers as a Mermaid flowchart, one box for each."""
    rows = layers(root)
    lines = ["```mermaid", "flowchart TD"]
    for number, row in enumerate(rows):
        lines.append(f"  layer{len(rows) - number}[{' · '.join(row)}]")
    lines += [f"  layer{number} --> layer{number - 1}" for number in range(len(rows), 1, -1)]
    return "\n".join([*lines, "```", ""])


def table(root: Path = ROOT) -> str:
    """Return what each package holds, the highest first."""
    lines = ["| package | holds |", "|---|---|"]
    lines += [f"| `{name}` | {subject(name, root)} |" for row in layers(root) for name in row]
    return "\n".join([*lines, ""])


def page(root: Path = ROOT) -> str:
    """Return the page with diagram and table brought up to date."""
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{diagram(root)}\n{table(root)}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
