"""docs/decisions/0002 shows every key, with the defaults that the schema has."""

import re
from pathlib import Path

import pytest

from imssa_sim.config import RunConfig, load_config
from imssa_sim.config.walk import all_paths, section_of
from imssa_sim.files.source import dotted, read_file

PAGE = Path(__file__).parents[2] / "docs" / "decisions" / "0002-configuration.md"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The page's YAML block as a file."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "example.yaml"
    path.write_text(block, encoding="utf-8")
    return path


def test_the_page_has_every_key_and_no_other(example: Path) -> None:
    shown = {dotted(path) for path in read_file(example, "x").keys}
    assert shown == {*all_paths(RunConfig), "bits.default"}


def test_the_pages_example_is_valid(example: Path) -> None:
    assert load_config(example).config.workload == "scifar"


def test_the_values_marked_as_defaults_are_the_defaults(example: Path, tmp_path: Path) -> None:
    """Leave out every line with a default in brackets: the configuration must not change."""
    lines = example.read_text(encoding="utf-8").splitlines()
    stated = load_config(example).config.model_dump()
    marked = [line for line in lines if re.search(r"# .*\[[^\]]+\]", line)]
    other = ("bits", "description", "fallback", "baselines")
    for line in marked:
        key, value = re.match(r"\s*(\w+): (.*?)\s*#", line).groups()  # type: ignore[union-attr]
        default = re.search(r"\[([^\]]+)\]", line.split("#", 1)[1])[1]  # type: ignore[index]
        if default not in ("this",) and key not in other:
            assert value == default, line
    kept = [line for line in lines if line not in marked or line.split(":")[0].strip() in other]
    # A section whose lines are all gone goes too.
    text = "\n".join(kept) + "\n"
    for _ in range(3):
        text = re.sub(r"^( *)[\w]+:(?: +#.*)?\n(?!\1 )", "", text, flags=re.MULTILINE)
    short = tmp_path / "short.yaml"
    short.write_text(text, encoding="utf-8")
    assert len(kept) < len(lines) / 2
    assert load_config(short).config.model_dump() == stated


def test_every_section_forbids_unknown_keys() -> None:
    for path in all_paths(RunConfig):
        from imssa_sim.config.walk import field_at

        section = section_of(field_at(RunConfig, tuple(path.split("."))))
        if section is not None:
            assert section.model_config["extra"] == "forbid"
            assert section.model_config["frozen"]
            assert section.model_config["strict"]
