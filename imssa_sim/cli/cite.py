"""``cite``: BibTeX of what a run or a workload rests on."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.cards import METHODS, cite_cards
from imssa_sim.config import LoadedConfig, load_config
from imssa_sim.config.cards import cards_used
from imssa_sim.errors import InputError

RESOLVED = "config.resolved.yaml"
CITATIONS = "citations.bib"


def cite(source: str, overrides: list[str], output: Path | None) -> None:
    """Print BibTeX, or write it to a file that does not exist yet.

    Raises
    ------
    InputError
        If the folder is not that of a run, or the file exists or cannot be written.
    """
    text = _citations(source, overrides)
    if output is None:
        print(text, end="")
        return
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(f"{output} exists; remove it, or give another name") from None
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from None


def _of_workload(loaded: LoadedConfig) -> str:
    more = loaded.base.citations() if loaded.base else ()
    return cite_cards(cards_used(loaded.config).values(), (*METHODS, *more))


def _citations(source: str, overrides: list[str]) -> str:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return _of_workload(load_config(source, overrides))
    if overrides:
        raise InputError("--set applies to a workload; a run's folder holds what was run")
    written = folder / CITATIONS
    if written.is_file():
        return written.read_text(encoding="utf-8")
    resolved = folder / RESOLVED
    if resolved.is_file():
        return _of_workload(load_config(resolved))
    raise InputError(
        f"{source} is not the folder of a run: it holds neither {CITATIONS} nor {RESOLVED}"
    )
